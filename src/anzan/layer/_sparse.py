"""Estimators without noise that give most candidates a weight of 0."""

from __future__ import annotations

import torch
from torch import Tensor

from anzan.layer._choice import (
    Choice,
    at_least_float32,
    check,
    check_count,
    masked_log_softmax,
    masked_softmax,
    shifted,
)


def sparsemax(scores: Tensor, mask: Tensor | None = None, *, temperature: float = 1.0) -> Choice:
    """The point of the simplex nearest to scores / temperature: mostly zeros, one-hot if one score leads by 1.

    Sparsemax (Martins and Astudillo, 1602.02068); Correia et al. (2007.01919) use it to sum over few discrete values.
    No noise, so no variance; the gradient is exact for a network that sees a mixture of few results. A candidate with
    weight 0 gets no gradient. Cost: one sort.

    Args:
        scores: (..., candidates).
        mask: bool (..., candidates), True at valid candidates. Default: all.
        temperature: above 0; lower is sparser.

    Raises:
        AnzanError: temperature not above 0.
    """
    check(temperature=temperature)
    scores = at_least_float32(scores)
    log_probs = masked_log_softmax(scores, mask)
    if scores.shape[-1] == 0:
        return Choice(scores, log_probs, None)
    z = shifted(scores, mask) / temperature
    ordered = z.detach().sort(-1, descending=True).values
    rank = torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
    support = (1 + rank * ordered > ordered.cumsum(-1)).sum(-1, keepdim=True)
    inside = z.detach() >= ordered.gather(-1, support - 1)
    # The threshold is the mean of the support minus 1 / its size; ties at its edge are all inside, with weight 0.
    threshold = (torch.where(inside, z, 0.0).sum(-1, keepdim=True) - 1) / inside.sum(-1, keepdim=True)
    weights = (z - threshold).clamp_min(0.0)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return Choice(weights, log_probs, None)


def top_k_softmax(scores: Tensor, mask: Tensor | None = None, *, k: int = 5, temperature: float = 1.0) -> Choice:
    """softmax(scores / temperature) over the k best candidates, 0 elsewhere.

    The truncation of Correia et al. (2007.01919, section 4) without its sampled remainder. No noise, so no variance;
    the gradient is exact for a network that sees a mixture of k results. Other candidates get no gradient, so one that
    starts low stays low. Cost: one selection. Other arguments and errors as `sparsemax`.

    Args:
        k: number of candidates, at least 1.
    """
    check(temperature=temperature)
    check_count(k=k)
    scores = at_least_float32(scores)
    log_probs = masked_log_softmax(scores, mask)
    if scores.shape[-1] == 0:
        return Choice(scores, log_probs, None)
    best = shifted(scores, mask).topk(min(k, scores.shape[-1]), -1).indices
    kept = torch.zeros_like(scores, dtype=torch.bool).scatter(-1, best, True)
    return Choice(masked_softmax(scores, kept if mask is None else kept & mask, temperature), log_probs, None)
