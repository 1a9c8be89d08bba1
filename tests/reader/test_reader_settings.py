"""Settings of a reader: what is refused, by the path of the setting."""

import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest

from anzan.errors import AnzanError
from anzan.reader.settings import (
    ChoiceSettings,
    DebiasSettings,
    MaskSettings,
    ReaderSettings,
    SupervisionSettings,
)
from anzan.settings import ConfigError, from_mapping

SEVERAL = {"objective": "unordered-set"}
NAMES = "straight-through, decoupled-straight-through, gumbel-rao, reinmax, .*, exact-marginal, .*, unordered-set"


@pytest.mark.parametrize(
    ("group", "values", "message"),
    [
        (ChoiceSettings, {"objective": "exact"}, f"objective: 'exact' is unknown; choose among {NAMES}"),
        (ChoiceSettings, {"entropy": -0.1}, "entropy: a weight of 0 or more, got -0.1"),
        (
            ChoiceSettings,
            SEVERAL | {"options": {"sure": 0.5}},
            r"options\.sure: a probability above 0\.5, up to 1 \(read all samples\), got 0\.5",
        ),
        (ChoiceSettings, SEVERAL | {"options": {"sure": 1.1}}, r"options\.sure: a probability .*, got 1\.1"),
        (MaskSettings, {"arguments": "yes"}, "arguments: 'yes' is unknown; choose among random, fixed, or null"),
        (MaskSettings, {"stale": 0.5}, r"stale: a share from 0 to 1 that needs mask\.arguments, got 0\.5"),
        (MaskSettings, {"arguments": "random", "stale": 1.5}, "stale: a share from 0 to 1 .*, got 1.5"),
        (MaskSettings, {"arguments": "random", "stale": -1.0}, "stale: a share from 0 to 1 .*, got -1.0"),
        (MaskSettings, {"choosing": True}, r"choosing: needs mask\.arguments"),
        (
            SupervisionSettings,
            {"argument_loss": "bcee"},
            "argument_loss: 'bcee' is unknown; choose among bce, marginal, none",
        ),
        (
            SupervisionSettings,
            {"argument_loss": "none", "self_training": 0.5},
            "self_training: needs an argument_loss, bce or marginal",
        ),
        (DebiasSettings, {"guesses": -1.0}, "guesses: 0 for none, or a power such as 1.0, got -1.0"),
    ],
)
def test_what_a_group_refuses(group: Any, values: dict[str, Any], message: str) -> None:
    """The message begins with the name inside the group; from a mapping, with the whole path."""
    with pytest.raises(AnzanError, match=f"^{message}$") as error:
        group(**values)
    assert "\n" not in str(error.value)
    path = {ChoiceSettings: "choice", MaskSettings: "mask", SupervisionSettings: "supervision"}.get(group, "debias")
    with pytest.raises(ConfigError, match=rf"^model\.{path}\.{message}$"):
        from_mapping(ReaderSettings, {path: values}, "model.")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"calls": 2}, "calls: 1, or more with an objective such as unordered-set, got 2 with straight-through"),
        ({"calls": 0}, "calls: 1, or more with an objective such as unordered-set, got 0 with straight-through"),
        ({"calls": 0, "choice": SEVERAL}, "calls: 1, or more .*, got 0 with unordered-set"),
        ({"constants": ["100", "pi"]}, r"constants: 'pi' is not a number; write such as 100 or 0\.5"),
        ({"digit_places": -1}, "digit_places: 0 for none, or how many, such as 16, got -1"),
        (
            {"debias": {"guesses": 1.0}, "operations": []},
            r"debias\.guesses: needs one call of a calculator; change operations or calls",
        ),
        (
            {"debias": {"guesses": 1.0}, "calls": 2, "choice": SEVERAL},
            r"debias\.guesses: needs one call of a calculator; change operations or calls",
        ),
        ({"choices": {}}, r"unknown setting model\.choices: did you mean model\.choice\?"),
        ({"mask": {"argument": "random"}}, r"unknown setting model\.mask\.argument: did you mean .*arguments\?"),
        ({"mask": "random"}, r"model\.mask: a group of settings is needed, got 'random'"),
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
        "operations": ["+", "-"],
        "calls": 1,
        "constants": [],
        "digit_places": 0,
        "choice": {"objective": "straight-through", "options": {}, "entropy": 0.0},
        "mask": {"arguments": None, "choosing": False, "stale": 0.0},
        "supervision": {"argument_loss": "bce", "self_training": 0.0},
        "debias": {"guesses": 0.0},
    }


def test_a_single_value_is_a_list_and_a_number_is_text_where_needed() -> None:
    made = from_mapping(ReaderSettings, {"operations": "/", "constants": [100, 0.5], "mask": {"arguments": None}})
    assert made.operations == ["/"] and made.constants == ["100", "0.5"] and made.mask == MaskSettings()


def test_they_are_read_without_anything_heavy() -> None:
    program = "import sys, anzan.reader.settings; print({'torch', 'transformers'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
