"""The configuration of a reader, saved beside its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from anzan.arithmetic import Calculator
from anzan.errors import AnzanError
from anzan.reader.programs import Line
from anzan.reader.settings import ReaderSettings
from anzan.reader.symbols import SymbolIds
from anzan.settings import from_mapping

FORMAT = 4
"""Of a model folder; another one is refused by name."""


class CalculatorReaderConfig(PreTrainedConfig):
    """Configuration of a `CalculatorReader`.

    Args:
        encoder: the encoder's own configuration (its `to_dict()`); the reader builds its encoder from it.
        settings: a `ReaderSettings` or a mapping of its fields.
        digit_ids: the tokenizer's ids of the digits 0 to 9, at the beginning of a word and inside one: (2, 10), as
            `anzan.reader.tokenizer.model_ids` has them.
        mask_id: the id that masks a token. Both are what new symbols start from.
        vocabulary: the size of the tokenizer's vocabulary; the ids of symbols come after it.
        written_ids: the ids of the characters that the calculator writes, and of `sep`. Needed with symbols.
        dropout: dropout probability of what the heads read.
        max_answer_words: the longest answer that is read off question or passage, in words.
        max_tokens: the longest text, results included. What exceeds the encoder's positions is read in windows
            (`anzan.reader.windows`).

    Raises:
        AnzanError: settings that cannot be used, or symbols without `written_ids`.
    """

    model_type = "anzan-reader"

    def __init__(
        self,
        encoder: Mapping[str, Any] | None = None,
        settings: ReaderSettings | Mapping[str, Any] | None = None,
        digit_ids: Sequence[Sequence[int]] = (),
        mask_id: int = 0,
        vocabulary: int = 0,
        written_ids: Mapping[str, int] | None = None,
        dropout: float = 0.0,
        max_answer_words: int = 12,
        max_tokens: int = 4096,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.format = FORMAT
        self.encoder = dict(encoder or {})
        given = settings or {}
        self.settings = given if isinstance(given, ReaderSettings) else from_mapping(ReaderSettings, given)
        self.digit_ids = [list(ids) for ids in digit_ids]
        self.mask_id = mask_id
        self.vocabulary = vocabulary
        self.written_ids = dict(written_ids or {})
        if self.settings.numbers == "symbols" and not self.written_ids:
            raise AnzanError("written_ids: needed with symbols; give what anzan.reader.tokenizer.model_ids returns")
        self.dropout = dropout
        self.max_answer_words = max_answer_words
        self.max_tokens = max_tokens

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it is saved."""
        return super().to_dict() | {"settings": asdict(self.settings)}

    def encoder_config(self) -> PreTrainedConfig:
        """The encoder's configuration as an object."""
        return AutoConfig.for_model(**self.encoder)

    @property
    def symbol_ids(self) -> SymbolIds | None:
        """The ids of symbols; None where numbers are digits."""
        if self.settings.numbers == "digits":
            return None
        return SymbolIds(self.vocabulary, len(self.tools[0].clauses))

    @property
    def calculator(self) -> Calculator:
        """The calculator that the reader calls."""
        return Calculator(tuple(self.settings.operations))

    @property
    def tools(self) -> tuple[Calculator, ...]:
        """What a call can choose: the calculator, or where it prints one result, each of its clauses."""
        return self.calculator.single if self.settings.prints_one else (self.calculator,)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What a call of each tool prints where numbers are symbols."""
        return tuple(Line.of(tool, self.written_ids, self.written_ids["sep"]) for tool in self.tools)

    @property
    def max_positions(self) -> int:
        """The most tokens that the encoder reads at once."""
        return int(getattr(self.encoder_config(), "max_position_embeddings", 512))
