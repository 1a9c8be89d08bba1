"""From text to what the reader computes with: token ids, number mentions, candidates, printed results, answer spans.

Order: a sequence is `[CLS] question [SEP] passage [SEP]`, then the results. Mentions, and so the operands of a printed
calculation, go in the order in which a person reads them: passage first, then question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from anzan.reader.blindfold import blindfold
from anzan.reader.calculator import Calculator, Printed, format_number
from anzan.reader.decoys import WIDTH
from anzan.reader.numbers import find_numbers, parse_number, strip_separators

QUESTION, PASSAGE, RESULTS, STEP = "question", "passage", "calculator", "step"

RESULT_SEGMENT = 2
"""The token type of results, for encoders that have a third one."""

Span = tuple[int, int]
"""First and last token, both included."""


class TextTooLong(ValueError):
    """The text has more tokens than the model reads."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A number in the user's text: its value, its character offsets there, its first and last token here.

    `where` is `question`, `passage` or, of a result of an earlier call, `step`; offsets are then in what it printed.
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
    result's.
    """

    ids: list[int]
    fields: list[tuple[Fraction, Span, str | None]]
    operands: tuple[tuple[int, tuple[int, ...]], ...] = ()
    results: tuple[tuple[int, ...], ...] = ()


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
        """Pairs of mentions, by index, the earlier one first: every pair, or after a call every pair of its results
        with anything before them.
        """
        everything = range(len(self.mentions))
        if not self.calls:
            return list(combinations(everything, 2))
        first = self.calls[-1].first
        return [(i, result) for i in range(first) for result in everything[first:]]

    @property
    def fields(self) -> dict[Span, tuple[Fraction, str | None]]:
        """The numbers that earlier calls printed: where they stand, their values, and the operation that made them."""
        return {
            (c.start + first, c.start + last): (value, operation)
            for c in self.calls
            for value, (first, last), operation in c.row.fields
        }


@dataclass(frozen=True, slots=True)
class Example:
    """A text with everything that training needs.

    `rows[a]` is None where F is undefined; `text_spans` are the answer's places in question and passage,
    `row_spans[a]` those in the result of candidate a; `acceptable[a]`: a *result* (not an operand) equals the answer.
    `gold` marks the gold pair, for monitoring alone; `blindfold` the numbers that can be kept from the reader, see
    `anzan.reader.blindfold`. `values` are those of the answers. Where further calls follow, a pair is acceptable as
    well if a result of it makes the answer together with some number of the text.
    """

    text: Text
    rows: list[Row | None]
    text_spans: list[Span]
    row_spans: list[list[Span]]
    acceptable: list[bool]
    gold: list[bool]
    blindfold: list[bool]
    values: frozenset[Fraction] = frozenset()


class Features:
    """Turns passages and questions into sequences for one tokenizer, calculator and maximal length (in tokens).

    Without operations (`Calculator(())`) there are no candidates: that is span extraction alone. `calls` is how often
    the calculator is called, each call but the first on a result of the one before.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, calculator: Calculator, max_length: int = 512, calls: int = 1
    ):
        self.calls = calls
        self.tokenizer = tokenizer
        tokenizer.backend_tokenizer.encode_special_tokens = True  # a [SEP] that somebody typed is text
        self.calculator = calculator
        self.max_length = max_length
        vocabulary = tokenizer.get_vocab()
        unknown = tokenizer.unk_token_id
        self._sep: Any = tokenizer.sep_token_id
        self._first: dict[str, Any] = {c: vocabulary.get(c, unknown) for c in "0123456789+-*/=,."}
        self._next = {c: vocabulary[f"##{c}"] for c in "0123456789"}
        self.digit_ids = [[ids[c] for c in "0123456789"] for ids in (self._first, self._next)]
        """The ids of the digits, at a word's beginning and inside it."""

    # -- text ----------------------------------------------------------------------------------------------------
    def text(self, passage: str, question: str) -> Text:
        """Tokenise question and passage and find the numbers in both.

        Raises:
            TextTooLong: more tokens than `max_length`.
        """
        t: Any = self.tokenizer
        ids, types = [t.cls_token_id], [0]
        tokens: list[Token | None] = [None]
        for kind, (where, source) in enumerate(((QUESTION, question), (PASSAGE, passage))):
            clean, origin = strip_separators(source)
            # A lone surrogate is no character; the tokenizer refuses it.
            encoding = t.backend_tokenizer.encode(clean.encode("utf-8", "replace").decode(), add_special_tokens=False)
            words = encoding.word_ids
            for i, (start, end) in enumerate(encoding.offsets):
                first = i == 0 or words[i - 1] != words[i]
                last = i + 1 == len(words) or words[i + 1] != words[i]
                tokens.append(Token(where, origin[start], origin[end - 1] + 1, first, last))
            ids += [*encoding.ids, t.sep_token_id]
            types += [kind] * (len(encoding.ids) + 1)
            tokens.append(None)
        if len(ids) > self.max_length:
            raise TextTooLong(
                f"the text is {len(ids):,} tokens long and this model reads at most {self.max_length:,}: "
                "shorten the passage"
            )
        starts = {(k.where, k.start): i for i, k in enumerate(tokens) if k}
        ends = {(k.where, k.end): i for i, k in enumerate(tokens) if k}
        mentions = []
        for where, source in ((PASSAGE, passage), (QUESTION, question)):
            for n in find_numbers(source):
                span = starts.get((where, n.start)), ends.get((where, n.end))
                if span[0] is not None and span[1] is not None:
                    mentions.append(Mention(n.value, n.text, n.start, n.end, where, (span[0], span[1])))
        return Text(passage, question, ids, types, tokens, mentions)

    # -- results -------------------------------------------------------------------------------------------------
    def row(self, printed: Printed) -> Row | None:
        """A printed calculation as tokens; None where it is empty. Every character but the blanks is one token."""
        if not printed.text:
            return None
        ids: list[int] = []
        place: dict[int, int] = {}
        previous = ""
        for i, c in enumerate(printed.text):
            if c != " ":
                place[i] = len(ids)
                ids.append(self._next[c] if c.isdigit() and previous.isdigit() else self._first[c])
            previous = c
        ids.append(self._sep)
        spans = [(place[f.start], place[f.end - 1]) for f in printed.fields]
        digits = [tuple(place[i] for i in range(f.start, f.end) if printed.text[i].isdigit()) for f in printed.fields]
        both = list(zip(printed.fields, digits, strict=True))
        operands = tuple((f.argument, own) for f, own in both if f.argument is not None)
        results = tuple(own for f, own in both if f.operation is not None)
        fields = [(f.value, s, f.operation) for f, s in zip(printed.fields, spans, strict=True)]
        return Row(ids, fields, operands, results)

    def rewrite(self, row: Row, write: Callable[[str], str]) -> Row:
        """The same row with other results: `write` takes the digits of one as printed, and gives as many others.

        Equal digits (5 - 3 and 3 - 5) are written once. Operands stay.
        """
        character = {i: c for names in (self._first, self._next) for c, i in names.items()}
        ids, fields, written = list(row.ids), [], dict[str, str]()
        for value, (start, end), operation in row.fields:
            if operation is not None:
                places = [i for i in range(start, end + 1) if character[ids[i]].isdigit()]
                printed = "".join(character[ids[i]] for i in places)
                digits = written.get(printed) or written.setdefault(printed, write(printed))
                for i, digit in zip(places, digits, strict=True):
                    ids[i] = (self._first if ids[i] in self._first.values() else self._next)[digit]
                value = Fraction("".join(character[ids[i]] for i in range(start, end + 1)))
            fields.append((value, (start, end), operation))
        return Row(ids, fields, row.operands, row.results)

    def result(self, text: Text, pair: tuple[int, int]) -> Row | None:
        """F for one pair of mentions; None where it is undefined or does not fit behind the text."""
        row = self.row(self.calculator(text.mentions[pair[0]].value, text.mentions[pair[1]].value))
        return row if row is not None and len(text.ids) + len(row.ids) <= self.max_length else None

    def printed(self, text: Text, pair: tuple[int, int]) -> Printed:
        """What the calculator prints for one pair of mentions."""
        return self.calculator(text.mentions[pair[0]].value, text.mentions[pair[1]].value)

    def extended(self, text: Text, pair: tuple[int, int], row: Row) -> Text:
        """The text with the result of a call behind it, its results as further mentions: what the next call sees."""
        base, printed = len(text.ids), self.printed(text, pair)
        places = [field for field in printed.fields if field.operation is not None]
        found = [(value, span) for value, span, operation in row.fields if operation is not None]
        mentions = [
            Mention(value, printed.text[f.start : f.end], f.start, f.end, STEP, (first + base, last + base))
            for (value, (first, last)), f in zip(found, places, strict=True)
        ]
        return replace(
            text,
            ids=[*text.ids, *row.ids],
            types=[*text.types, *([RESULT_SEGMENT] * len(row.ids))],
            tokens=[*text.tokens, *([None] * len(row.ids))],
            mentions=[*text.mentions, *mentions],
            calls=(*text.calls, Call(pair, row, base, len(text.mentions))),
        )

    # -- training ------------------------------------------------------------------------------------------------
    def example(
        self,
        passage: str,
        question: str,
        answers: Sequence[Sequence[str]],
        gold: Sequence[tuple[str, int, int]] | Sequence[Fraction] | None = None,
    ) -> Example:
        """Find the answer everywhere: in the text by wording or value, in every candidate's result by value.

        `gold`, the right arguments as (where, start, end) or as values, is only used to mark a pair for monitoring.
        """
        text = self.text(passage, question)
        starts = [m.start for m in text.mentions if m.where == PASSAGE]  # mentions in the question come behind
        blind = [*blindfold(passage, starts), *([False] * (len(text.mentions) - len(starts)))]
        marked = [gold is not None and _is_gold(text, pair, gold) for pair in text.candidates]
        return self._example(text, find_answers(text, answers), frozenset(_values(answers)), marked, blind)

    def next_example(self, example: Example, candidate: int) -> Example:
        """The example as the next call sees it, after that candidate was chosen.

        Where F is undefined for it, there is nothing more to choose from.
        """
        pair, row = example.text.candidates[candidate], example.rows[candidate]
        if row is None:
            return replace(example, rows=[None] * len(example.rows))
        text = self.extended(example.text, pair, row)
        base = len(example.text.ids)
        spans = [*example.text_spans, *((s + base, e + base) for s, e in example.row_spans[candidate])]
        blind = [*example.blindfold, *([False] * (len(text.mentions) - len(example.blindfold)))]
        return self._example(text, spans, example.values, [False] * len(text.candidates), blind)

    def _example(
        self, text: Text, spans: list[Span], values: frozenset[Fraction], gold: list[bool], blind: list[bool]
    ) -> Example:
        candidates = text.candidates if self.calculator.operations else []
        rows = [self.result(text, pair) for pair in candidates]
        row_spans = [[span for value, span, _ in row.fields if _among(value, values)] if row else [] for row in rows]
        wanted = set(values)
        if self.calls - len(text.calls) > 1:
            # A result that a further call can make the answer of is as good as the answer.
            wanted |= {x for v in values for m in text.mentions for x in self.calculator.partners(m.value, v)}
        acceptable = [bool(row) and any(op and _among(value, wanted) for value, _, op in row.fields) for row in rows]
        return Example(text, rows, spans, row_spans, acceptable, gold[: len(rows)], blind, values)


