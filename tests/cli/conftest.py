"""A small model, and problems for it."""

from pathlib import Path

import pytest
from commands import run

from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import write_problems


@pytest.fixture(autouse=True)
def no_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANZAN_DEBUG", raising=False)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, small_run: list[str]) -> Path:
    """A reader after two steps of training."""
    out = tmp_path_factory.mktemp("runs") / "new" / "model"
    ledger = out.parent / "results"
    result = run("train", "paper", *small_run, "--out", out, "--results", ledger)
    assert result.exit_code == 0, result.stderr
    assert (
        ledger / "possession/transfer/max-argmax" / f"paper-{small_run[0].rpartition('/')[2]}-laptop-easy-0.json"
    ).is_file()
    return out


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "problems.jsonl"
    write_problems(generate(Possession(people=4, transfers=1), 10, 0, "eval"), path)
    return path
