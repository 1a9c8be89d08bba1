"""Views: what one reading of a text sees.

What a network sees decides what it can cheat with, and this is the one place that decides it. Choosing the arguments,
reading the answer, guessing from the words alone, an audit's intervention and a saliency map are each a view of the
same text, made here, in training and in answering alike.

Masked numbers show random digits. The text and the printed operands show the same ones, so it can still be told whose
number went into the calculator; results are true. What the numbers amount to can then be read from the results alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from anzan.layer import ExampleNoise
from anzan.reader.batch import WIDTH, Batch, Tensors, TextBatch
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.places import draw_shift
from anzan.reader.sequence import RESULT_SEGMENT
from anzan.reader.symbols import NUMBERS


@dataclass(frozen=True)
class Drawn(Tensors):
    """What is drawn once for the examples of a batch, and holds for all their views.

    Attributes:
        digits: (batch, numbers, WIDTH), the digits that mask each number, 0 to 9, the first above 0; None: no masks.
        masked: bool (batch, numbers), numbers that no reading of the answer sees, whatever the arguments are.
        shift: (batch,), how far the places of digits are moved up (`anzan.reader.places`).
        order: (batch, NUMBERS), which symbol takes the place of each (`anzan.reader.symbols`); None: their own.
    """

    digits: Tensor | None = None
    masked: Tensor | None = None
    shift: Tensor | None = None
    order: Tensor | None = None


@dataclass(frozen=True)
class View(Tensors):
    """One reading: texts, each followed at once by a printed row.

    Attributes:
        ids, types, attention: (batch, length), the text as `TextBatch` has it, masked.
        answerable: bool (batch, length), where an answer can stand.
        digits: (batch, length), which digit of which number a token is, see `TextBatch`.
        masked: bool (batch, length), the tokens that are masked; None where nothing is.
        shift: (batch,), see `Drawn`.
        row: (batch, r), token ids of the row, masked, -1 after its end; None for no row.
        row_mask: bool (batch, r), where the row has tokens; by default where its ids are 0 or more.
    """

    ids: Tensor
    types: Tensor
    attention: Tensor
    answerable: Tensor
    digits: Tensor
    masked: Tensor | None = None
    shift: Tensor | None = None
    row: Tensor | None = None
    row_mask: Tensor | None = None

    def with_row_mask(self, row_mask: Tensor) -> View:
        """The same with tokens of the row where a soft choice has any."""
        return replace(self, row_mask=row_mask)

    @cached_property
    def layout(self) -> Layout:
        """How text and row make one sequence."""
        attention = self.attention.bool()
        if self.row is None or not self.row.shape[1]:
            return Layout(None, attention, self.types, self.answerable)
        there = self.row >= 0 if self.row_mask is None else self.row_mask
        answerable = torch.cat([self.answerable, there & ~last(there)], 1)
        # Each row follows its own text at once, whatever the padding between them.
        length = attention.sum(1, keepdim=True)
        ends = length + there.sum(1, keepdim=True)
        # No wider than the longest example needs: the longest text and the longest row, of two examples, could exceed
        # the encoder's positions together.
        place = torch.arange(int(ends.max()), device=length.device).expand(len(length), -1)
        text = self.ids.shape[1]
        source = torch.where(place < length, place, (place - length + text).clamp(max=answerable.shape[1] - 1))
        attention = place < ends
        types = F.pad(self.types, (0, there.shape[1]))[:, : place.shape[1]]
        types = torch.where(place < length, types, RESULT_SEGMENT)
        return Layout(source, attention, types, answerable.gather(1, source) & attention)


@dataclass(frozen=True)
class Layout:
    """Text and row as one sequence: attention, token types and answerable places (batch, length).

    `source` (batch, length) is where each token stands when the padded text and the padded row are concatenated; None
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
        self.mask, self.digit_places = config.settings.mask, config.settings.digit_places
        self.mask_id, self._digit_ids = config.mask_id, config.digit_ids
        self.symbols = config.symbol_ids

    def digit_ids(self, device: torch.device) -> Tensor:
        """(2, 10), the ids of the digits at the beginning of a word and inside one."""
        return torch.tensor(self._digit_ids, device=device)

    def draw(self, batch: Batch, training: bool, noise: ExampleNoise | None = None) -> Drawn:
        """What is random in the views of a batch; in answering nothing is, and the same digits mask every text."""
        ids, candidates = batch.text.ids, batch.candidates
        shift = digits = masked = order = None
        if self.symbols is not None and training:
            order = uniform(len(ids), NUMBERS, noise).argsort(-1).to(ids.device)
        if self.digit_places and training:
            shift = draw_shift(ids, self.digit_ids(ids.device), drawn(len(ids), noise), self.digit_places)
        if self.mask.arguments is not None and candidates is not None and candidates.numbers.shape[1]:
            anew = training and self.mask.arguments == "random"
            digits = draw_digits(len(ids), candidates.numbers.shape[1], ids.device, anew, noise)
            masked = candidates.used
            if training and batch.labels is not None and batch.labels.stale is not None:
                chosen = drawn(len(ids), noise, ids.device) < self.mask.stale
                masked = (batch.labels.stale & chosen[:, None]) | masked
        return Drawn(digits, masked, shift, order)

    def choosing(self, text: TextBatch, drawn: Drawn) -> View:
        """The view in which arguments are chosen."""
        view = self._view(text, drawn)
        if not self.mask.choosing or drawn.digits is None:
            return view
        return replace(view, ids=mask_digits(text.ids, text.digits, drawn.digits, self.digit_ids(text.ids.device)))

    def rows(self, rows: Tensor, operands: Tensor, arguments: Tensor, drawn: Drawn) -> Tensor:
        """Printed rows with masked operands.

        Args:
            rows, operands: (batch, n, length), see `CandidateBatch`.
            arguments: (batch, n, 2), the numbers that went in; -1 for none.
        """
        if drawn.digits is None:
            return rows
        b, n, l = rows.shape
        index = arguments.clamp_min(0).view(b, 2 * n, 1).expand(-1, -1, WIDTH)
        own = drawn.digits.gather(1, index).view(b * n, 2, WIDTH)
        flat = rows.view(b * n, l), operands.view(b * n, l)
        return mask_digits(*flat, own, self.digit_ids(rows.device)).view(b, n, l)

    def reading(self, text: TextBatch, drawn: Drawn, arguments: Tensor | None, row: Tensor | None) -> View:
        """The view in which the answer is read, after the calculator has printed.

        Args:
            arguments: (batch, 2), the numbers that went into the last call; -1 for none. Not needed with symbols.
            row: (batch, r), what was printed, masked by `rows` or with symbols dealt; None for nothing.
        """
        view = replace(self._view(text, drawn), row=row)
        if drawn.digits is None or arguments is None:
            return view
        numbers = drawn.digits.shape[1]
        chosen = (F.one_hot(arguments.clamp_min(0), numbers).bool() & (arguments >= 0)[..., None]).any(1)
        numbers_masked = chosen if drawn.masked is None else chosen | drawn.masked
        masked = (text.digits >= 0) & numbers_masked.gather(1, text.digits.clamp_min(0) // WIDTH)
        ids = mask_digits(text.ids, text.digits, drawn.digits, self.digit_ids(text.ids.device), masked)
        return replace(view, ids=ids, masked=masked, answerable=text.answerable & ~masked)

    def dealt(self, ids: Tensor, drawn: Drawn) -> Tensor:
        """Token ids (batch, ...) with the symbols that are dealt to the numbers."""
        return ids if drawn.order is None or self.symbols is None else self.symbols.deal(ids, drawn.order)

    def _view(self, text: TextBatch, drawn: Drawn) -> View:
        ids = self.dealt(text.ids, drawn)
        return View(ids, text.types, text.attention, text.answerable, text.digits, shift=drawn.shift)

    def guessing(self, view: View) -> View:
        """The view of a guess by the words alone: every digit and the whole row masked."""
        row = view.row
        if row is not None:
            there = row >= 0
            row = row.masked_fill(there & ~last(there), self.mask_id)
        return replace(view, ids=view.ids.masked_fill(view.digits >= 0, self.mask_id), row=row)


def last(there: Tensor) -> Tensor:
    """True at the last token of each row, its [SEP], where no answer can stand: bool (batch, r)."""
    return there & ~F.pad(there, (0, 1))[:, 1:]


def drawn(examples: int, noise: ExampleNoise | None, device: torch.device | None = None) -> Tensor:
    """A number between 0 and 1 for each example: (examples,)."""
    return uniform(examples, 1, noise)[:, 0].to(device=device)


def uniform(examples: int, size: int, noise: ExampleNoise | None) -> Tensor:
    """Numbers between 0 and 1: (examples, size)."""
    return torch.rand(examples, size) if noise is None else noise.uniform(size)


# -- masks ---------------------------------------------------------------------------------------------------------
def draw_digits(
    batch: int, numbers: int, device: torch.device, random: bool = True, noise: ExampleNoise | None = None
) -> Tensor:
    """Digits to mask numbers with, see `Drawn`: (batch, numbers, WIDTH).

    If not `random`, they are the same for every text. `noise` is their source otherwise; None for torch's generator.
    """
    if random and noise is not None:
        drawn = noise.uniform(numbers, WIDTH)
    else:
        generator = None if random else torch.Generator().manual_seed(0)
        drawn = torch.rand(batch if random else 1, numbers, WIDTH, generator=generator)
    digits = (10 * drawn).long()
    # From the same draw: a number's mask must not depend on how many numbers the other texts of its batch have.
    digits[..., 0] = 1 + (9 * drawn[..., 0]).long()
    return digits.expand(batch, -1, -1).to(device)


def mask_digits(ids: Tensor, places: Tensor, digits: Tensor, digit_ids: Tensor, masked: Tensor | None = None) -> Tensor:
    """Token ids with the digits of numbers replaced.

    Args:
        ids: (batch, length).
        places: (batch, length), ``number * WIDTH + digit`` at each token that is a digit of a number, -1 elsewhere.
        digits: (batch, numbers, WIDTH), what to put there.
        digit_ids: (2, 10), the ids of the digits at the beginning of a word and inside one.
        masked: bool (batch, length), the tokens to replace; by default all digits of numbers.
    """
    new = digits.flatten(1).gather(1, places.clamp_min(0))
    inside = torch.isin(ids, digit_ids[1]).long()
    return torch.where(places >= 0 if masked is None else masked, digit_ids[inside, new], ids)


_SENTENCE = re.compile(r"\S(?:[^.!?]|[.!?](?=\S))*[.!?]?")
_NAME = re.compile(r"(?<!\w)[^\W\d_a-z]\w*")


def stale_numbers(passage: str, starts: Sequence[int]) -> list[bool]:
    """Which numbers of a passage are stale: another sentence speaks of the same person or thing.

    `Anna has 5 pens` is stale once `Anna gave 2 pens to Grace` follows: what Anna owns now is not in the text and must
    be calculated. Where no number is stale, all are taken: whatever the question compares must then come through the
    calculator. Only strings are matched, no label is used.

    Args:
        starts: the character offset of each number.
    """
    sentences = [(m.start(), m.end(), set(_NAME.findall(m.group()))) for m in _SENTENCE.finditer(passage)]
    shared = Counter(name for *_, names in sentences for name in names)
    stale = [range(start, end) for start, end, names in sentences if any(shared[name] > 1 for name in names)]
    out = [any(start in place for place in stale) for start in starts]
    return out if any(out) else [True] * len(starts)