def find_answers(text: Text, answers: Sequence[Sequence[str]]) -> list[Span]:
    """Where an answer stands in question and passage, by wording or by value."""
    values = _values(answers)
    spans = {m.span for m in text.mentions if m.value in values}
    for alternative in answers:
        for answer in alternative:
            spans.update(_find(text, answer))
    return sorted(spans)


def _values(answers: Sequence[Sequence[str]]) -> set[Fraction]:
    return {v for alternative in answers for s in alternative if (v := parse_number(s)) is not None}


def _among(value: Fraction, wanted: Set[Fraction]) -> bool:
    """Is it one of the values wanted, exactly or as it is printed (10/3 as 3.3333)?"""
    return value in wanted or (value.denominator > 1 and Fraction(format_number(value)) in wanted)


def _find(text: Text, answer: str) -> Iterable[Span]:
    """Token spans whose text is `answer`, whatever its case, from word boundary to word boundary.

    A match that cuts a number (12 in 12.5, 7 in -7, five in twenty-five) is none: that is another number.
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


def _is_gold(text: Text, pair: tuple[int, int], gold: Sequence[tuple[str, int, int]] | Sequence[Fraction]) -> bool:
    """Are both among the gold arguments? Of a chain's any two may come first."""
    mentions = [text.mentions[i] for i in pair]
    by_value = bool(gold) and isinstance(gold[0], Fraction)
    made = Counter(m.value if by_value else (m.where, m.start, m.end) for m in mentions)
    return made <= Counter(gold)


