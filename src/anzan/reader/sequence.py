"""A question and its passage as one sequence of tokens, with the numbers in it and the calculations so far.

    [CLS] question [SEP] passage [SEP] constants [SEP] row of call 1 [SEP] row of call 2 [SEP]

Numbers are digits, or a symbol each (`anzan.reader.symbols`).

The constants that the calculator may use besides, and rows, are there only if there are any. Mentions, and so the
operands of a printed calculation, are in the order in which a person reads them: passage, question, constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from anzan.arithmetic import Printed, Value

QUESTION, PASSAGE, RESULTS, STEP, CONSTANT = "question", "passage", "calculator", "step", "constant"

NOTHING = Printed("", ())

RESULT_SEGMENT = 2
"""The token type of results, for encoders that have a third one."""

Span = tuple[int, int]
"""First and last token, both inclusive."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A number that the calculator may be given.

    Attributes:
        value, text: its value, and how it is written.
        start, end: character offsets in the user's text, or in what an earlier call printed; 0 for constants.
        where: `question`, `passage`, `step` (a result of an earlier call) or `constant`.
        span: its first and last token.
        implied: whether it is a word that implies a number, such as `twice`.
    """

    value: Fraction
    text: str
    start: int
    end: int
    where: str
    span: Span
    implied: bool = False


class Token(NamedTuple):
    """A token's character offsets in the user's text, and whether a word starts or ends with it."""

    where: str
    start: int
    end: int
    starts_word: bool
    ends_word: bool


@dataclass(frozen=True, slots=True)
class Row:
    """What the calculator printed in one call, as tokens.

    Attributes:
        ids: the tokens, closing [SEP] included.
        fields: each printed number: its value, its token span, and the operation that made it (None for an operand).
        printed: the line that it was made from.
    """

    ids: list[int]
    fields: list[tuple[Value, Span, str | None]]
    printed: Printed = NOTHING


@dataclass(frozen=True, slots=True)
class Call:
    """An earlier call of the calculator.

    Attributes:
        pair: its arguments, as indexes of mentions.
        row: what it printed.
        start: the token where the row begins.
        first: the mention that is its first result.
    """

    pair: tuple[int, int]
    row: Row
    start: int
    first: int


@dataclass(frozen=True, slots=True)
class Text:
    """A question and its passage as one sequence, followed by what earlier calls of the calculator printed.

    Attributes:
        ids, types: token ids and token types.
        tokens: None at [CLS] and [SEP], and in the rows of `calls`.
        mentions: all numbers; results of calls come last.
    """

    passage: str
    question: str
    ids: list[int]
    types: list[int]
    tokens: list[Token | None]
    mentions: list[Mention]
    calls: tuple[Call, ...] = ()

    @property
    def candidates(self) -> list[tuple[int, int]]:
        """Pairs of mentions that a first call may be given, by index, the earlier one first; not two constants."""
        return [pair for pair in combinations(range(len(self.mentions)), 2) if self.mentions[pair[0]].where != CONSTANT]

    @property
    def uncalled(self) -> Text:
        """The text as it was before any call of the calculator."""
        if not self.calls:
            return self
        start, first = self.calls[0].start, self.calls[0].first
        return Text(
            self.passage,
            self.question,
            self.ids[:start],
            self.types[:start],
            self.tokens[:start],
            self.mentions[:first],
        )

    @property
    def fields(self) -> dict[Span, tuple[Value, str | None]]:
        """The numbers that earlier calls printed, by token span: their values, and the operation that made them."""
        return {
            (c.start + first, c.start + last): (value, operation)
            for c in self.calls
            for value, (first, last), operation in c.row.fields
        }
