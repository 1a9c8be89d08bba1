"""Numbers as symbols: a number in the text is one token of no digits, and so is every printed result.

    anna has N3 grapes . carl has N7 grapes . [SEP] R0 = N3 + N7 , - R1 = N3 - N7 , R2 = N7 - N3 [SEP]

The network sees which symbols went in, which came out, and the sign of each result; whatever depends on the size of a
number goes through F. Symbols of numbers are dealt anew for each training example, so that a symbol means nothing but
"the same number". Their ids come after those of the tokenizer's vocabulary, so any tokenizer serves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from anzan.arithmetic import KINDS

NUMBERS = 128
"""Symbols for the numbers of a text; a text with more of them uses the first ones again."""
RESULTS = 64
"""Symbols for results; a program with more of them uses the first ones again."""
SIGNS = ("positive", "negative", "zero", "undefined")
"""What is printed before a result, a symbol each."""


@dataclass(frozen=True)
class SymbolIds:
    """The token ids of symbols.

    Attributes:
        first: the size of the tokenizer's vocabulary; the ids of symbols begin there.
        clauses: results that one call prints.
    """

    first: int
    clauses: int

    def number(self, index: int, kind: str) -> int:
        """A number of the text, by its place among the mentions."""
        return self.first + KINDS.index(kind) * NUMBERS + index % NUMBERS

    def result(self, call: int, clause: int) -> int:
        """A result of a call."""
        return self._results + (call * self.clauses + clause) % RESULTS

    def sign(self, sign: str) -> int:
        """A sign, one of `SIGNS`."""
        return self.signs + SIGNS.index(sign)

    @property
    def signs(self) -> int:
        """The id of the first sign."""
        return self._results + RESULTS

    @property
    def opaque(self) -> int:
        """What replaces a token with digits that is part of no number."""
        return self.signs + len(SIGNS)

    @property
    def count(self) -> int:
        """How many ids there are."""
        return self.opaque + 1 - self.first

    @property
    def _results(self) -> int:
        return self.first + len(KINDS) * NUMBERS

    def name(self, id: int) -> str:
        """How a symbol is displayed: `N3`, `R1`, a sign, or `#` for a token with digits."""
        if id < self._results:
            return f"N{(id - self.first) % NUMBERS}"
        if id < self.signs:
            return f"R{id - self._results}"
        return "+-0?#"[id - self.signs]

    def deal(self, ids: Tensor, order: Tensor) -> Tensor:
        """Ids (batch, ...) with the symbols of numbers dealt anew.

        Args:
            order: (batch, NUMBERS), which symbol takes the place of each.
        """
        there = (ids >= self.first) & (ids < self._results)
        place = torch.where(there, ids - self.first, 0)
        new = order.gather(1, (place % NUMBERS).flatten(1)).view_as(ids)
        return torch.where(there, ids - place % NUMBERS + new, ids)


class Symbols(nn.Module):
    """The vectors of all symbols: a number's is that of its symbol plus that of its kind."""

    def __init__(self, ids: SymbolIds, hidden: int):
        super().__init__()
        self.ids = ids
        self.numbers = nn.Parameter(torch.randn(NUMBERS, hidden))
        self.kinds = nn.Parameter(torch.zeros(len(KINDS), hidden))
        self.printed = nn.Parameter(torch.randn(ids.count - len(KINDS) * NUMBERS, hidden))

    @torch.no_grad()
    def start(self, embedding: Tensor, digit_ids: Tensor, sign_ids: Tensor) -> None:
        """Begin as numbers and signs look to an encoder: around the mean of its digits, and as `+`, `-` and `0`.

        Args:
            embedding: the encoder's word embeddings (vocabulary, hidden).
            digit_ids: of the ten digits.
            sign_ids: of `+`, `-`, `0` and the unknown token.
        """
        spread = 0.5 * embedding.std()
        middle = embedding[digit_ids].mean(0)
        for vectors in (self.numbers, self.printed):
            vectors.copy_(middle + spread * torch.randn_like(vectors))
        at = self.ids.signs - self.ids.first - len(KINDS) * NUMBERS
        self.printed[at : at + len(SIGNS)] = embedding[sign_ids] + 0.2 * spread * torch.randn_like(embedding[sign_ids])

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids (...) to vectors (..., hidden); 0 where an id is no symbol."""
        place = ids - self.ids.first
        number = (place >= 0) & (place < len(KINDS) * NUMBERS)
        of_number = self.numbers[torch.where(number, place % NUMBERS, 0)]
        of_number = of_number + self.kinds[torch.where(number, place // NUMBERS, 0)]
        other = place - len(KINDS) * NUMBERS
        vectors = torch.where(number[..., None], of_number, self.printed[other.clamp_min(0)])
        return vectors * (place >= 0)[..., None]
