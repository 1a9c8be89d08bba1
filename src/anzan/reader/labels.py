"""What training knows of a text: where its answer is, in the text and in what every candidate prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from torch import Tensor

from anzan.arithmetic import DECIMALS, Value, format_number, parse_number
from anzan.reader.batch import Batch, collate_examples
from anzan.reader.encode import TextEncoder
from anzan.reader.sequence import CONSTANT, PASSAGE, QUESTION, Row, Span, Text
from anzan.reader.views import stale_numbers

Gold = Sequence[tuple[str, int, int]] | Sequence[Fraction]
"""Gold arguments, as (where, start, end) or as values."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its labels.

    In a chain of calls the shortest calculation counts: where no pair gives the answer at once, the pairs are
    acceptable whose result gives it together with some number of the text. Where an earlier call has given the answer,
    no pair is.

    Attributes:
        rows: what each candidate prints, None where F is undefined.
        text_spans: where the answer is in question and passage.
        row_spans: where the answer is in the row of each candidate.
        acceptable: whether a *result* (not an operand) of each candidate equals the answer.
        gold: whether each candidate is the gold pair; for monitoring only.
        stale: whether each number is stale, see `anzan.reader.views.stale_numbers`.
        values: the values of the answers.
    """

    text: Text
    rows: list[Row | None]
    text_spans: list[Span]
    row_spans: list[list[Span]]
    acceptable: list[bool]
    gold: list[bool]
    stale: list[bool]
    values: frozenset[Value] = frozenset()


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
    starts = [m.start for m in text.mentions if m.where == PASSAGE]  # mentions in the question come after these
    stale = [*stale_numbers(passage, starts), *([False] * (len(text.mentions) - len(starts)))]
    return _labelled(encoder, text, find_answers(text, answers), frozenset(_values(answers)), stale, gold or ())


def next_example(encoder: TextEncoder, example: Example, candidate: int) -> Example:
    """The example as the next call sees it, after that candidate was chosen.

    Where F is undefined for it, or there is no such candidate (in a batch, another example has more of them), there is
    nothing more to choose from.
    """
    row = example.rows[candidate] if candidate < len(example.rows) else None
    if row is None:
        return replace(example, rows=[None] * len(example.rows))
    text = encoder.extended(example.text, example.text.candidates[candidate], row)
    base = len(example.text.ids)
    spans = [*example.text_spans, *((s + base, e + base) for s, e in example.row_spans[candidate])]
    stale = [*example.stale, *([False] * (len(text.mentions) - len(example.stale)))]
    return _labelled(encoder, text, spans, example.values, stale)


@dataclass(frozen=True)
class Chain:
    """The examples of a batch, and how they go on after a call of the calculator."""

    encoder: TextEncoder
    examples: Sequence[Example]

    def after(self, example: Tensor, candidate: Tensor) -> Batch:
        """The batch of the next call.

        Args:
            example: integers (n,), examples of this batch; one may come up several times.
            candidate: integers (n,), what was chosen for each.
        """
        chosen = zip(example.tolist(), candidate.tolist(), strict=True)
        examples = [next_example(self.encoder, self.examples[b], c) for b, c in chosen]
        batch = collate_examples(examples, self.encoder.pad).to(candidate.device)
        return replace(batch, chain=Chain(self.encoder, examples))

    def select(self, example: Tensor) -> Chain:
        """The examples `example` (n,), which may come up several times."""
        return replace(self, examples=[self.examples[b] for b in example.tolist()])


def _labelled(
    encoder: TextEncoder, text: Text, spans: list[Span], values: frozenset[Value], stale: list[bool], gold: Gold = ()
) -> Example:
    candidates = text.candidates if encoder.calculator.operations else []
    rows = [encoder.result(text, pair) for pair in candidates]
    row_spans: list[list[Span]] = [[] for _ in rows]
    acceptable = [False] * len(rows)
    if values:  # an answer that is no number is in no row
        places = [
            [(span, op) for value, span, op in row.fields if _among(value, values)] if row else [] for row in rows
        ]
        row_spans = [[span for span, _ in place] for place in places]
        if not any(_gives(call.row, values) for call in text.calls):
            acceptable = [any(op is not None for _, op in place) for place in places]  # a result, not an operand
            if not any(acceptable) and encoder.calls - len(text.calls) > 1:
                acceptable = _on_the_way(encoder, text, rows, values)
    return Example(text, rows, spans, row_spans, acceptable, _among_gold(text, candidates, gold), stale, values)


def _on_the_way(encoder: TextEncoder, text: Text, rows: Sequence[Row | None], values: frozenset[Value]) -> list[bool]:
    """The rows of which a result gives the answer together with a number of the text."""
    known = {m.value for m in text.mentions}
    rounded = any(len(format_number(v).partition(".")[2]) == DECIMALS for v in values)
    if rounded or not encoder.calculator.invertible:
        results = [{value for value, _, op in row.fields if op is not None} if row else set() for row in rows]
        made = (
            {f.value for x in known for r in own for f in encoder.calculator(x, r).fields if f.operation}
            for own in results
        )
        return [any(_among(value, values) for value in every) for every in made]
    wanted = {x for v in values for k in known for x in encoder.calculator.partners(k, v)}
    return [_gives(row, wanted) for row in rows]


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


def _gives(row: Row | None, wanted: Set[Value]) -> bool:
    """Whether one of its results, not of its operands, is wanted."""
    return row is not None and any(op is not None and _among(value, wanted) for value, _, op in row.fields)


def _among(value: Value, wanted: Set[Value]) -> bool:
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
