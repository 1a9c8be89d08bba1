"""From text to what the reader learns from: tokens, printed results of every candidate, where the answer stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from string import ascii_letters
from typing import Any, cast

from transformers import PreTrainedTokenizerFast

from anzan.arithmetic import (
    DECIMALS,
    Calculator,
    Printed,
    Value,
    find_numbers,
    format_number,
    parse_number,
    strip_separators,
)
from anzan.errors import AnzanError
from anzan.reader.blindfold import blindfold
from anzan.reader.sequence import (
    CONSTANT,
    PASSAGE,
    QUESTION,
    RESULT_SEGMENT,
    STEP,
    Call,
    Mention,
    Row,
    Span,
    Text,
    Token,
)

Gold = Sequence[tuple[str, int, int]] | Sequence[Fraction]
"""Gold arguments, as (where, start, end) or as values."""

_DIGITS = frozenset("0123456789")


class TextTooLong(AnzanError):
    """The text has more tokens than the model reads."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text with everything that training needs.

    `rows[a]` is None where F is undefined; `text_spans` are the answer's places in question and passage,
    `row_spans[a]` those in the result of candidate a; `acceptable[a]`: a *result* (not an operand) equals the answer.
    `gold` marks the gold pair, for monitoring alone; `blindfold` the numbers that can be kept from the reader, see
    `anzan.reader.blindfold`. `values` are those of the answers. In a chain the shortest calculation counts: where no
    pair gives the answer at once, those are acceptable of which a result makes it together with some number of the
    text; where an earlier call has given it, none is.
    """

    text: Text
    rows: list[Row | None]
    text_spans: list[Span]
    row_spans: list[list[Span]]
    acceptable: list[bool]
    gold: list[bool]
    blindfold: list[bool]
    values: frozenset[Value] = frozenset()


class Features:
    """Turns passages and questions into sequences for one tokenizer, calculator and maximal length (in tokens).

    Of these the encoder reads `positions` at once (by default all), and longer texts in windows, each with the
    whole question and all results. Without operations (`Calculator(())`) there are no candidates: that is span
    extraction alone. `calls` is how often the calculator is called, each call but the first on a result of the one
    before. `constants` are numbers that it may be given although no text has them, such as 100.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        calculator: Calculator,
        max_length: int = 512,
        calls: int = 1,
        constants: Sequence[Fraction] = (),
        positions: int | None = None,
    ):
        self._positions = positions
        self.calls, self.constants = calls, tuple(constants)
        self.tokenizer = tokenizer
        tokenizer.backend_tokenizer.encode_special_tokens = True  # a [SEP] that somebody typed is text
        self.calculator = calculator
        self.max_length = max_length
        vocabulary = tokenizer.get_vocab()
        unknown = tokenizer.unk_token_id
        self._sep: Any = tokenizer.sep_token_id
        # What a calculation is written with; letters are those of functions' names.
        self._first: dict[str, Any] = {
            c: vocabulary.get(c, vocabulary.get(c.lower(), unknown)) for c in "0123456789+-*/=,._" + ascii_letters
        }
        self._word = lru_cache(10_000)(self._word_ids)  # an operand comes up in many rows
        self._next = {c: vocabulary[f"##{c}"] for c in "0123456789"}
        self.pad: int = cast(Any, tokenizer).pad_token_id or 0
        masks = (tokenizer.mask_token_id, unknown, self.pad)
        self.mask: int = cast(Any, next(i for i in masks if i is not None))  # for what a reader is not to see
        self.digit_ids = [[ids[c] for c in "0123456789"] for ids in (self._first, self._next)]
        """The ids of the digits, at a word's beginning and inside it."""

    @property
    def positions(self) -> int:
        """How many tokens are read at once."""
        return self.max_length if self._positions is None else min(self._positions, self.max_length)

    # -- text ----------------------------------------------------------------------------------------------------
    def text(self, passage: str, question: str) -> Text:
        """Tokenise question and passage and find the numbers in both.

        Raises:
            TextTooLong: more tokens than `max_length`, or a question that leaves no place for the passage.
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
        constants = []
        for value in self.constants:
            written = format_number(value)
            constants.append(Mention(value, written, 0, 0, CONSTANT, (len(ids), len(ids) + len(written) - 1)))
            ids += self._written(written)
        if constants:
            ids.append(t.sep_token_id)
            types += [1] * (len(ids) - len(types))
            tokens += [None] * (len(ids) - len(tokens))
        if len(ids) > self.max_length:
            raise TextTooLong(
                f"the text is {len(ids):,} tokens long and this model reads at most {self.max_length:,}: "
                "shorten the passage"
            )
        if len(ids) > self.positions and types.count(0) > self.positions // 2:
            raise TextTooLong(
                f"the question is {types.count(0):,} tokens long and this model reads {self.positions:,} at once: "
                "shorten the question"
            )
        starts = {(k.where, k.start): i for i, k in enumerate(tokens) if k}
        ends = {(k.where, k.end): i for i, k in enumerate(tokens) if k}
        mentions = []
        for where, source in ((PASSAGE, passage), (QUESTION, question)):
            for n in find_numbers(source):
                span = starts.get((where, n.start)), ends.get((where, n.end))
                if span[0] is not None and span[1] is not None:
                    mentions.append(Mention(n.value, n.text, n.start, n.end, where, (span[0], span[1])))
        return Text(passage, question, ids, types, tokens, [*mentions, *constants])

    # -- results -------------------------------------------------------------------------------------------------
    def row(self, printed: Printed) -> Row | None:
        """A printed calculation as tokens; None where it is empty. Every character but the blanks is one token."""
        if not printed.text:
            return None
        text = printed.text
        ids = [*self._written(text), self._sep]
        fields: list[tuple[Value, Span, str | None]] = []
        operands: list[tuple[int, Sequence[int]]] = []
        results: list[Sequence[int]] = []
        for value, start, end, operation, argument in printed.fields:
            first = start - text.count(" ", 0, start)  # blanks are no tokens
            number = text[start:end]
            if number.isdigit():  # nearly all of them, and there are many
                digits: Sequence[int] = range(first, first + end - start)
            else:
                number = number.replace(" ", "")
                digits = [first + i for i, c in enumerate(number) if c in _DIGITS]
            fields.append((value, (first, first + len(number) - 1), operation))
            if argument is None:
                results.append(digits)
            else:
                operands.append((argument, digits))
        return Row(ids, fields, operands, results, printed)

    def _written(self, text: str) -> list[int]:
        """What the calculator writes as tokens: every character but the blanks is one."""
        return [i for word in text.split(" ") for i in self._word(word)]

    def _word_ids(self, word: str) -> list[int]:
        if word.isdigit() and word.isascii():  # nearly all of them, and there are many
            return [self._first[word[0]], *map(self._next.__getitem__, word[1:])]
        return [
            self._next[c] if c in _DIGITS and previous in _DIGITS else self._first[c]
            for previous, c in pairwise(" " + word)
        ]

    def rewrite(self, row: Row, write: Callable[[str], str]) -> Row:
        """The same row with other results: `write` takes the digits of one as printed, and gives as many others.

        Equal digits (5 - 3 and 3 - 5) are written once. Operands stay.
        """
        text, fields, written = row.printed.text, [], dict[str, str]()
        for field in row.printed.fields:
            if field.operation is not None:
                shown = list(text[field.start : field.end])
                places = [i for i, c in enumerate(shown) if c.isdigit()]
                digits = "".join(shown[i] for i in places)
                new = written.get(digits) or written.setdefault(digits, write(digits))
                for i, digit in zip(places, new, strict=True):
                    shown[i] = digit
                result = "".join(shown)
                text = text[: field.start] + result + text[field.end :]
                field = field._replace(value=Fraction(result.replace(" ", "")))
            fields.append(field)
        changed = self.row(Printed(text, tuple(fields)))
        assert changed is not None
        return changed

    def result(self, text: Text, pair: tuple[int, int]) -> Row | None:
        """F for one pair of mentions; None where it is undefined or does not fit behind the text."""
        row = self.row(self.calculator(text.mentions[pair[0]].value, text.mentions[pair[1]].value))
        return row if row is not None and self.fits(text, row) else None

    def fits(self, text: Text, row: Row) -> bool:
        """Whether a row can stand behind a text; in windows the passage keeps a quarter of each at least."""
        length = len(text.ids) + len(row.ids)
        around = length - text.types.count(1)
        return length <= self.positions or (length <= self.max_length and around <= self.positions * 3 // 4)

    def extended(self, text: Text, pair: tuple[int, int], row: Row) -> Text:
        """The text with the result of a call behind it, its results as further mentions: what the next call sees."""
        base, line = len(text.ids), row.printed
        mentions = [
            Mention(Fraction(f.value), line.text[f.start : f.end], f.start, f.end, STEP, (first + base, last + base))
            for f, (_, (first, last), _) in zip(line.fields, row.fields, strict=True)
            if f.operation is not None
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
        gold: Gold | None = None,
    ) -> Example:
        """Find the answer everywhere: in the text by wording or value, in every candidate's result by value.

        `gold`, the right arguments as (where, start, end) or as values, is only used to mark a pair for monitoring.
        """
        text = self.text(passage, question)
        starts = [m.start for m in text.mentions if m.where == PASSAGE]  # mentions in the question come behind
        blind = [*blindfold(passage, starts), *([False] * (len(text.mentions) - len(starts)))]
        return self._example(text, find_answers(text, answers), frozenset(_values(answers)), blind, gold or ())

    def next_example(self, example: Example, candidate: int) -> Example:
        """The example as the next call sees it, after that candidate was chosen.

        Where F is undefined for it, or there is no such candidate (in a batch, another example has more of them), there
        is nothing more to choose from.
        """
        row = example.rows[candidate] if candidate < len(example.rows) else None
        if row is None:
            return replace(example, rows=[None] * len(example.rows))
        text = self.extended(example.text, example.text.candidates[candidate], row)
        base = len(example.text.ids)
        spans = [*example.text_spans, *((s + base, e + base) for s, e in example.row_spans[candidate])]
        blind = [*example.blindfold, *([False] * (len(text.mentions) - len(example.blindfold)))]
        return self._example(text, spans, example.values, blind)

    def _example(
        self, text: Text, spans: list[Span], values: frozenset[Value], blind: list[bool], gold: Gold = ()
    ) -> Example:
        candidates = text.candidates if self.calculator.operations else []
        rows = [self.result(text, pair) for pair in candidates]
        row_spans: list[list[Span]] = [[] for _ in rows]
        acceptable = [False] * len(rows)
        if values:  # an answer that is no number stands in no row
            places = [
                [(span, op) for value, span, op in row.fields if _among(value, values)] if row else [] for row in rows
            ]
            row_spans = [[span for span, _ in place] for place in places]
            if not any(_gives(call.row, values) for call in text.calls):
                acceptable = [any(op is not None for _, op in place) for place in places]  # a result, not an operand
                if not any(acceptable) and self.calls - len(text.calls) > 1:
                    acceptable = self._on_the_way(text, rows, values)
        return Example(text, rows, spans, row_spans, acceptable, _among_gold(text, candidates, gold), blind, values)

    def _on_the_way(self, text: Text, rows: Sequence[Row | None], values: frozenset[Value]) -> list[bool]:
        """Of which rows a result makes the answer together with a number of the text."""
        known = {m.value for m in text.mentions}
        rounded = any(len(format_number(v).partition(".")[2]) == DECIMALS for v in values)
        if rounded or not self.calculator.invertible:
            results = [{value for value, _, op in row.fields if op is not None} if row else set() for row in rows]
            made = (
                {f.value for x in known for r in own for f in self.calculator(x, r).fields if f.operation}
                for own in results
            )
            return [any(_among(value, values) for value in every) for every in made]
        wanted = {x for v in values for k in known for x in self.calculator.partners(k, v)}
        return [_gives(row, wanted) for row in rows]


def find_answers(text: Text, answers: Sequence[Sequence[str]]) -> list[Span]:
    """Where an answer stands in question and passage, by wording or by value."""
    values = _values(answers)
    spans = {m.span for m in text.mentions if m.value in values and m.where != CONSTANT}
    for alternative in answers:
        for answer in alternative:
            spans.update(_find(text, answer))
    return sorted(spans)


def _values(answers: Sequence[Sequence[str]]) -> set[Fraction]:
    return {v for alternative in answers for s in alternative if (v := parse_number(s)) is not None}


def _gives(row: Row | None, wanted: Set[Value]) -> bool:
    """Is one of its results, not of its operands, wanted?"""
    return row is not None and any(op is not None and _among(value, wanted) for value, _, op in row.fields)


def _among(value: Value, wanted: Set[Value]) -> bool:
    """Is it one of the values wanted, exactly or as it is printed (10/3 as 3.3333)?"""
    return value in wanted or (value.denominator > 1 and _as_printed(value) in wanted)


@lru_cache(1 << 16)  # the pairs of one text come up again after each choice of an earlier call
def _as_printed(value: Value) -> Fraction:
    return Fraction(format_number(value))


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


def _among_gold(text: Text, candidates: Sequence[tuple[int, int]], gold: Gold) -> list[bool]:
    """Of which candidates both are among the gold arguments; of a chain's any two may come first."""
    by_value = bool(gold) and isinstance(gold[0], Fraction)
    keys = [m.value if by_value else (m.where, m.start, m.end) for m in text.mentions]
    wanted = Counter(gold)
    return [(a := keys[i]) in wanted and (b := keys[j]) in wanted and (a != b or wanted[a] > 1) for i, j in candidates]
