"""From span probabilities to answers: which spans are allowed, and what a marked span says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from torch import Tensor

from anzan.arithmetic import Value, format_number, parse_number
from anzan.reader.answer import NO_ANSWER, Answer, Step
from anzan.reader.sequence import PASSAGE, QUESTION, RESULTS, Call, Row, Span, Text
from anzan.reader.spans import best_spans

Fields = Mapping[Span, tuple[Value, str | None]]
"""Printed numbers by span: their values, and the operation that made each (None for an operand)."""


@dataclass(frozen=True)
class Shown:
    """What a reading shows.

    Attributes:
        called: the text with all its calls, as they were made.
        text: the text with what all calls but the last printed, as shown.
        symbolic: whether numbers are symbols.
        pair, row: the last call's arguments, and what it printed, as shown; None for no call, or nothing printed.
    """

    called: Text
    text: Text
    pair: tuple[int, int] | None
    row: Row | None
    symbolic: bool = False

    @property
    def ids(self) -> list[int]:
        """Text and row as one sequence."""
        return [*self.text.ids, *(self.row.ids if self.row else ())]


@dataclass(frozen=True)
class Trace:
    """How an answer came about.

    Attributes:
        shown: what was read.
        span: the span that it marked there.
        answer: the answer.
        others: the next most probable answers, where they were asked for.
    """

    shown: Shown
    span: Span | None
    answer: Answer
    others: tuple[Answer, ...] = ()

    @property
    def text(self) -> Text:
        """The text with what all calls but the last printed."""
        return self.shown.text

    @property
    def symbolic(self) -> bool:
        """Whether numbers are symbols."""
        return self.shown.symbolic

    @property
    def pair(self) -> tuple[int, int] | None:
        """The arguments of the last call, as indexes of mentions; None without a call."""
        return self.shown.pair

    @property
    def row(self) -> Row | None:
        """What the last call printed, or was made to print."""
        return self.shown.row


def decode(
    shown: Shown, log_probs: tuple[Tensor, Tensor], max_words: int, most: int
) -> list[tuple[Answer, Span | None]]:
    """The most probable answers and their spans, best first; at least one.

    Args:
        log_probs: of each token as the first and as the last one of the answer, (length,) each.
        max_words: the longest answer that is read off question or passage.
        most: how many answers at most.
    """
    text, base = shown.text, len(shown.text.ids)
    last = [] if shown.row is None else shown.row.fields
    fields: Fields = text.fields | {(s + base, e + base): (v, op) for v, (s, e), op in last}
    ranked = best_spans(*log_probs, [*word_spans(text, max_words), *fields], most)
    if not ranked:
        return [(replace(NO_ANSWER, steps=_steps(shown.called, None)), None)]
    return [(_answer(shown, span, math.exp(log_p), fields), span) for span, log_p in ranked]


def _answer(shown: Shown, span: Span, confidence: float, fields: Fields) -> Answer:
    """What a marked span says."""
    text, called = shown.text, shown.called
    if span in fields:
        value, operation = fields[span]
        made_by = next((k for k, c in enumerate(text.calls, 1) if c.start <= span[0] < c.start + len(c.row.ids)), None)
        steps = _steps(called, operation, made_by)
        return Answer(format_number(value), Fraction(value), RESULTS, confidence, steps=steps)
    first, final = text.tokens[span[0]], text.tokens[span[1]]
    assert first is not None and final is not None
    source = text.question if first.where == QUESTION else text.passage
    answer, steps = source[first.start : final.end], _steps(called, None)
    return Answer(answer, parse_number(answer), first.where, confidence, first.start, final.end, steps)


def _steps(called: Text, operation: str | None, made_by: int | None = None) -> tuple[Step, ...]:
    """The calls of the calculator; `operation` is the one that made the answer, None if the answer is elsewhere.

    An answer of an early call, the `made_by`-th, needs none of the later ones.
    """
    calls = called.calls[:made_by]
    used: list[str | None] = [None] * len(calls)
    for call in calls:
        for mention in call.pair:
            maker = next((k for k, c in enumerate(calls) if c.first <= mention < c.first + _count(c)), None)
            if maker is not None:
                used[maker] = _operations(calls[maker])[mention - calls[maker].first]
    if used:
        used[-1] = operation
    return tuple(
        Step(tuple(called.mentions[i] for i in call.pair), call.row.printed.text, used_for)
        for call, used_for in zip(calls, used, strict=True)
    )


def _operations(call: Call) -> list[str]:
    """The operation of each result of a call."""
    return [f.operation for f in call.row.printed.fields if f.operation is not None]


def _count(call: Call) -> int:
    return len(_operations(call))


def word_spans(text: Text, most: int) -> Iterator[Span]:
    """Every run of at most `most` words of question or passage and every number, as (first, last) token."""
    words: list[tuple[int, int, str]] = []
    for i, token in enumerate(text.tokens):
        if token is None:
            continue
        if token.starts_word:
            words.append((i, i, token.where))
        else:
            words[-1] = (words[-1][0], i, token.where)
    numbers = {m.span for m in text.mentions if m.where in (QUESTION, PASSAGE)}
    for i, (start, _, where) in enumerate(words):
        for _, end, other in words[i : i + most]:
            if other != where:
                break
            numbers.discard((start, end))
            yield start, end
    yield from numbers
