"""Texts, printed rows and examples as padded tensors: what the model computes with."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence, Set
from dataclasses import dataclass, fields, replace
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from anzan.reader.programs import choice_of, choices_of, exact, stop_of
from anzan.reader.sequence import CONSTANT, Row, Text

if TYPE_CHECKING:
    from anzan.arithmetic import Value
    from anzan.reader.encode import TextEncoder
    from anzan.reader.labels import Example
    from anzan.reader.shortest import Draw


@dataclass(frozen=True)
class Tensors:
    """Base of groups of tensors whose first dimension is the batch; fields may be groups, tuples of groups, or None.

    Exact numbers and sets of them are numpy arrays, which stay on the CPU.
    """

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """The same on another device."""
        return self._each(lambda t: t.to(device, non_blocking=non_blocking), lambda a: a)

    def select(self, example: Tensor) -> Self:
        """The examples `example` (n,), which may come up several times."""
        return self._each(lambda t: t[example], lambda a: a[example.cpu().numpy()])

    def _each(self, change: Any, change_exact: Any) -> Self:
        changed: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Tensor):
                changed[f.name] = change(value)
            elif isinstance(value, Tensors):
                changed[f.name] = value._each(change, change_exact)
            elif isinstance(value, np.ndarray):
                changed[f.name] = change_exact(value)
            elif isinstance(value, tuple):
                changed[f.name] = tuple(v._each(change, change_exact) for v in value)
        return replace(self, **changed)


@dataclass(frozen=True)
class TextBatch(Tensors):
    """Texts, padded at the end.

    Attributes:
        ids, types: (batch, length), token ids and token types.
        attention: (batch, length), 1 at tokens, 0 at padding.
        answerable: bool (batch, length), where an answer can stand: not at [CLS] and [SEP].
    """

    ids: Tensor
    types: Tensor
    attention: Tensor
    answerable: Tensor


@dataclass(frozen=True)
class CandidateBatch(Tensors):
    """The numbers of texts, and the pairs of them that the calculator may be given.

    Attributes:
        numbers: (batch, numbers), the first token of each.
        pairs: (batch, candidates, 2), indexes of numbers, the earlier one first.
        valid: bool (batch, candidates), False at padding and where F is undefined.
        rows: (batch, candidates, length), token ids of each printed row, -1 after its end; None where F has not run.
    """

    numbers: Tensor
    pairs: Tensor
    valid: Tensor
    rows: Tensor | None = None


@dataclass(frozen=True)
class NumberBatch(Tensors):
    """The numbers of texts, for programs (`anzan.reader.programs`).

    Attributes:
        places: (batch, numbers), the token of each.
        there: bool (batch, numbers), False at padding.
        constant: bool (batch, numbers).
        room: (batch,), how many calls can be printed.
        values: exact, (batch, numbers).
    """

    places: Tensor
    there: Tensor
    constant: Tensor
    room: Tensor
    values: np.ndarray


@dataclass(frozen=True)
class OtherNumbers(Tensors):
    """Other numbers of the same texts, with their answers.

    Attributes:
        there: bool (batch,), False where a text has no such ones.
        values: exact, (batch, numbers).
        wanted: the values of the answers, (batch,) of sets.
    """

    there: Tensor
    values: np.ndarray
    wanted: np.ndarray


@dataclass(frozen=True)
class LabelBatch(Tensors):
    """What is known of examples in training; those without candidates have `text_spans` alone.

    Attributes:
        text_spans: (batch, spans, 2), first and last token of each answer in the text, -1 for none.
        row_spans: (batch, candidates, spans, 2), likewise in each candidate's row.
        acceptable: bool (batch, candidates), a result equals the answer.
        gold: bool (batch, candidates), the right arguments, for monitoring.
        wanted: the values of the answers, (batch,) of sets; for programs.
        others: the texts with other numbers: a result is right if it is right for all; for programs.
        programs: (batch, m, calls), the choices of the shortest programs that give the answer; after their end to stop
            where these are known to be right, -1 where a program may go on, and for none. With them, `gold` is (batch,
            choices of the first call).
        known: bool (batch,), whether other numbers have told which programs are right.
    """

    text_spans: Tensor
    row_spans: Tensor | None = None
    acceptable: Tensor | None = None
    gold: Tensor | None = None
    wanted: np.ndarray | None = None
    others: tuple[OtherNumbers, ...] = ()
    programs: Tensor | None = None
    known: Tensor | None = None


@dataclass(frozen=True)
class Batch(Tensors):
    """Everything that one pass over some examples needs.

    Attributes:
        text: the texts.
        candidates: where numbers are digits, the pairs of them; None where no text has any.
        numbers: where they are symbols, what programs are made of; None without a calculator.
        labels: None in answering.
        draws: integers (batch,), keys of the noise (`anzan.layer.ExampleNoise`); None for torch's own generator.
    """

    text: TextBatch
    candidates: CandidateBatch | None = None
    numbers: NumberBatch | None = None
    labels: LabelBatch | None = None
    draws: Tensor | None = None

    def __len__(self) -> int:
        return len(self.text.ids)


def collate_texts(texts: Sequence[Text], encoder: TextEncoder) -> Batch:
    """Texts and their numbers, without rows and labels."""
    text = TextBatch(
        ids=_pad([t.ids for t in texts], encoder.pad),
        types=_pad([t.types for t in texts], 0),
        attention=_pad([[1] * len(t.ids) for t in texts], 0),
        answerable=_pad([_answerable(t) for t in texts], False).bool(),
    )
    if encoder.symbols is not None:
        return Batch(text, numbers=_numbers(texts, encoder) if encoder.calculator.operations else None)
    pairs = [t.candidates for t in texts]
    return Batch(
        text,
        CandidateBatch(
            numbers=_pad([[m.span[0] for m in t.mentions] for t in texts], 0),
            pairs=_pad(pairs, (0, 0), (2,)),
            valid=_pad([[True] * len(p) for p in pairs], False).bool(),
        ),
    )


def collate_rows(rows: Sequence[Row | None], pad: int = -1) -> Tensor:
    """One row a text as ids (batch, length), -1 after its end."""
    return _pad([r.ids if r else [] for r in rows], pad)


def _numbers(texts: Sequence[Text], encoder: TextEncoder) -> NumberBatch:
    return NumberBatch(
        places=_pad([[m.span[0] for m in t.mentions] for t in texts], 0),
        there=_pad([[True] * len(t.mentions) for t in texts], False).bool(),
        constant=_pad([[m.where == CONSTANT for m in t.mentions] for t in texts], False).bool(),
        room=torch.tensor([encoder.room(t) for t in texts]),
        values=exact([[m.value for m in t.mentions] for t in texts], encoder.calculator.whole, encoder.calls),
    )


def collate_examples(examples: Sequence[Example], encoder: TextEncoder) -> Batch:
    """Examples with rows and labels. Where no example has a candidate, there are none, and only spans as labels."""
    batch = collate_texts([e.text for e in examples], encoder)
    text_spans = _pad([e.text_spans for e in examples], (-1, -1), (2,))
    if encoder.symbols is not None:
        return replace(batch, labels=_program_labels(examples, text_spans, batch, encoder))
    if not any(e.rows for e in examples):
        return replace(batch, candidates=None, labels=LabelBatch(text_spans))
    assert batch.candidates is not None
    candidates = batch.candidates.pairs.shape[1]
    rows = [[*e.rows, *([None] * (candidates - len(e.rows)))] for e in examples]
    spans = [[*e.row_spans, *([[]] * (candidates - len(e.row_spans)))] for e in examples]

    def per_candidate(values: list[list[Sequence]], tail: tuple[int, ...] = ()) -> Tensor:
        fill = (-1,) * tail[0] if tail else -1
        return _pad([each for row in values for each in row], fill, tail).unflatten(0, (len(examples), candidates))

    return replace(
        batch,
        candidates=replace(
            batch.candidates,
            valid=torch.tensor([[r is not None for r in row] for row in rows]),
            rows=per_candidate([[r.ids if r else () for r in row] for row in rows]),
        ),
        labels=LabelBatch(
            text_spans=text_spans,
            row_spans=per_candidate(spans, (2,)),
            acceptable=_pad([e.acceptable for e in examples], False, width=candidates).bool(),
            gold=_pad([e.gold for e in examples], False, width=candidates).bool(),
        ),
    )


def _program_labels(examples: Sequence[Example], text_spans: Tensor, batch: Batch, encoder: TextEncoder) -> LabelBatch:
    if batch.numbers is None:
        return LabelBatch(text_spans)
    numbers, clauses, tools = batch.numbers.there.shape[1], encoder.results, len(encoder.tools)
    choices = stop_of(numbers, tools) + 1
    firsts = [choice_of(e.gold_pair, numbers) * tools if e.gold_pair else None for e in examples]
    gold = [[] if first is None else range(first, first + tools) for first in firsts]
    programs = []
    for e in examples:
        # A program that is right for other numbers too needs no further call; else one may have to compare.
        ends = [stop_of(numbers + clauses * t, tools) if e.known else -1 for t in range(encoder.calls)]
        made = (choices_of(p, numbers, clauses, tools) + ends[len(p) :] for p in e.programs if len(p) <= encoder.calls)
        programs.append([*made])
    return LabelBatch(
        text_spans,
        gold=_pad([[k in g for k in range(choices)] for g in gold], False).bool(),
        wanted=_sets([e.values for e in examples]),
        others=tuple(_others(some, numbers, encoder) for some in zip_longest(*(e.others for e in examples))),
        programs=_pad(programs, (-1,) * encoder.calls, (encoder.calls,)),
        known=torch.tensor([e.known for e in examples]),
    )


def _others(draws: Sequence[Draw | None], numbers: int, encoder: TextEncoder) -> OtherNumbers:
    """One draw of each example, None for none."""
    values = exact([d.numbers if d else () for d in draws], encoder.calculator.whole, encoder.calls)
    return OtherNumbers(
        there=torch.tensor([d is not None for d in draws]),
        values=np.pad(values, ((0, 0), (0, numbers - values.shape[1]))),
        wanted=_sets([d.wanted if d else frozenset() for d in draws]),
    )


def _sets(values: Sequence[Set[Value]]) -> np.ndarray:
    sets = np.empty(len(values), dtype=object)
    sets[:] = values
    return sets


def _answerable(text: Text) -> list[bool]:
    places = [token is not None for token in text.tokens]
    for call in text.calls:
        places[call.start : call.start + len(call.row.ids) - 1] = [True] * (len(call.row.ids) - 1)
    return places


def _pad(
    rows: Sequence[Sequence[Any]], fill: int | tuple[int, ...], tail: tuple[int, ...] = (), width: int | None = None
) -> Tensor:
    longest = max((len(r) for r in rows), default=0) if width is None else width
    padding = array("q", (fill if isinstance(fill, tuple) else (fill,)) * longest)
    step = math.prod(tail)
    flat = array("q")  # torch reads it as it is; lists of lists take several times as long
    for row in rows:
        flat.extend(chain.from_iterable(row) if tail else row)
        flat += padding[len(row) * step :]
    values = torch.frombuffer(flat, dtype=torch.long) if flat else torch.empty(0, dtype=torch.long)
    return values.view(len(rows), longest, *tail)
