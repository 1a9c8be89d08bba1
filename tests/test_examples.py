"""The examples learn what they say, from answers alone, and are short."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = ["calculator", "dates", "digit_addition", "sql", "string_edit", "units"]
STEPS = {"calculator": 300, "dates": 200, "sql": 150, "string_edit": 200, "units": 400}
"""Fewer than the examples take by default, and enough."""


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "reader", raising=False)
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore:.*days_between.* is undefined:RuntimeWarning")
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_learns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {"steps": STEPS[name]} if name in STEPS else {}
    assert load(name, monkeypatch).main(**steps) >= 0.95


def test_the_audit_separates_a_network_from_its_control(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("audit", monkeypatch)
    network, control = (example.main(control=control, steps=400) for control in (False, True))  # of 600
    assert network.verdict == "used" and network.score.mean > 90
    assert control.verdict != "used" and control.score.mean < 40  # a linear map adds no pictures


def test_a_residual_helps_a_chain_of_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    residual = load("residual", monkeypatch)  # over six seeds 56 to 75 %, against 17 to 28 % without
    assert residual.main(residual=True) > 0.5
    assert residual.main(residual=False) < 0.4


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_at_most_forty_lines(name: str) -> None:
    assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 40


@pytest.mark.slow
def test_a_chain_answers_what_one_call_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    two_steps = load("two_steps", monkeypatch)
    assert two_steps.main(calls=1) < 0.2
    assert two_steps.main(calls=2) > 0.9
