"""The configuration that is saved beside the weights."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from anzan.errors import AnzanError
from anzan.reader.config import FORMAT, CalculatorReaderConfig
from anzan.reader.settings import ChoiceSettings, ReaderSettings

IDS: dict[str, Any] = {"digit_ids": [list(range(10)), list(range(10, 20))], "mask_id": 4}
EVERYTHING = {
    "numbers": "symbols",
    "operations": ["+", "*"],
    "calls": 2,
    "constants": ["100", "0.5"],
    "implied": True,
    "choice": {
        "objective": "unordered-set",
        "options": {"samples": 3.0, "sure": 0.9},
        "call_cost": 0.1,
    },
    "supervision": {"argument_loss": "marginal"},
}


def test_all_of_it_is_saved_and_read(tmp_path: Path) -> None:
    config = CalculatorReaderConfig(
        encoder={"model_type": "bert", "hidden_size": 24, "max_position_embeddings": 99},
        settings=EVERYTHING, dropout=0.1, max_answer_words=5, max_tokens=700,
        vocabulary=9, written_ids={"sep": 3}, **IDS,
    )  # fmt: skip
    config.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert saved["format"] == FORMAT == 4 and saved["model_type"] == "anzan-reader"
    assert saved["settings"] == EVERYTHING
    loaded = CalculatorReaderConfig.from_pretrained(tmp_path)
    assert isinstance(loaded.settings, ReaderSettings) and asdict(loaded.settings) == EVERYTHING
    for name in ("encoder", *IDS, "vocabulary", "written_ids", "dropout", "max_answer_words", "max_tokens"):
        assert getattr(loaded, name) == getattr(config, name), name
    assert loaded.max_positions == 99 and loaded.encoder_config().hidden_size == 24
    assert loaded.to_dict() == config.to_dict()


def test_settings_are_a_mapping_or_their_own_class() -> None:
    settings = ReaderSettings(choice=ChoiceSettings(call_cost=0.5))
    given = CalculatorReaderConfig(settings=settings, **IDS)
    mapping = CalculatorReaderConfig(settings={"choice": {"call_cost": 0.5}}, **IDS)
    assert given.settings == mapping.settings == settings
    assert CalculatorReaderConfig().settings == ReaderSettings()


def test_settings_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(AnzanError, match=r"^choice\.objective: 'exact' is unknown; choose among"):
        CalculatorReaderConfig(settings={"choice": {"objective": "exact"}})
    with pytest.raises(AnzanError, match=r"^unknown setting hide_arguments: known here: calls, choice"):
        CalculatorReaderConfig(settings={"hide_arguments": True})


def test_symbols_need_the_ids_of_what_is_written() -> None:
    settings = {"numbers": "symbols", "operations": []}
    written = {"sep": 3, "+": 5}
    made = CalculatorReaderConfig(settings=settings, vocabulary=9, written_ids=written, **IDS)
    assert made.symbol_ids is not None and made.symbol_ids.first == 9
    assert CalculatorReaderConfig(**IDS).symbol_ids is None
    with pytest.raises(AnzanError, match=r"^written_ids: needed with symbols; give what anzan\.reader\.tok") as error:
        CalculatorReaderConfig(settings=settings, **IDS)
    assert "\n" not in str(error.value)
