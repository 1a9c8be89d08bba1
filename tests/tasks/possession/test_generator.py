"""Streams of problems: their seeds, their splits, their biases."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stories import Story, assert_share

from anzan.tasks.possession import NAMES, Possession, check_disjoint, generate, guessing_scores
from anzan.tasks.problem import read_problems, write_problems


def test_the_seed_decides(tmp_path: Path) -> None:
    options = Possession(people=3, transfers=1, bias={"name": 0.5, "role": 0.5})
    problems = generate(options, 30, seed=5)
    assert generate(Possession(people=3, transfers=1, bias={"role": 0.5, "name": 0.5}), 20, seed=5) == problems[:20]
    assert generate(options, 30, seed=6) != problems
    write_problems(problems, tmp_path / "data.jsonl")
    assert read_problems(tmp_path / "data.jsonl") == problems


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        (Possession(people=4), "375525ec4b434dd7"),
        (Possession(people=4, transfers=1), "5da89fb4a04612ba"),
        (Possession(people=4, transfers=1, gap=1.0), "2cc4c0224b425e1f"),
        (Possession(people=5, transfers=2, max_digits=6, bias={"role": 0.9, "name": 0.8}), "88816379cfbdcc3c"),
    ],
)
def test_streams_stay_what_they_were(options: Possession, digest: str) -> None:
    """Results name their problems by options and seed alone."""
    problems = generate(options, 50, 1, "eval")
    text = "\n".join(f"{p.id} {p.passage} {p.question} {p.answers[0][0]}" for p in problems)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        (Possession(people=10), "00bb2b14f1637419"),
        (Possession(people=4, transfers=1), "21bef06204726aa9"),
        (Possession(people=4, transfers=1, max_digits=6, gap=1.0), "9b3fec150e362519"),
        (Possession(people=5, transfers=2, gap=10.0), "fb47d07c56d18dcf"),
        (Possession(people=4, transfers=1, bias={"role": 0.9}), "905a92bbacd70a26"),
    ],
)
def test_balanced_problems_are_those_of_before_the_free_draw(options: Possession, digest: str) -> None:
    """Byte for byte, with their facts and mentions; the digests were made by commit 138da80, without `wide`."""
    lines = [
        json.dumps(
            [p.id, p.passage, p.question, p.answers, [[*map(str, s)] for s in p.arguments or ()], p.kind, p.meta]
        )
        for p in generate(options, 300, 2, "train")
    ]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == digest


def test_hash_seeds_do_not_matter() -> None:
    code = "from anzan.tasks.possession import *; print(generate(Possession(transfers=1, bias={'name': 1}), 3, 0))"
    environments = [os.environ | {"PYTHONHASHSEED": seed} for seed in "12"]
    runs = [
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        for env in environments
    ]
    assert runs[0].stdout == runs[1].stdout != ""


def test_splits_are_disjoint() -> None:
    train, test = (generate(Possession(people=3, digits=3), 1000, 0, split) for split in ("train", "eval"))
    check_disjoint(train, test)
    texts = {(problem.passage, problem.question) for problem in train}
    assert len(texts) == 1000
    with pytest.raises(ValueError, match="are the same problem"):
        check_disjoint(train, [*test, train[7]])


def test_running_out_of_problems_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anzan.tasks.possession.generator.TRIES", 500)
    tiny = Possession(people=2, digits=1, names=("Anna", "Carl"), objects=("grapes",))
    with pytest.raises(ValueError, match="no further problem"):
        generate(tiny, 1000, seed=0)


def test_crowded_passages() -> None:
    for options in Possession(people=9, digits=1), Possession(people=len(NAMES), digits=2, transfers=1):
        assert len(generate(options, 2, seed=0)) == 2


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("kind", ["asked-order", "mention-order", "role", "leading-digits"])
def test_bias_tilts_its_cue(kind: str, p: float) -> None:
    scores = guessing_scores(generate(Possession(people=3, transfers=1, bias={kind: p}), 600, seed=3))
    assert scores[kind.replace("-", "_")] == pytest.approx(100 * p, abs=400 * (p * (1 - p) / 600) ** 0.5)
    if p >= 0.5:
        for fair in {"asked_order", "mention_order", "role"} - {kind.replace("-", "_")}:
            assert scores[fair] == pytest.approx(50, abs=8.2)


@pytest.mark.parametrize("transfers", [1, 0])
def test_bias_of_names(transfers: int) -> None:
    half = sorted(NAMES)[: len(NAMES) // 2]
    options = Possession(people=4, transfers=transfers, bias={"name": 0.8})
    stories = [Story(each) for each in generate(options, 1000, 4)]
    assert all((story.winner in half) != (story.loser in half) for story in stories)
    assert_share((story.winner in half for story in stories), 0.8)


def test_biases_combine() -> None:
    problems = generate(Possession(people=3, transfers=1, bias={"role": 1, "asked-order": 0}), 200, seed=0)
    scores = guessing_scores(problems)
    assert (scores["role"], scores["asked_order"]) == (100, 0)
