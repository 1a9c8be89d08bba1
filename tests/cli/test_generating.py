"""`anzan generate`: the problems that it writes."""

import re
from pathlib import Path
from typing import Any

import pytest
from commands import failure_of, run

from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import read_problems
from anzan.tasks.worlds import Worlds, generate_worlds


def generated(folder: Path, *args: object) -> tuple[list[Any], str]:
    path = folder / "new" / "problems.jsonl"
    result = run("generate", "possession", *args, "-o", path)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    return read_problems(path), result.stderr


def test_generate(tmp_path: Path) -> None:
    problems, said = generated(tmp_path, "--people", 4, "--digits", 5, "--transfer", "--size", 20, "--seed", 3)
    assert problems == generate(Possession(people=4, digits=5, transfers=1), 20, 3)
    assert {p.kind for p in problems} == {"max", "argmax"}
    assert "20 problems" in said
    assert re.search(r"^  role +\d+\.\d$", said, re.MULTILINE)
    assert re.search(r"^  leading digits +\d+\.\d$", said, re.MULTILINE)


def test_generate_by_seed_and_split(tmp_path: Path) -> None:
    first, _ = generated(tmp_path, "--size", 3, "--seed", 1)
    assert generated(tmp_path, "--size", 3, "--seed", 1)[0] == first
    assert generated(tmp_path, "--size", 3, "--seed", 2)[0] != first
    assert generated(tmp_path, "--size", 3, "--seed", 1, "--split", "dev")[0] != first


@pytest.mark.parametrize(
    ("questions", "kinds"),
    [("argmax", {"argmax"}), ("max", {"max"}), ("max, argmax", {"max", "argmax"}), ("both", {"max", "argmax"})],
)
def test_generate_questions(tmp_path: Path, questions: str, kinds: set[str]) -> None:
    assert {p.kind for p in generated(tmp_path, "--questions", questions, "--size", 20)[0]} == kinds


def test_generate_fewer_digits(tmp_path: Path) -> None:
    problems, _ = generated(tmp_path, "--max-digits", 3, "--no-transfer", "--people", 4, "--size", 20)
    assert {len(str(v)) for p in problems for v in p.arguments[0]} == {1, 2, 3}


def test_generate_wider_gaps(tmp_path: Path) -> None:
    problems, _ = generated(tmp_path, "--transfer", "--people", 4, "--gap", 1, "--size", 20)
    assert problems == generate(Possession(people=4, transfers=1, gap=1.0), 20, 0)


def test_generate_freely(tmp_path: Path) -> None:
    problems, said = generated(tmp_path, "--draw", "free", "--transfer", "--people", 4, "--size", 20)
    assert problems == generate(Possession(people=4, transfers=1, draw="free"), 20, 0)
    assert all(", " in p.passage and ". " not in p.passage for p in problems)
    assert re.search(r"^  role +\d+\.\d$", said, re.MULTILINE)


def test_generate_with_bias(tmp_path: Path) -> None:
    _, said = generated(tmp_path, "--transfer", "--size", 30, "--bias", "role=1", "--bias", "asked-order=0")
    assert re.search(r"role +100\.0$", said, re.MULTILINE)
    assert re.search(r"asked order +0\.0$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["--bias", "role"], "write KIND=p"),
        (["--bias", "role=much"], "write KIND=p"),
        (["--bias", "rolle=0.5"], "rolle"),
        (["--bias", "name=2"], "from 0 to 1"),
        (["--bias", "role=0.9"], "transfer"),
        (["--people", "1"], "people"),
        (["--digits", "0"], "digits"),
        (["--questions", "min"], "argmax and max"),
        (["--size", "-1"], "size"),
        (["--transfer", "--gap", "0"], "gap"),
        (["--draw", "fair"], "'--draw'"),
        (
            ["--draw", "free", "--bias", "name=0.9"],
            "bias: needs balanced problems; leave it out or choose draw=balanced",
        ),
        (["--draw", "free", "--gap", "1"], "gap: needs balanced problems; leave it out or choose draw=balanced"),
        (["--transfers", "2"], "--transfers 2: needs --transfer"),
        (["--transfer", "--transfers", "3"], "'--transfers'"),
    ],
)
def test_generate_refuses(tmp_path: Path, args: list[str], hint: str) -> None:
    assert hint in failure_of("generate", "possession", *args, "-o", tmp_path / "x.jsonl")
    assert not (tmp_path / "x.jsonl").exists()


def test_generate_worlds(tmp_path: Path) -> None:
    path = tmp_path / "worlds.jsonl"
    result = run("generate", "worlds", "--size", 30, "--seed", 2, "--kinds", "gain, loss", "--calls", 1, "-o", path)
    assert result.exit_code == 0, result.stderr
    problems = read_problems(path)
    assert problems == generate_worlds(Worlds(kinds=("gain", "loss"), calls=1), 30, 2)
    assert "30 problems" in result.stderr and re.search(r"^  question words +\d+\.\d$", result.stderr, re.MULTILINE)
    assert "no world 'gains'" in failure_of("generate", "worlds", "--kinds", "gains", "-o", path)
