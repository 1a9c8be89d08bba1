"""What an estimator decides, and what all of them need: a masked softmax."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from anzan.errors import AnzanError


class Choice(NamedTuple):
    """What an estimator decided, for scores of shape (..., candidates).

    Attributes:
        weights: (..., candidates), differentiable. The forward value of the layer if `index` is None, its gradient
            in any case. All zero where no candidate is valid.
        log_probs: (..., candidates), log softmax(scores), without noise; -inf at invalid candidates, and finite at
            all others.
        index: (...), the chosen candidate, if the forward value is one-hot; 0 where no candidate is valid.
    """

    weights: Tensor
    log_probs: Tensor
    index: Tensor | None  # pyright: ignore[reportIncompatibleMethodOverride]


def at_least_float32(scores: Tensor) -> Tensor:
    """Scores in float32 where they come in fewer bits, as noise in bfloat16 would tie candidates that are not equal;
    infinite ones at the greatest number of their type."""
    scores = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    return scores.clamp(torch.finfo(scores.dtype).min, torch.finfo(scores.dtype).max)


def shifted(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores less the greatest valid one, -inf at invalid candidates; all 0 where none is valid.

    At most 0, so that no temperature can turn them into +inf, and softmax stays the same.
    """
    if scores.shape[-1] == 0:
        return scores
    if mask is not None:
        some = mask.any(-1, keepdim=True)
        scores = scores.masked_fill(~mask & some, -torch.inf).masked_fill(~some, 0.0)
    return scores - scores.detach().max(-1, keepdim=True).values


def masked_softmax(scores: Tensor, mask: Tensor | None, temperature: float = 1.0) -> Tensor:
    """softmax(scores / temperature) over valid candidates, with no NaN (value or gradient) where there is none."""
    weights = (shifted(scores, mask) / temperature).softmax(-1)
    return weights if mask is None else weights.masked_fill(~mask, 0.0)


def masked_log_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """log softmax(scores) over valid candidates, -inf at the others; no lower than the dtype holds."""
    log_probs = shifted(scores, mask).log_softmax(-1).clamp_min(torch.finfo(scores.dtype).min)
    return log_probs if mask is None else log_probs.masked_fill(~mask, -torch.inf)


def argmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """The greatest valid score's index; 0 where there is none."""
    if scores.shape[-1] == 0:  # argmax over nothing raises
        return scores.new_zeros(scores.shape[:-1], dtype=torch.long)
    return shifted(scores, mask).argmax(-1)


def check_count(least: int = 1, **counts: int) -> None:
    """Raise ValueError, naming it, for a count below `least`."""
    for name, count in counts.items():
        if count < least:
            raise AnzanError(f"{name}: at least {least} needed, got {count}")


def check(**settings: float) -> None:
    """Raise ValueError, naming the setting, for a `temperature` not above 0, another number below 0, or none at all."""
    for name, value in settings.items():
        positive = name == "temperature"
        if not (math.isfinite(value) and (value > 0 if positive else value >= 0)):
            raise AnzanError(f"{name}: a number {'above' if positive else '>='} 0 needed, got {value}")
