"""Estimators with Gumbel noise: the argmax of scores + noise is an exact draw from softmax(scores)."""

from __future__ import annotations

import torch
from torch import Tensor

from anzan.layer._choice import (
    Choice,
    argmax,
    at_least_float32,
    check,
    check_count,
    masked_log_softmax,
    masked_softmax,
    shifted,
)
from anzan.layer._noise import Source, gumbel_noise


def relaxed_gumbel_softmax(
    scores: Tensor,
    mask: Tensor | None = None,
    *,
    temperature: float = 1.0,
    noise_scale: float = 1.0,
    generator: Source = None,
) -> Choice:
    """softmax((scores + noise) / temperature): a point inside the simplex, one-hot in the limit of temperature 0.

    Gumbel-Softmax (Jang et al., 1611.01144; Maddison et al., 1611.00712). The gradient is exact for the relaxed
    network, so it is biased for the network with one-hot choices. Its variance is low unless the temperature is. Cost:
    one softmax, and the downstream network sees a mixture of results.

    Args:
        scores: (..., candidates), unnormalised log-probabilities.
        mask: bool (..., candidates), True at valid candidates. Default: all.
        temperature: above 0.
        noise_scale: factor on the Gumbel noise; 0 switches it off.
        generator: source of the noise.

    Raises:
        AnzanError: temperature not above 0, or noise_scale below 0.
    """
    check(temperature=temperature, noise_scale=noise_scale)
    scores = at_least_float32(scores)
    weights = masked_softmax(_noisy(scores, mask, noise_scale, generator), mask, temperature)
    return Choice(weights, masked_log_softmax(scores, mask), None)


def straight_through(
    scores: Tensor,
    mask: Tensor | None = None,
    *,
    temperature: float = 1.0,
    noise_scale: float = 1.0,
    generator: Source = None,
) -> Choice:
    """argmax(scores + noise) forward, the gradient of `relaxed_gumbel_softmax` backward.

    Straight-through Gumbel-Softmax (Jang et al., 1611.01144), the dargmax of Yoshikawa, Heinzerling and Inui
    (NLP2022). With noise_scale 1 the choice is an exact draw from softmax(scores). The gradient is biased, and its
    variance grows as the temperature falls. Cost: one softmax. Arguments and errors as `relaxed_gumbel_softmax`.
    """
    check(temperature=temperature, noise_scale=noise_scale)
    scores = at_least_float32(scores)
    noisy = _noisy(scores, mask, noise_scale, generator)
    return Choice(
        masked_softmax(noisy, mask, temperature), masked_log_softmax(scores, mask), argmax(noisy.detach(), mask)
    )


def decoupled_straight_through(
    scores: Tensor,
    mask: Tensor | None = None,
    *,
    forward_temperature: float = 1.0,
    temperature: float = 1.0,
    generator: Source = None,
) -> Choice:
    """A draw from softmax(scores / forward_temperature) forward, softmax(scores / temperature)'s gradient backward.

    Decoupled straight-through (Shah et al., 2410.13331v2): one temperature controls exploration, another how widely
    the gradient spreads. Biased, with less variance than `straight_through`, as no noise enters the backward pass.
    Cost: one softmax. A forward_temperature of 0 is the plain argmax. Other arguments and errors as
    `relaxed_gumbel_softmax`.
    """
    check(temperature=temperature, forward_temperature=forward_temperature)
    scores = at_least_float32(scores)
    noisy = _noisy(scores.detach(), mask, forward_temperature, generator)
    return Choice(masked_softmax(scores, mask, temperature), masked_log_softmax(scores, mask), argmax(noisy, mask))


def gumbel_rao(
    scores: Tensor,
    mask: Tensor | None = None,
    *,
    temperature: float = 1.0,
    noise_scale: float = 1.0,
    samples: int = 10,
    generator: Source = None,
) -> Choice:
    """`straight_through`, its gradient averaged over noise that leads to the same choice.

    Gumbel-Rao (Paulus, Maddison and Krause, 2010.04838): the expected gradient of `straight_through`, so the same bias,
    and at most its variance. Cost: `samples` softmaxes, but one run of the downstream network. Other arguments and
    errors as `relaxed_gumbel_softmax`.

    Args:
        samples: number of noise draws to average over, at least 1.
    """
    check(temperature=temperature, noise_scale=noise_scale)
    check_count(samples=samples)
    scores = at_least_float32(scores)
    index = argmax(_noisy(scores.detach(), mask, noise_scale, generator), mask)
    log_probs = masked_log_softmax(scores, mask)
    if not noise_scale or not scores.shape[-1]:
        return Choice(masked_softmax(scores, mask, temperature), log_probs, index)
    weights = torch.zeros_like(scores)
    for _ in range(samples):
        noise = noise_scale * _noise_given(index, scores.detach() / noise_scale, mask, generator)
        weights = weights + masked_softmax(scores + noise, mask, temperature) / samples
    return Choice(weights, log_probs, index)


def _noisy(scores: Tensor, mask: Tensor | None, noise_scale: float, generator: Source) -> Tensor:
    """Scores with noise, minus the greatest score: added to 1e8, the noise would be rounded away in float32."""
    scores = shifted(scores, mask)
    return scores + noise_scale * gumbel_noise(scores, generator) if noise_scale else scores


def _noise_given(index: Tensor, scores: Tensor, mask: Tensor | None, generator: Source) -> Tensor:
    """Gumbel noise, conditioned on `index` being the argmax of scores + noise (2010.04838, equation 11).

    The greatest sum is Gumbel around log Σ exp(scores); the others are Gumbel around their scores, truncated at it.
    """
    scores = shifted(scores, mask)
    fresh = gumbel_noise(scores, generator)
    here = index[..., None]
    top = scores.logsumexp(-1, keepdim=True) + fresh.gather(-1, here)
    sums = (-torch.logaddexp(-top, -(scores + fresh))).scatter(-1, here, top)
    # A candidate with score -inf stays there, whatever the noise.
    return torch.where(scores.isfinite(), sums - scores, 0.0)
