"""User-defined operations: what they print, and that nothing is imported without permission."""

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from anzan.arithmetic import Calculator, functions
from anzan.cli import app
from anzan.reader.encode import TextEncoder
from anzan.reader.encoders import TINY, locate_encoder
from anzan.reader.tokenizer import load_tokenizer

MODULE = """
from pathlib import Path
Path("imported").touch()

def halves(a, b):
    return (a + b) / 2

def share(a, b):
    return None if b > a else float(a) / float(b)
"""


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(functions, "_allowed", True)
    yield


def test_it_is_printed_between_its_operands_in_both_directions(allowed: None) -> None:
    printed = Calculator(("+", "math:gcd"))(10, 15)
    assert printed.text == "25 = 10 + 15 , 5 = 10 gcd 15 , 5 = 15 gcd 10"
    for field in printed.fields:
        assert Fraction(printed.text[field.start : field.end]) == field.value
    assert [f.operation for f in printed.fields[::3]] == ["+", "gcd", "gcd"]


def test_if_it_fails_its_clause_is_left_out_and_the_first_failure_reported(allowed: None) -> None:
    calculator = Calculator(("+", "math:gcd"))
    half = Fraction(1, 2)
    with pytest.warns(RuntimeWarning, match=r"math:gcd\(1/2, 3\) has no result"):
        assert calculator(half, 3).text == "3.5 = 0.5 + 3"
    with pytest.warns(RuntimeWarning, match="division by zero"):
        assert Calculator(("math:log",))(1, 3).text == "0 = 1 log 3"


def test_floats_are_taken_as_they_are_written(allowed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_of_floats.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    printed = Calculator(("mine_of_floats:halves", "mine_of_floats:share"))(10, 3)
    assert printed.text == "6.5 = 10 halves 3 , 6.5 = 3 halves 10 , 3.3333333333333335 = 10 share 3"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("math:nothing", "cannot be imported"),
        ("no_such_module:f", "cannot be imported"),
        ("math:pi", "is not a function"),
    ],
)
def test_a_missing_function_is_an_error(allowed: None, name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"operations: {name} {reason}"):
        Calculator((name,))


def test_without_permission_nothing_is_imported() -> None:
    with pytest.raises(ValueError, match="--allow-imports"):
        Calculator(("wave:open",))
    for name in ("math.gcd", "__import__('os'):system", "os:system('x')", ":f", "m:", "a b:c"):
        with pytest.raises(ValueError, match="is unknown"):
            Calculator((name,))


def test_every_character_is_a_token_and_fields_are_where_the_line_has_them(allowed: None) -> None:
    text_encoder = TextEncoder(load_tokenizer(locate_encoder(TINY)), Calculator(("-", "math:gcd")), 512)
    row = text_encoder.row(text_encoder.calculator(12, 18))
    assert row is not None
    assert text_encoder.tokenizer.unk_token_id not in row.ids
    tokens = text_encoder.tokenizer.convert_ids_to_tokens(row.ids)
    for value, (first, last), _ in row.fields:
        shown = "".join(t.removeprefix("##") for t in tokens[first : last + 1])
        assert Fraction(shown) == value


def test_a_setting_imports_only_with_the_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_run: list[str]
) -> None:
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)

    def anzan(*args: str) -> Result:
        """The command as in a process of its own, which does not look for modules in the folder it is called from."""
        with monkeypatch.context() as fresh:
            fresh.setattr(functions, "_allowed", False)
            fresh.setattr(sys, "path", [folder for folder in sys.path if folder])
            sys.modules.pop("mine", None)
            return CliRunner().invoke(app, args, prog_name="anzan")

    run = ["train", "paper", "--out", "run", *small_run, 'model.operations=["-","mine:halves"]']
    refused = anzan(*run)
    assert refused.exit_code == 1 and refused.stderr.count("\n") <= 2 and "--allow-imports" in refused.stderr
    assert not (tmp_path / "imported").exists()
    done = anzan("--allow-imports", *run)
    assert done.exit_code == 0, done.stderr
    (tmp_path / "imported").unlink()
    ask = ["ask", "run", "--passage", "Anna has 5 pens. Bob has 3 pens.", "--question", "How many?", "--json"]
    refused = anzan(*ask)
    assert refused.exit_code == 1 and "--allow-imports" in refused.stderr and not (tmp_path / "imported").exists()
    done = anzan("--allow-imports", *ask)
    assert done.exit_code == 0 and "4 = 5 halves 3" in done.stdout