# -- batches -----------------------------------------------------------------------------------------------------
def collate_texts(texts: Sequence[Text], pad: int) -> dict[str, Tensor]:
    """Pads texts: `input_ids`, `attention_mask`, `token_type_ids`, `span_mask` (batch, length; no answer stands at
    [CLS] and [SEP]), `number_tokens` (batch, numbers; the first token of each), `number_digits` (batch, length;
    which digit of which number a token is, see `disguise`, or -1), `used` (batch, numbers; what went into earlier
    calls), `candidates` (batch, candidates, 2; indexes of numbers) and `candidate_mask`.
    """
    pairs = [t.candidates for t in texts]
    return {
        "input_ids": _pad([t.ids for t in texts], pad),
        "attention_mask": _pad([[1] * len(t.ids) for t in texts], 0),
        "token_type_ids": _pad([t.types for t in texts], 0),
        "span_mask": _pad([_answerable(t) for t in texts], False).bool(),
        "number_tokens": _pad([[m.span[0] for m in t.mentions] for t in texts], 0),
        "number_digits": _pad([_number_digits(t) for t in texts], -1),
        "used": _pad([_used(t) for t in texts], False).bool(),
        "candidates": _pad(pairs, (0, 0), (2,)),
        "candidate_mask": _pad([[True] * len(p) for p in pairs], False).bool(),
    }


