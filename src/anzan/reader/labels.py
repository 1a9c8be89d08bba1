"""What training knows of a text: where its answer is, in the text and in what every candidate prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from anzan.arithmetic import Calculator, Field, Printed, Value, format_number, parse_number
from anzan.reader.encode import TextEncoder
from anzan.reader.sequence import CONSTANT, PASSAGE, QUESTION, Row, Span, Text

Gold = Sequence[tuple[str, int, int]] | Sequence[Fraction]
"""Gold arguments, as (where, start, end) or as values."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its labels; those of candidates where numbers are digits, those of programs where they are symbols.

    Attributes:
        rows: what each candidate prints, None where F is undefined.
        text_spans: where the answer is in question and passage.
        row_spans: where the answer is in the row of each candidate.
        acceptable: whether a *result* (not an operand) of each candidate equals the answer.
        gold: whether each candidate is the gold pair; for monitoring only.
        values: the values of the answers.
        programs: the shortest programs, of one or two calls, that give one of these values, each as the pairs that go
            in: numbers by index, results as -1 - k for the k-th result of all calls.
        gold_pair: the gold pair of the first call; for monitoring only.
    """

    text: Text
    text_spans: list[Span]
    rows: list[Row | None] = field(default_factory=list)
    row_spans: list[list[Span]] = field(default_factory=list)
    acceptable: list[bool] = field(default_factory=list)
    gold: list[bool] = field(default_factory=list)
    values: frozenset[Value] = frozenset()
    programs: list[list[tuple[int, int]]] = field(default_factory=list)
    gold_pair: tuple[int, int] | None = None


def make_example(
    encoder: TextEncoder, passage: str, question: str, answers: Sequence[Sequence[str]], gold: Gold | None = None
) -> Example:
    """Find the answer everywhere: in the text by wording or value, in the row of every candidate by value.

    Args:
        answers: alternatives, each a list of spans.
        gold: the right arguments; they only mark a pair for monitoring.

    Raises:
        TextTooLong: see `TextEncoder.text`.
    """
    text = encoder.text(passage, question)
    spans, values = find_answers(text, answers), frozenset(_values(answers))
    if encoder.symbols is not None:
        candidates = text.candidates if encoder.calculator.operations else []
        right = [pair for pair, g in zip(candidates, _among_gold(text, candidates, gold or ()), strict=True) if g]
        programs = shortest_programs(encoder, text, values)
        return Example(text, spans, values=values, programs=programs, gold_pair=right[0] if right else None)
    return _labelled(encoder, text, spans, values, gold or ())


def _labelled(encoder: TextEncoder, text: Text, spans: list[Span], values: frozenset[Value], gold: Gold) -> Example:
    candidates = text.candidates if encoder.calculator.operations else []
    rows = [encoder.result(text, pair) for pair in candidates]
    row_spans: list[list[Span]] = [[] for _ in rows]
    acceptable = [False] * len(rows)
    if values:  # an answer that is no number is in no row
        places = [[(span, op) for value, span, op in row.fields if among(value, values)] if row else [] for row in rows]
        row_spans = [[span for span, _ in place] for place in places]
        acceptable = [any(op is not None for _, op in place) for place in places]  # a result, not an operand
    right = _among_gold(text, candidates, gold)
    return Example(text, spans, rows, row_spans, acceptable, right, values)


def shortest_programs(encoder: TextEncoder, text: Text, wanted: Set[Value]) -> list[list[tuple[int, int]]]:
    """The programs of one call that give a wanted value; else those of two calls, the second on a result of the first.

    None of two calls where the text itself has the value: a + x - x gives every a. As `Example.programs`.
    """
    calculator = encoder.calculator
    if not wanted or not calculator.operations:
        return []
    made = []
    for pair in text.candidates:
        printed = calculator(*(text.mentions[i].value for i in pair))
        found = [
            (f.value, clause) for f, clause in zip(_results(printed), clauses_of(calculator, printed), strict=True)
        ]
        made.append((pair, found))
    at_once = [[pair] for pair, found in made if any(among(value, wanted) for value, _ in found)]
    said = any(among(m.value, wanted) for m in text.mentions)
    if at_once or said or encoder.calls < 2 or not calculator.invertible:
        return at_once
    numbers = [(k, m.value) for k, m in enumerate(text.mentions)]
    needed = [(k, {x for v in wanted for x in calculator.partners(known, v)}) for k, known in numbers]
    return [
        [pair, (k, -1 - clause)]
        for pair, found in made
        for k, partners in needed
        for value, clause in found
        if value in partners
    ]


def _results(printed: Printed) -> list[Field]:
    return [f for f in printed.fields if f.operation is not None]


def clauses_of(calculator: Calculator, printed: Printed) -> list[int]:
    """The clause of `Calculator.clauses` that each result is of."""
    order = {(symbol, left): clause for clause, (symbol, _, left, _) in enumerate(calculator.clauses)}
    lefts = printed.fields[1::3]
    return [order[str(f.operation), int(left.argument or 0)] for f, left in zip(_results(printed), lefts, strict=True)]


def find_answers(text: Text, answers: Sequence[Sequence[str]]) -> list[Span]:
    """Where an answer is in question and passage, by wording or by value."""
    values = _values(answers)
    spans = {m.span for m in text.mentions if m.value in values and m.where != CONSTANT}
    for alternative in answers:
        for answer in alternative:
            spans.update(_find(text, answer))
    return sorted(spans)


def _values(answers: Sequence[Sequence[str]]) -> set[Fraction]:
    return {v for alternative in answers for s in alternative if (v := parse_number(s)) is not None}


def among(value: Value, wanted: Set[Value]) -> bool:
    """Whether it is one of the values wanted, exactly or as it is printed (10/3 as 3.3333)."""
    return value in wanted or (value.denominator > 1 and _as_printed(value) in wanted)


@lru_cache(1 << 16)  # the pairs of one text come up again after each choice of an earlier call
def _as_printed(value: Value) -> Fraction:
    return Fraction(format_number(value))


def _find(text: Text, answer: str) -> Iterable[Span]:
    """Token spans that read `answer`, whatever its case, from word boundary to word boundary.

    A match that cuts a number (12 in 12.5, 7 in -7, five in twenty-five) does not count: that is another number.
    """
    if not answer.strip():
        return
    pattern = re.compile(rf"(?<!\w){re.escape(answer.strip())}(?!\w)", re.IGNORECASE)
    starts = {(k.where, k.start): i for i, k in enumerate(text.tokens) if k and k.starts_word}
    ends = {(k.where, k.end): i for i, k in enumerate(text.tokens) if k and k.ends_word}
    for where, source in ((QUESTION, text.question), (PASSAGE, text.passage)):
        for match in pattern.finditer(source):
            start, end = starts.get((where, match.start())), ends.get((where, match.end()))
            if start is None or end is None:
                continue
            numbers = [m.span for m in text.mentions if m.span[0] <= end and m.span[1] >= start]
            if all(start <= first and last <= end for first, last in numbers):
                yield start, end


def _among_gold(text: Text, candidates: Sequence[tuple[int, int]], gold: Gold) -> list[bool]:
    """The candidates whose arguments are both gold; of a chain's arguments any two may come first."""
    by_value = bool(gold) and isinstance(gold[0], Fraction)
    keys = [m.value if by_value else (m.where, m.start, m.end) for m in text.mentions]
    wanted = Counter(gold)
    return [(a := keys[i]) in wanted and (b := keys[j]) in wanted and (a != b or wanted[a] > 1) for i, j in candidates]
