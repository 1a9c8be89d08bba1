"""Settings of a reader: what is refused, by the path of the setting."""

import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest

from anzan.errors import AnzanError
from anzan.reader.settings import (
    ChoiceSettings,
    ReaderSettings,
    SupervisionSettings,
)
from anzan.settings import ConfigError, from_mapping

SEVERAL = {"objective": "unordered-set"}
SYMBOLS = {"numbers": "symbols", "choice": SEVERAL, "supervision": {"argument_loss": "marginal"}}
NAMES = "straight-through, decoupled-straight-through, gumbel-rao, reinmax, .*, exact-marginal, .*, unordered-set"


@pytest.mark.parametrize(
    ("group", "values", "message"),
    [
        (ChoiceSettings, {"objective": "exact"}, f"objective: 'exact' is unknown; choose among {NAMES}"),
        (ChoiceSettings, {"call_cost": -0.5}, "call_cost: a cost of 0 or more, got -0.5"),
        (
            ChoiceSettings,
            SEVERAL | {"options": {"sure": 0.5}},
            r"options\.sure: a probability above 0\.5, up to 1 \(read all samples\), got 0\.5",
        ),
        (ChoiceSettings, SEVERAL | {"options": {"sure": 1.1}}, r"options\.sure: a probability .*, got 1\.1"),
        (
            SupervisionSettings,
            {"argument_loss": "bcee"},
            "argument_loss: 'bcee' is unknown; choose among bce, marginal, none",
        ),
    ],
)
def test_what_a_group_refuses(group: Any, values: dict[str, Any], message: str) -> None:
    """The message begins with the name inside the group; from a mapping, with the whole path."""
    with pytest.raises(AnzanError, match=f"^{message}$") as error:
        group(**values)
    assert "\n" not in str(error.value)
    path = {ChoiceSettings: "choice", SupervisionSettings: "supervision"}[group]
    with pytest.raises(ConfigError, match=rf"^model\.{path}\.{message}$"):
        from_mapping(ReaderSettings, {path: values}, "model.")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"numbers": "words"}, "numbers: 'words' is unknown; choose among digits, symbols"),
        ({"calls": 2}, "calls: 1, or more with numbers=symbols, got 2"),
        ({"calls": 0}, "calls: 1, or more with numbers=symbols, got 0"),
        (SYMBOLS | {"calls": 0}, "calls: 1, or more with numbers=symbols, got 0"),
        (
            SYMBOLS | {"choice": {"objective": "gumbel-rao"}},
            r"choice\.objective: gumbel-rao reads one result; with symbols choose one that reads several, such as "
            "unordered-set",
        ),
        (
            SYMBOLS | {"supervision": {"argument_loss": "bce"}},
            r"supervision\.argument_loss: marginal or none with symbols, got bce",
        ),
        ({"constants": ["100", "pi"]}, r"constants: 'pi' is not a number; write such as 100 or 0\.5"),
        ({"choices": {}}, r"unknown setting model\.choices: did you mean model\.choice\?"),
        ({"choice": {"objectiv": "reinmax"}}, r"unknown setting model\.choice\.objectiv: did you mean .*objective\?"),
        ({"choice": "reinmax"}, r"model\.choice: a group of settings is needed, got 'reinmax'"),
        ({"choice": {"options": {"k": "many"}}}, r"model\.choice\.options\.k: a number needed, got 'many'"),
    ],
)
def test_what_a_reader_refuses(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_mapping(ReaderSettings, values, "model.")
    assert "\n" not in str(error.value)
    whole = message if "model" in message else rf"model\.{message}"
    with pytest.raises(ConfigError, match=f"^{whole}$"):
        from_mapping(ReaderSettings, values, "model.")


def test_the_groups_are_complete_without_values() -> None:
    assert asdict(from_mapping(ReaderSettings, {})) == {
        "numbers": "digits",
        "operations": ["+", "-"],
        "calls": 1,
        "constants": [],
        "implied": False,
        "choice": {"objective": "straight-through", "options": {}, "call_cost": 0.0},
        "supervision": {"argument_loss": "bce"},
    }


def test_a_single_value_is_a_list_and_a_number_is_text_where_needed() -> None:
    made = from_mapping(ReaderSettings, {"operations": "/", "constants": [100, 0.5], "choice": {"call_cost": 0}})
    assert made.operations == ["/"] and made.constants == ["100", "0.5"] and made.choice == ChoiceSettings()


def test_they_are_read_without_anything_heavy() -> None:
    program = "import sys, anzan.reader.settings; print({'torch', 'transformers'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
