"""Texts, printed results and examples as padded tensors: what the model computes with."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from anzan.reader.decoys import WIDTH
from anzan.reader.encode import Example
from anzan.reader.sequence import CONSTANT, QUESTION, STEP, Row, Text


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
        if m.where in (STEP, CONSTANT):
            continue
        spelled = (text.question if m.where == QUESTION else text.passage)[m.start : m.end]
        if any(c in DIGITS for c in spelled):  # also those of `3.5 million`
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


DIGITS = frozenset("0123456789")


def _is_digit(text: Text, place: int) -> bool:
    token = text.tokens[place]
    if token is None:
        return False
    source = text.question if token.where == QUESTION else text.passage
    return source[token.start : token.end].isdigit()


def _count_digits(places: list[int], number: int, digits: Sequence[int]) -> None:
    n, first = len(digits), number * WIDTH
    if n <= WIDTH and n and digits[-1] - digits[0] == n - 1:  # nearly all of them, and there are many
        places[digits[0] : digits[-1] + 1] = range(first, first + n)
        return
    for k, place in enumerate(digits):
        places[place] = first + k % WIDTH


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
    rows = [[*e.rows, *([None] * (candidates - len(e.rows)))] for e in examples]
    spans = [[*e.row_spans, *([[]] * (candidates - len(e.row_spans)))] for e in examples]

    def per_candidate(values: list[list[Sequence]], tail: tuple[int, ...] = ()) -> Tensor:
        fill = (-1,) * tail[0] if tail else -1
        return _pad([each for row in values for each in row], fill, tail).unflatten(0, (len(examples), candidates))

    return {
        **batch,
        "candidate_mask": torch.tensor([[r is not None for r in row] for row in rows]),
        "result_ids": per_candidate([[r.ids if r else () for r in row] for row in rows]),
        "operand_digits": per_candidate([[_operand_digits(r) for r in row] for row in rows]),
        "text_spans": _pad([e.text_spans for e in examples], (-1, -1), (2,)),
        "row_spans": per_candidate(spans, (2,)),
        "acceptable": _pad([e.acceptable for e in examples], False, width=candidates).bool(),
        "gold": _pad([e.gold for e in examples], False, width=candidates).bool(),
        "blindfold": _pad([e.blindfold for e in examples], False, width=batch["number_tokens"].shape[1]).bool(),
    }


def _pad(
    rows: Sequence[Sequence[Any]], fill: int | tuple[int, ...], tail: tuple[int, ...] = (), width: int | None = None
) -> Tensor:
    longest = max((len(r) for r in rows), default=0) if width is None else width
    padding = array("q", (fill if isinstance(fill, tuple) else (fill,)) * longest)
    step = math.prod(tail)
    flat = array("q")  # which torch reads as it is; lists of lists take it several times as long
    for row in rows:
        flat.extend(chain.from_iterable(row) if tail else row)
        flat += padding[len(row) * step :]
    values = torch.frombuffer(flat, dtype=torch.long) if flat else torch.empty(0, dtype=torch.long)
    return values.view(len(rows), longest, *tail)
