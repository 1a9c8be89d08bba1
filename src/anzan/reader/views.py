"""Views: what one reading of a text sees.

What a network sees decides what it can cheat with, and this is the one place that decides it. Choosing the arguments,
reading the answer, an audit's intervention and a saliency map are each a view of the same text, made here, in training
and in answering alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from anzan.layer import ExampleNoise
from anzan.reader.batch import Batch, Tensors, TextBatch
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.sequence import RESULT_SEGMENT
from anzan.reader.symbols import NUMBERS


@dataclass(frozen=True)
class View(Tensors):
    """One reading: texts, each followed at once by a printed row.

    Attributes:
        text: the texts.
        row: (batch, r), token ids of the row, -1 after its end; None for no row.
        row_mask: bool (batch, r), where the row has tokens; by default where its ids are 0 or more.
    """

    text: TextBatch
    row: Tensor | None = None
    row_mask: Tensor | None = None

    def with_row_mask(self, row_mask: Tensor) -> View:
        """The same with tokens of the row where a soft choice has any."""
        return replace(self, row_mask=row_mask)

    @cached_property
    def layout(self) -> Layout:
        """How text and row make one sequence."""
        text, attention = self.text, self.text.attention.bool()
        if self.row is None or not self.row.shape[1]:
            return Layout(None, attention, text.types, text.answerable)
        there = self.row >= 0 if self.row_mask is None else self.row_mask
        answerable = torch.cat([text.answerable, there & ~last(there)], 1)
        # Each row follows its own text at once, whatever the padding between them.
        length = attention.sum(1, keepdim=True)
        ends = length + there.sum(1, keepdim=True)
        # No wider than the longest example needs: the longest text and the longest row, of two examples, could exceed
        # the encoder's positions together.
        place = torch.arange(int(ends.max()), device=length.device).expand(len(length), -1)
        padded = text.ids.shape[1]
        source = torch.where(place < length, place, (place - length + padded).clamp(max=answerable.shape[1] - 1))
        attention = place < ends
        types = F.pad(text.types, (0, there.shape[1]))[:, : place.shape[1]]
        types = torch.where(place < length, types, RESULT_SEGMENT)
        return Layout(source, attention, types, answerable.gather(1, source) & attention)


@dataclass(frozen=True)
class Layout:
    """Text and row as one sequence: attention, token types and answerable places (batch, length).

    `source` (batch, length) is where each token is when the padded text and the padded row are concatenated; None
    without a row.
    """

    source: Tensor | None
    attention: Tensor
    types: Tensor
    answerable: Tensor

    def join(self, text: Tensor, row: Tensor | None) -> Tensor:
        """Embedded text and row (batch, ., hidden) as one sequence (batch, length, hidden)."""
        if self.source is None or row is None:
            return text
        both = torch.cat([text, row], 1)
        return both.gather(1, self.source[..., None].expand(-1, -1, both.shape[-1]))


class Views:
    """Makes the views that a configuration asks for."""

    def __init__(self, config: CalculatorReaderConfig):
        self.symbols = config.symbol_ids

    def draw(self, batch: Batch, training: bool, noise: ExampleNoise | None = None) -> Batch:
        """The batch as all its views show it: with symbols, in training, each text's numbers are dealt new ones."""
        if self.symbols is None or not training:
            return batch
        ids = batch.text.ids
        order = uniform(len(ids), NUMBERS, noise).argsort(-1).to(ids.device)
        return replace(batch, text=replace(batch.text, ids=self.symbols.deal(ids, order)))

    def choosing(self, text: TextBatch) -> View:
        """The view in which arguments are chosen."""
        return View(text)

    def reading(self, text: TextBatch, row: Tensor | None) -> View:
        """The view in which the answer is read, after the calculator has printed `row` (batch, r); None for nothing."""
        return View(text, row)


def last(there: Tensor) -> Tensor:
    """True at the last token of each row, its [SEP], where no answer can stand: bool (batch, r)."""
    return there & ~F.pad(there, (0, 1))[:, 1:]


def uniform(examples: int, size: int, noise: ExampleNoise | None) -> Tensor:
    """Numbers between 0 and 1: (examples, size)."""
    return torch.rand(examples, size) if noise is None else noise.uniform(size)
