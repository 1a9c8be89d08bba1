"""ReinMax: straight-through with second-order accuracy."""

from __future__ import annotations

import torch
from torch import Tensor

from anzan.layer._choice import (
    Choice,
    argmax,
    at_least_float32,
    check,
    masked_log_softmax,
    masked_softmax,
    shifted,
)
from anzan.layer._noise import Source, gumbel_noise


def reinmax(
    scores: Tensor,
    mask: Tensor | None = None,
    *,
    temperature: float = 1.0,
    generator: Source = None,
) -> Choice:
    """A draw from softmax(scores) forward, a second-order approximation of its exact gradient backward.

    ReinMax (Liu et al., 2304.08612, algorithm 2). Unbiased if the loss is quadratic in the one-hot choice, otherwise
    biased; more variance than `straight_through`. Cost: two softmaxes. There is no noise scale, as the gradient is that
    of the distribution the choice is drawn from.

    Args:
        scores: (..., candidates), unnormalised log-probabilities.
        mask: bool (..., candidates), True at valid candidates. Default: all.
        temperature: above 0; second-order accurate at 1.
        generator: source of the draw.

    Raises:
        AnzanError: temperature not above 0.
    """
    check(temperature=temperature)
    scores = at_least_float32(scores)
    index = argmax(shifted(scores, mask).detach() + gumbel_noise(scores, generator), mask)
    probs = masked_softmax(scores, mask)
    weights = -probs / 2
    if scores.shape[-1]:
        drawn = torch.zeros_like(scores).scatter(-1, index[..., None], 1.0)
        middle = (drawn + masked_softmax(scores.detach(), mask, temperature)) / 2
        # softmax(ln middle) is `middle`, so this is the derivative of a softmax at that point.
        weights = weights + 2 * _softmax_at(middle, scores)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return Choice(weights, masked_log_softmax(scores, mask), index)


def _softmax_at(point: Tensor, scores: Tensor) -> Tensor:
    """`point`, with the derivative of a softmax of `scores` whose value is `point`: diag(p) - p pᵀ."""
    moved = torch.where(point > 0, scores - scores.detach(), 0.0)
    return point * (1 + moved - (point * moved).sum(-1, keepdim=True))
