"""What training knows of a text: where its answer is, in the text and in what every candidate prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from anzan.arithmetic import Calculator, Field, Printed, Value, parse_number
from anzan.reader.encode import TextEncoder, TextTooLong
from anzan.reader.sequence import CONSTANT, PASSAGE, QUESTION, Row, Span, Text
from anzan.reader.shortest import Draw, Program, among, shortest_programs

Gold = Sequence[tuple[str, int, int]] | Sequence[Fraction]
"""Gold arguments, as (where, start, end) or as values."""
Answers = Sequence[Sequence[str]]
"""Alternatives, each a list of spans."""


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
        others: other numbers of the same text, and the values of their answers, if they are numbers.
        programs: the shortest programs that give the answer, with all its numbers (`anzan.reader.shortest`).
        known: whether other numbers have told which programs are right.
        gold_pair: the gold pair of the first call; for monitoring only.
    """

    text: Text
    text_spans: list[Span]
    rows: list[Row | None] = field(default_factory=list)
    row_spans: list[list[Span]] = field(default_factory=list)
    acceptable: list[bool] = field(default_factory=list)
    gold: list[bool] = field(default_factory=list)
    values: frozenset[Value] = frozenset()
    others: list[Draw] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    known: bool = False
    gold_pair: tuple[int, int] | None = None


def make_example(
    encoder: TextEncoder,
    passage: str,
    question: str,
    answers: Answers,
    gold: Gold | None = None,
    others: Iterable[tuple[str, str, Answers]] = (),
) -> Example:
    """Find the answer everywhere: in the text by wording or value, in the row of every candidate by value.

    Args:
        answers: alternatives, each a list of spans.
        gold: the right arguments; they only mark a pair for monitoring.
        others: passages, questions and answers that differ in nothing but their numbers. They count where numbers are
            symbols, so that all are one text; one that is another text does not count.

    Raises:
        TextTooLong: see `TextEncoder.text`.
    """
    text = encoder.text(passage, question)
    spans, values = find_answers(text, answers), frozenset(_values(answers))
    if encoder.symbols is None:
        return _labelled(encoder, text, spans, values, gold or ())
    draws = []
    for other, its_answers in _same_texts(encoder, text, others):
        draws.append(_draw(other, its_answers))
        there = find_answers(other, its_answers)
        spans = [span for span in spans if span in there] if values else spans
    candidates = text.candidates if encoder.calculator.operations else []
    right = [pair for pair, g in zip(candidates, _among_gold(text, candidates, gold or ()), strict=True) if g]
    own = _draw(text, answers)
    one = len(encoder.tools) > 1
    programs = shortest_programs(encoder.calculator, [own, *draws], candidates, encoder.calls, one)
    return Example(
        text,
        spans,
        values=values,
        others=draws if values else [],
        programs=programs,
        known=bool(draws and programs),
        gold_pair=right[0] if right else None,
    )


def _same_texts(
    encoder: TextEncoder, text: Text, others: Iterable[tuple[str, str, Answers]]
) -> Iterator[tuple[Text, Answers]]:
    """Those of the others that are the same text once their numbers are symbols."""
    for passage, question, answers in others:
        try:
            other = encoder.text(passage, question)
        except TextTooLong:
            continue
        if other.ids == text.ids and len(other.mentions) == len(text.mentions):
            yield other, answers


def _draw(text: Text, answers: Answers) -> Draw:
    return Draw([m.value for m in text.mentions], frozenset(_values(answers)), " ".join(answers[0]) if answers else "")


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
