"""Starting the command line: help, errors in one line, a closed pipe."""

import os
import resource
import subprocess
import sys
from typing import Any

import pytest
from commands import failure_of, output_of, run

from anzan import __main__
from anzan.paper.tables import RECIPES, SCALES, TABLES
from anzan.presets import preset_names
from anzan.tasks.possession import BIASES


def test_help_is_fast_and_loads_no_torch() -> None:
    script = (
        "import sys; from anzan.__main__ import main; sys.argv = ['anzan', '--help']\n"
        "try: main()\n"
        "finally: print('heavy:', *{'torch', 'transformers', 'numpy', 'matplotlib'} & {*sys.modules})"
    )

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.stdout.splitlines()[-1] == "heavy:"
        for command in ("demo", "ask", "generate", "pretrain", "train", "evaluate", "explain", "audit", "reproduce"):
            assert f"  {command} " in done.stdout
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Of the processor, not of the clock: tests may run on a busy machine.
    assert min(seconds() for _ in range(3)) < 0.5


def test_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "anzan", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "anzan 0.1.0\n"


@pytest.mark.parametrize("missing", ["typer", "transformers"])
def test_without_the_reader_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    find_spec = __main__.find_spec
    monkeypatch.setattr(__main__, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(SystemExit) as exit:
        __main__.main()
    # Python prints a text on standard error and exits with 1.
    assert exit.value.code == "anzan's commands need the reader extra: pip install 'anzan[reader]'"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["aks"], "Did you mean 'ask'? (see anzan --help)"),
        (["train"], "PRESET_OR_YAML"),
        (["train", "demo"], "--out"),
        (["ask", "model", "--pasage", "x"], "--passage"),
        (["generate", "possession", "--people", "four", "-o", "x"], "integer"),
    ],
)
def test_misspelt_commands_get_a_hint(args: list[str], hint: str) -> None:
    assert hint in failure_of(*args)


def test_without_a_command_it_shows_help() -> None:
    for args in ([], ["generate"]):
        result = run(*args)
        assert result.exit_code != 0
        assert "Usage: anzan" in result.stderr


def test_surprises_are_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(*args: Any) -> None:
        raise RuntimeError("first line\nsecond line " + "and more " * 100)

    monkeypatch.setattr("anzan.presets.load_config", surprise)
    line = failure_of("train", "demo", "--out", "x")
    assert "unexpected RuntimeError: first line second line" in line
    assert "ANZAN_DEBUG=1" in line
    assert len(line) < 400
    monkeypatch.setenv("ANZAN_DEBUG", "1")
    assert isinstance(run("train", "demo", "--out", "x").exception, RuntimeError)


def test_a_closed_pipe_is_no_surprise() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "anzan", "--help"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (["train"], preset_names()),
        (["reproduce"], [*TABLES, *RECIPES, *SCALES]),
        (["generate", "possession"], [*BIASES]),
    ],
)
def test_help_names_all_choices(command: list[str], names: list[str]) -> None:
    shown = "".join(output_of(*command, "--help").split())  # lines are wrapped within names too
    assert [name for name in names if name not in shown] == []
