"""Lookup: embeds the results in a table by weights or an index, Σ zᵢEᵢ times the embedding matrix."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from anzan.errors import AnzanError
from anzan.layer._choice import Choice
from anzan.layer._table import ResultTable


def embed(ids: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
    """Embed token ids, such as those of the candidates that an objective runs (`ResultTable.rows`).

    Args:
        ids: integers (..., length), negative at padding.
        embedding: (vocabulary, hidden).

    Returns:
        Rows (..., length, hidden), zero at padding; and a bool mask (..., length), True at tokens.
    """
    mask = ids >= 0
    return embedding[ids.clamp_min(0)] * mask[..., None], mask


def lookup(choice: Choice, table: ResultTable, embedding: Tensor) -> tuple[Tensor, Tensor]:
    """Embed the chosen results.

    Equal to ``einsum('ba,balv,vh->blh', weights, E, embedding)`` with the dense one-hot, zero-padded E of
    Proposition 1 (Yoshikawa et al., NLP2022), in value and in the gradients to weights and embedding. E is never built:
    one product with the distinct tokens of the table and a gather replace it. With an index, the forward pass reads one
    row, and the weights get the gradient of the sum above (straight-through).

    Args:
        choice: weights (batch, candidates) and optionally index (batch).
        table: ids (batch or 1, candidates, length).
        embedding: (vocabulary, hidden).

    Returns:
        Embedded rows (batch, length, hidden), zero after the end of a result; and a bool mask (batch, length), True at
        the tokens of the chosen result or, with soft weights, of the longest result with a weight above 0.

    Raises:
        AnzanError: shapes that do not match.
    """
    weights, _, index = choice
    if weights.dim() != 2 or weights.shape[1] != table.ids.shape[1] or table.ids.shape[0] not in (1, weights.shape[0]):
        raise AnzanError(
            f"weights: (batch, candidates) needed to match a table of {tuple(table.ids.shape)}, "
            f"got {tuple(weights.shape)}"
        )
    tokens, inverse = table.distinct
    if table.ids.shape[1] == 0:
        empty = embedding.new_zeros(weights.shape[0], table.ids.shape[2], embedding.shape[1])
        return empty, torch.zeros(empty.shape[:2], dtype=torch.bool, device=empty.device)
    if index is None:
        in_play = (weights > 0)[:, :, None] & table.mask
        return _soft(weights, tokens, inverse, embedding), in_play.any(1)
    ids = table.rows(index)
    return _Hard.apply(weights, embedding, ids, tokens, inverse), ids >= 0


def _soft(weights: Tensor, tokens: Tensor, inverse: Tensor, embedding: Tensor) -> Tensor:
    """Add up the weight of each distinct token at each position, then take one matrix product."""
    batch, (_, candidates, length) = weights.shape[0], inverse.shape
    slots = tokens.numel() + 1  # the last one collects the weight on padding
    spread = weights[:, :, None].expand(batch, candidates, length).transpose(1, 2)
    where = inverse.expand(batch, -1, -1).transpose(1, 2)
    mass = weights.new_zeros(batch, length, slots).scatter_add(2, where, spread)
    # The embedding's dtype, as from `torch.nn.Embedding`, even if autocast computes the product in another.
    return (mass[..., :-1].to(embedding.dtype) @ embedding[tokens]).to(embedding.dtype)


class _Hard(torch.autograd.Function):
    """The forward pass reads the chosen row; the backward pass gives the weights the gradient of the full sum."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, embedding: Tensor, ids: Tensor, tokens: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(embedding, ids, tokens, inverse)
        ctx.weights_dtype = weights.dtype
        return embed(ids, embedding)[0]

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        embedding, ids, tokens, inverse = ctx.saved_tensors
        grad_weights = grad_embedding = None
        if ctx.needs_input_grad[0]:
            # <gradient at position l, embedding of token u> for the few distinct tokens, then gathered for each result.
            products = torch.nn.functional.pad(grad @ embedding[tokens].to(grad.dtype).T, (0, 1))
            where = inverse.expand(grad.shape[0], -1, -1).transpose(1, 2)
            grad_weights = products.gather(2, where).sum(1).to(ctx.weights_dtype)
        if ctx.needs_input_grad[1]:
            kept = grad.masked_fill(ids[..., None] < 0, 0.0).to(embedding.dtype).flatten(0, 1)
            grad_embedding = torch.zeros_like(embedding).index_add_(0, ids.clamp_min(0).flatten(), kept)
        return grad_weights, grad_embedding, None, None, None