def _number_digits(text: Text) -> list[int]:
    places = [-1] * len(text.ids)
    for i, m in enumerate(text.mentions):
        if m.where == STEP:
            continue
        spelled = (text.question if m.where == QUESTION else text.passage)[m.start : m.end]
        if all(c.isdigit() or not c.isalnum() for c in spelled):
            _count_digits(places, i, [k for k in range(m.span[0], m.span[1] + 1) if _is_digit(text, k)])
    for call in text.calls:
        numbers = [(call.pair[argument], digits) for argument, digits in call.row.operands]
        for number, digits in [*numbers, *enumerate(call.row.results, call.first)]:
            _count_digits(places, number, [call.start + k for k in digits])
    return places


def _answerable(text: Text) -> list[bool]:
    """Where an answer can stand: in every word of the text and in what was printed."""
    places = [token is not None for token in text.tokens]
    for call in text.calls:
        places[call.start : call.start + len(call.row.ids) - 1] = [True] * (len(call.row.ids) - 1)
    return places


def _used(text: Text) -> list[bool]:
    went_in = {i for call in text.calls for i in call.pair}
    return [i in went_in for i in range(len(text.mentions))]


def _is_digit(text: Text, place: int) -> bool:
    token = text.tokens[place]
    if token is None:
        return False
    source = text.question if token.where == QUESTION else text.passage
    return source[token.start : token.end].isdigit()


