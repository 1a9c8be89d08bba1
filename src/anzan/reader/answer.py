"""An answer, and the calculation that led to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from anzan.arithmetic import Printed
from anzan.reader.sequence import PASSAGE, QUESTION, Mention, Text

Override = Callable[[Text, Printed], Printed | None]
"""Replaces the calculator's output: (text, what was printed) -> what the reader sees instead; None for nothing.

With several calls it replaces what each of them printed. The pairs that later calls are given stay; a result that goes
into one of them is the replaced one.
"""


@dataclass(frozen=True)
class Step:
    """One call of the calculator: its arguments, what it printed, and the operation that was used (or None)."""

    arguments: tuple[Mention, ...]
    calculation: str
    operation: str | None = None


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        answer: the text.
        value: the number that it is, or None.
        source: `question`, `passage` or `calculator`; None if nothing was marked.
        confidence: p(start) p(end) of the marked span.
        start, end: its character offsets in the question or passage; None where it was calculated or there is none.
        steps: the calls that it needs. Where an earlier call printed it, those up to that one.
    """

    answer: str
    value: Fraction | None
    source: str | None
    confidence: float
    start: int | None = None
    end: int | None = None
    steps: tuple[Step, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `anzan ask --json` prints it."""
        return {
            "answer": self.answer,
            "value": None if self.value is None else _json_number(self.value),
            "source": self.source,
            "confidence": round(self.confidence, 4),
            "steps": [
                {
                    "operation": step.operation,
                    "arguments": [_argument(mention) for mention in step.arguments],
                    "calculation": step.calculation,
                }
                for step in self.steps
            ],
        }


NO_ANSWER = Answer("", None, None, 0.0)


def _argument(mention: Mention) -> dict[str, Any]:
    in_text = mention.where in (QUESTION, PASSAGE)
    return {
        "text": mention.text,
        "value": _json_number(mention.value),
        "start": mention.start if in_text else None,
        "end": mention.end if in_text else None,
        "where": mention.where,
    }


def _json_number(value: Fraction) -> int | float:
    """Exact where JSON can be: whole numbers of any length stay whole."""
    if value.denominator == 1:
        return value.numerator
    try:
        return float(value)
    except OverflowError:  # beyond 1e308 nothing after the point matters
        return round(value)
