"""A question and its passage as one sequence of tokens, with the numbers in it and what has been calculated so far.

Order: `[CLS] question [SEP] passage [SEP]`, the constants that the calculator may be given besides, if any, with their
own `[SEP]`, then what earlier calls of the calculator printed. Mentions, and so the operands of a printed calculation,
go in the order in which a person reads them: passage first, then question, then constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from anzan.arithmetic.calculator import Printed, Value

QUESTION, PASSAGE, RESULTS, STEP, CONSTANT = "question", "passage", "calculator", "step", "constant"

NOTHING = Printed("", ())

RESULT_SEGMENT = 2
"""The token type of results, for encoders that have a third one."""

Span = tuple[int, int]
"""First and last token, both included."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A number in the user's text: its value, its character offsets there, its first and last token here.

    `where` is `question`, `passage`, `step` for a result of an earlier call, whose offsets are in what that printed, or
    `constant`, which has none (0).
    """

    value: Fraction
    text: str
    start: int
    end: int
    where: str
    span: Span


@dataclass(frozen=True, slots=True)
class Token:
    """Where a token stands in the user's text (characters), and whether a word starts or ends with it."""

    where: str
    start: int
    end: int
    starts_word: bool
    ends_word: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A printed result as tokens, its [SEP] included, and the token span of each printed number.

    `operands` has the tokens of each operand's digits, with the argument (0 or 1) that it is; `results` those of each
    result's. `printed` is the line that it was made from.
    """

    ids: list[int]
    fields: list[tuple[Value, Span, str | None]]
    operands: Sequence[tuple[int, Sequence[int]]] = ()
    results: Sequence[Sequence[int]] = ()
    printed: Printed = NOTHING


@dataclass(frozen=True, slots=True)
class Call:
    """An earlier call of the calculator: the pair of mentions it was given, its row, the token where that begins, and
    the mention that its first result is.
    """

    pair: tuple[int, int]
    row: Row
    start: int
    first: int


@dataclass(frozen=True, slots=True)
class Text:
    """A question and its passage as one sequence, with what earlier calls of the calculator printed behind them.

    `tokens[i]` is None at [CLS] and [SEP], and in the rows of `calls`.
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
        """Pairs of mentions, by index, the earlier one first: every pair but two constants, or after a call every pair
        of its results with anything before them.
        """
        everything = range(len(self.mentions))
        if not self.calls:  # constants are the last
            return [pair for pair in combinations(everything, 2) if self.mentions[pair[0]].where != CONSTANT]
        first = self.calls[-1].first
        return [(i, result) for i in range(first) for result in everything[first:]]

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
        """The numbers that earlier calls printed: where they stand, their values, and the operation that made them."""
        return {
            (c.start + first, c.start + last): (value, operation)
            for c in self.calls
            for value, (first, last), operation in c.row.fields
        }