def _count_digits(places: list[int], number: int, digits: Sequence[int]) -> None:
    for k, place in enumerate(digits):
        places[place] = number * WIDTH + k % WIDTH


def _operand_digits(row: Row | None) -> list[int]:
    """For each token of a row which digit of which argument it is, -1 elsewhere."""
    places = [-1] * (len(row.ids) if row else 0)
    for argument, digits in row.operands if row else ():
        _count_digits(places, argument, digits)
    return places


def collate_rows(rows: Sequence[Row | None], pad: int = -1) -> Tensor:
    """One result a text as ids (batch, length), -1 beyond its end."""
    return _pad([r.ids if r else [] for r in rows], pad)


def collate_operands(rows: Sequence[Row | None]) -> Tensor:
    """Which digit of which argument each token of these is, see `disguise`: (batch, length), -1 elsewhere."""
    return _pad([_operand_digits(r) for r in rows], -1)


def collate_examples(examples: Sequence[Example], pad: int) -> dict[str, Tensor]:
    """Pads examples: what `collate_texts` gives, and for each candidate and what is known of it

    `result_ids` and `operand_digits` (batch, candidates, length; the latter says which digit of which argument a token
    is, see `disguise`; -1), `text_spans` (batch, spans, 2; -1), `row_spans` (batch, candidates, spans, 2; -1),
    `acceptable` and `gold` (batch, candidates), `blindfold` (batch, numbers).
    """
    batch = collate_texts([e.text for e in examples], pad)
    if not any(e.rows for e in examples):
        for name in ("number_tokens", "number_digits", "used", "candidates", "candidate_mask"):
            del batch[name]
        return {**batch, "text_spans": _pad([e.text_spans for e in examples], (-1, -1), (2,))}
    candidates = batch["candidates"].shape[1]
    length = max((len(r.ids) for e in examples for r in e.rows if r), default=0)
    spans = max((len(s) for e in examples for s in e.row_spans), default=0)
    result_ids = torch.full((len(examples), candidates, length), -1)
    operand_digits = torch.full_like(result_ids, -1)
    row_spans = torch.full((len(examples), candidates, max(spans, 1), 2), -1)
    valid = torch.zeros((len(examples), candidates), dtype=torch.bool)
    for b, e in enumerate(examples):
        for a, row in enumerate(e.rows):
            if row is None:
                continue
            valid[b, a] = True
            result_ids[b, a, : len(row.ids)] = torch.tensor(row.ids)
            operand_digits[b, a, : len(row.ids)] = torch.tensor(_operand_digits(row))
            if e.row_spans[a]:
                row_spans[b, a, : len(e.row_spans[a])] = torch.tensor(e.row_spans[a])
    return {
        **batch,
        "candidate_mask": valid,
        "result_ids": result_ids,
        "operand_digits": operand_digits,
        "text_spans": _pad([e.text_spans for e in examples], (-1, -1), (2,)),
        "row_spans": row_spans,
        "acceptable": _pad([e.acceptable for e in examples], False, width=candidates).bool(),
        "gold": _pad([e.gold for e in examples], False, width=candidates).bool(),
        "blindfold": _pad([e.blindfold for e in examples], False, width=batch["number_tokens"].shape[1]).bool(),
    }


def _pad(rows: Sequence[Sequence], fill: object, tail: tuple[int, ...] = (), width: int | None = None) -> Tensor:
    longest = max((len(r) for r in rows), default=0) if width is None else width
    padded = [[*r, *([fill] * (longest - len(r)))] for r in rows]
    return torch.tensor(padded, dtype=torch.long).reshape(len(rows), longest, *tail)
