"""What estimators return, and what they share: masked softmax, argmax and checks."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from anzan.errors import AnzanError


class Choice(NamedTuple):
    """The choice of an estimator, for scores of shape (..., candidates).

    Attributes:
        weights: (..., candidates), differentiable. They give the layer its gradient and, if `index` is None, its
            forward value. All zero if no candidate is valid.
        log_probs: (..., candidates), log softmax(scores) without noise; -inf at invalid candidates, finite elsewhere.
        index: (...), the chosen candidate if the forward value is one-hot, otherwise None; 0 if no candidate is valid.
    """

    weights: Tensor
    log_probs: Tensor
    index: Tensor | None  # pyright: ignore[reportIncompatibleMethodOverride]


def at_least_float32(scores: Tensor) -> Tensor:
    """At least float32, as noise in bfloat16 would tie unequal candidates; infinite scores become finite."""
    scores = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    return scores.clamp(torch.finfo(scores.dtype).min, torch.finfo(scores.dtype).max)


def or_first(mask: Tensor) -> Tensor:
    """The mask (..., candidates), with candidate 0 valid where no other is."""
    first = torch.arange(mask.shape[-1], device=mask.device) == 0
    return mask | (first & ~mask.any(-1, keepdim=True))


def shifted(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores minus the greatest valid one, -inf at invalid candidates; all 0 if no candidate is valid.

    They are at most 0, so no temperature turns them into +inf. The softmax is unchanged.
    """
    if scores.shape[-1] == 0:
        return scores
    if mask is not None:
        some = mask.any(-1, keepdim=True)
        scores = scores.masked_fill(~mask & some, -torch.inf).masked_fill(~some, 0.0)
    return scores - scores.detach().max(-1, keepdim=True).values


def masked_softmax(scores: Tensor, mask: Tensor | None, temperature: float = 1.0) -> Tensor:
    """softmax(scores / temperature) over valid candidates; without any, 0 with a gradient of 0 rather than NaN."""
    weights = (shifted(scores, mask) / temperature).softmax(-1)
    return weights if mask is None else weights.masked_fill(~mask, 0.0)


def masked_log_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """log softmax(scores) over valid candidates, at least the lowest finite number of the dtype; -inf elsewhere."""
    log_probs = shifted(scores, mask).log_softmax(-1).clamp_min(torch.finfo(scores.dtype).min)
    return log_probs if mask is None else log_probs.masked_fill(~mask, -torch.inf)


def argmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """The index of the greatest valid score; 0 if there is none."""
    if scores.shape[-1] == 0:  # argmax over nothing raises
        return scores.new_zeros(scores.shape[:-1], dtype=torch.long)
    return shifted(scores, mask).argmax(-1)


def check_count(least: int = 1, **counts: int) -> None:
    """Raise AnzanError for a count below `least`, by its name."""
    for name, count in counts.items():
        if count < least:
            raise AnzanError(f"{name}: at least {least} needed, got {count}")


def check(**settings: float) -> None:
    """Raise AnzanError for a number below 0, a `temperature` of 0, or a number that is not finite, by its name."""
    for name, value in settings.items():
        positive = name == "temperature"
        if not (math.isfinite(value) and (value > 0 if positive else value >= 0)):
            raise AnzanError(f"{name}: a number {'above' if positive else '>='} 0 needed, got {value}")
