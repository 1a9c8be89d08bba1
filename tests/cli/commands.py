"""Running commands in tests."""

from typer.testing import CliRunner, Result

from anzan.cli import app

PASSAGE = "Anna has 5,903,204 grapes. Carl has 8,417,312 grapes. Anna gave 1,224,450 grapes to Grace 😀."
QUESTION = "Who has more grapes: Anna or Carl?"


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in args], prog_name="anzan")


def output_of(*args: object) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def failure_of(*args: object) -> str:
    """The one line that a command dies with."""
    result = run(*args)
    assert result.exit_code not in (0, None)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("anzan: ")
    return lines[0]
