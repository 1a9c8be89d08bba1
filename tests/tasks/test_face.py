"""The names of `anzan.tasks`, and what importing it costs."""

import subprocess
import sys

import pytest

import anzan.tasks

HEAVY = {"torch", "transformers", "numpy", "datasets", "anzan.tasks.formats", "anzan.arithmetic.numbers"}


@pytest.mark.parametrize("name", anzan.tasks.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(anzan.tasks, name).__name__ == name


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'anzan.tasks' has no attribute 'nothing'"):
        anzan.tasks.nothing  # noqa: B018


def test_importing_it_is_cheap() -> None:
    code = "import sys, anzan.tasks; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(run.stdout.split())
