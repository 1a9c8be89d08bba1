"""Result tables: F's result for every candidate, as padded integer token ids."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from anzan.errors import AnzanError

PAD = -1


class ResultTable:
    """Token ids of the result of every candidate.

    Proposition 1 of Yoshikawa, Heinzerling and Inui (NLP2022) writes result i as a zero-padded one-hot matrix
    ``E_i`` of shape (length, vocabulary). The table stores only the ids: integers of shape (batch or 1, candidates,
    length) instead of ``candidates * length * vocabulary`` floats.

    Args:
        ids: integer tensor (batch or 1, candidates, length); `PAD` (-1) after the last token of a result. A first
            dimension of 1 is shared by the whole batch.
        valid: bool tensor (batch or 1, candidates); False if there is no such candidate or F is undefined there.
            Default: every candidate is valid.

    Attributes:
        ids, valid: as given; int64 and bool.
        distinct: the distinct token ids (U,), and for every cell of `ids` its position among them; U at padding.

    Raises:
        AnzanError: ids is not an integer tensor of three dimensions, an id is below -1, a token follows padding, or
            valid has the wrong shape.
    """

    def __init__(self, ids: Tensor, valid: Tensor | None = None):
        if ids.dim() != 3 or ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
            raise AnzanError(
                f"ids: integers of shape (batch or 1, candidates, length) needed, got {ids.dtype} {tuple(ids.shape)}"
            )
        ids = ids.long()
        if bool((ids < PAD).any() | (ids[..., 1:] > PAD).logical_and(ids[..., :-1] == PAD).any()):
            raise AnzanError(
                f"ids: token ids >= 0 with {PAD} after the last one needed, got an id below or a token after {PAD}"
            )
        if valid is None:
            valid = torch.ones(ids.shape[:2], dtype=torch.bool, device=ids.device)
        elif valid.shape != ids.shape[:2]:
            raise AnzanError(f"valid: shape {tuple(ids.shape[:2])} needed to match ids, got {tuple(valid.shape)}")
        self.ids = ids
        self.valid = valid.bool()
        self.distinct = _distinct(ids)

    @classmethod
    def from_rows(
        cls, rows: Sequence[Sequence[Sequence[int] | None]], device: torch.device | str | None = None
    ) -> ResultTable:
        """Build the table from `rows[example][candidate]`, a sequence of token ids or None if F is undefined.

        Examples may have different numbers of candidates; missing ones are invalid.

        Example::

            ResultTable.from_rows([[[1, 2], None], [[3], [4, 5, 6]]])  # 2 examples, 2 candidates, up to 3 tokens

        Raises:
            TypeError: a result that is not a sequence of integers.
            AnzanError: an id below 0.
        """
        candidates = max((len(r) for r in rows), default=0)
        cells = [(b, a, ids) for b, row in enumerate(rows) for a, ids in enumerate(row) if ids is not None]
        try:
            lengths = torch.tensor([len(ids) for _, _, ids in cells], dtype=torch.long)
            tokens = list(chain.from_iterable(ids for _, _, ids in cells))
            flat = torch.tensor(tokens) if tokens else lengths.new_empty(0)
        except (TypeError, ValueError):
            raise _not_ids(cells) from None
        if flat.dim() != 1 or flat.is_floating_point():
            raise _not_ids(cells)
        if bool((flat < 0).any()):
            b, a, ids = next(cell for cell in cells if min(cell[2], default=0) < 0)
            raise AnzanError(f"rows[{b}][{a}]: token ids must be >= 0, got {min(ids)}")
        place = torch.tensor([b * candidates + a for b, a, _ in cells], dtype=torch.long)
        length = int(lengths.max()) if cells else 0
        table = torch.full((len(rows) * candidates, length), PAD, dtype=torch.long)
        valid = torch.zeros(len(rows) * candidates, dtype=torch.bool)
        position = torch.arange(len(flat)) - (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
        table[place.repeat_interleave(lengths), position] = flat.long()
        valid[place] = True
        shape = (len(rows), candidates)
        return cls(table.view(*shape, length).to(device), valid.view(shape).to(device))

    @classmethod
    def from_vectors(
        cls, rows: Sequence[Sequence[Tensor | Sequence[float] | None]], device: torch.device | str | None = None
    ) -> tuple[ResultTable, Tensor]:
        """A table for an F that returns vectors, and the matrix that replaces the embedding.

        Args:
            rows: `rows[example][candidate]`, a vector (hidden,) or several, (length, hidden); None if F is undefined.
            device: of both.

        Returns:
            The table, whose ids number the distinct vectors, and these vectors (distinct, hidden), in order of first
            appearance. Their dtype is the floating type that they share, otherwise the default one. `lookup(choice,
            table, vectors)` then gives the chosen vectors.

        Raises:
            AnzanError: vectors of different sizes, or no vector at all.
        """
        blocks = [[None if v is None else torch.atleast_2d(torch.as_tensor(v)) for v in row] for row in rows]
        sizes = {v.shape[-1] for row in blocks for v in row if v is not None}
        if len(sizes) != 1:
            raise AnzanError(f"rows: vectors of one size needed, got sizes {sorted(sizes)}")
        known: dict[tuple[float, ...], int] = {}
        ids = [
            [None if v is None else [known.setdefault(tuple(x), len(known)) for x in v.tolist()] for v in row]
            for row in blocks
        ]
        kinds = {v.dtype for row in blocks for v in row if v is not None}
        kind = kinds.pop() if len(kinds) == 1 else torch.get_default_dtype()
        kind = kind if kind.is_floating_point else torch.get_default_dtype()
        return cls.from_rows(ids, device), torch.tensor(list(known), dtype=kind, device=device)

    def to(self, device: torch.device | str) -> ResultTable:
        """The same table on another device."""
        return ResultTable(self.ids.to(device), self.valid.to(device))

    @property
    def mask(self) -> Tensor:
        """Bool (batch or 1, candidates, length): True at the tokens of a result."""
        return self.ids >= 0

    @property
    def lengths(self) -> Tensor:
        """Integers (batch or 1, candidates): the number of tokens of each result."""
        return self.mask.sum(-1)

    def rows(self, index: Tensor) -> Tensor:
        """The results of chosen candidates.

        Args:
            index: integers (batch,) or (batch, n).

        Returns:
            Token ids (batch, length) or (batch, n, length), all `PAD` for an invalid candidate.
        """
        # One table shared by the batch, or one per example, by broadcasting.
        example = torch.arange(self.ids.shape[0], device=index.device).view(-1, *[1] * (index.dim() - 1))
        ids = self.ids[example, index]
        return torch.where(self.valid[example, index][..., None], ids, PAD)

    def __repr__(self) -> str:
        b, a, l = self.ids.shape
        return f"ResultTable(batch={b}, candidates={a}, length={l}, valid={int(self.valid.sum())})"


def _not_ids(cells: Sequence[tuple[int, int, Any]]) -> TypeError:
    """The error for the first cell that does not contain token ids."""
    b, a, ids = next((cell for cell in cells if not _are_ids(cell[2])), cells[0])
    return TypeError(f"rows[{b}][{a}]: a sequence of token ids needed, got {ids!r:.80} (for vectors use from_vectors)")


def _are_ids(ids: Any) -> bool:
    try:
        tokens = [torch.as_tensor(i) for i in ids]
    except (TypeError, ValueError, RuntimeError):
        return False
    return all(t.dim() == 0 and not t.is_floating_point() for t in tokens)


def _distinct(ids: Tensor) -> tuple[Tensor, Tensor]:
    tokens, inverse = torch.unique(ids, return_inverse=True)
    if tokens.numel() and tokens[0] == PAD:
        tokens = tokens[1:]
        inverse = torch.where(inverse == 0, tokens.numel(), inverse - 1)
    return tokens, inverse
