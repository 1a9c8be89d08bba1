"""Objectives: losses over several candidates, whose downstream losses train the scores.

An objective takes scores and `loss_of`, a function from candidates to their downstream losses -log p(y|x, F(z)), and
returns one loss per example. With z drawn from softmax(scores), it estimates one of two targets:

- ``marginal``: -log p(y|x) = -log E_z[p(y|x, F(z))], the latent-variable model itself (Yoshikawa, Heinzerling and Inui,
  NLP2022, equation 4);
- ``expected``: E_z[-log p(y|x, F(z))], at least as great (Jensen).

Objectives are pure functions without a Module twin: they have no settings that change in training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._choice import check_count
from anzan.layer._distribution import Approximation, Distribution, Factorised, distribution
from anzan.layer._noise import Source

LossOf = Callable[[Tensor], Tensor]
"""From an index of candidates to their downstream losses (batch, n), differentiable. The index is (batch, n), for
`Factorised` scores (batch, n, arguments), for `Autoregressive` ones (batch, n, length). Losses must be finite: for
certain failure return a large number, such as 20."""

Scores = Tensor | Distribution


class Estimate(NamedTuple):
    """The value of an objective and how it was estimated.

    Attributes:
        loss: (batch,), differentiable with respect to the scores and through `loss_of`. Its value estimates the target,
            its gradient the target's gradient.
        target: ``marginal`` or ``expected``, see the module.
        index: the candidates that were run, as `loss_of` got them. Some are invalid if there were too few valid ones;
            they do not count.
        losses: (batch, n), their losses.
        approximation: which candidates were run; ``none`` if all were.
    """

    loss: Tensor
    target: Literal["marginal", "expected"]
    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]
    losses: Tensor
    approximation: Approximation


def exact_marginal(scores: Scores, loss_of: LossOf, mask: Tensor | None = None) -> Estimate:
    """-log Σ_z p(z) exp(-loss(z)) over all candidates: the marginal likelihood itself.

    Yoshikawa, Heinzerling and Inui (NLP2022), equation 4. Target ``marginal``; no bias, no variance. Cost: the
    downstream network runs once per candidate.

    Args:
        scores: (batch, candidates), unnormalised log-probabilities; or `Factorised` or `Autoregressive` scores.
        loss_of: from an index of candidates to their downstream losses (batch, n).
        mask: bool (batch, candidates), True at valid candidates. Default: all. An example without a valid candidate
            chooses candidate 0, whose lookup is empty. Only for scores (batch, candidates).

    Raises:
        AnzanError: scores are not (batch, candidates) with at least one candidate, a mask is given with other
            scores, `loss_of` returns the wrong shape, or there are too many combinations to enumerate.
    """
    p = distribution(scores, mask)
    index = p.everything()
    losses = _losses(loss_of, index)
    return Estimate(_marginal(p.log_prob(index), losses), "marginal", index, losses, "none")


def top_k_marginal(scores: Scores, loss_of: LossOf, mask: Tensor | None = None, *, k: int = 5) -> Estimate:
    """-log Σ p(z) exp(-loss(z)) over the k most probable candidates.

    The truncated sum of Correia et al. (2007.01919). Target ``marginal``, an upper bound: it leaves out part of the
    probability. So it is biased until nearly all probability is on k candidates, and the scores of the others only
    fall. No variance. Cost: k runs of the downstream network. Other arguments and errors as `exact_marginal`.

    Args:
        k: number of candidates, at least 1.
    """
    check_count(k=k)
    p = distribution(scores, mask)
    index = p.best(k)
    losses = _losses(loss_of, index)
    approximation = "most probable" if k < p.size() else "none"
    return Estimate(_marginal(p.log_prob(index), losses), "marginal", index, losses, approximation)


def leave_one_out(
    scores: Scores,
    loss_of: LossOf,
    mask: Tensor | None = None,
    *,
    samples: int = 4,
    generator: Source = None,
) -> Estimate:
    """REINFORCE with several draws; the baseline of each is the mean of the others.

    Kool, van Hoof and Welling (ICLR 2019 workshop). Target ``expected``; no bias, and the variance falls with
    `samples`. Cost: `samples` runs of the downstream network, some on the same candidate. Other arguments and errors as
    `exact_marginal`.

    Args:
        samples: number of draws, at least 2.
        generator: source of the draws.
    """
    check_count(2, samples=samples)
    p = distribution(scores, mask)
    index = p.draw(samples, generator)
    losses = _losses(loss_of, index)
    fixed = losses.detach()
    others = (fixed.sum(1, keepdim=True) - fixed) / (samples - 1)
    learn = _without_value((fixed - others) * p.log_prob(index))
    return Estimate((losses + learn).mean(1), "expected", index, losses, "draws")


def unordered_set(
    scores: Scores,
    loss_of: LossOf,
    mask: Tensor | None = None,
    *,
    samples: int = 4,
    generator: Source = None,
) -> Estimate:
    """REINFORCE with a set of distinct candidates, drawn without replacement, and its built-in baseline.

    The unordered set policy gradient (Kool, van Hoof and Welling, ICLR 2020). Target ``expected``; no bias, and exact
    if the set contains every candidate. Less variance than `leave_one_out`, above all if one candidate has nearly all
    probability. Cost: `samples` runs of the downstream network and 2^samples small sums. Other arguments and errors as
    `exact_marginal`.

    Args:
        samples: number of draws, from 2 to 12.
        generator: source of the draws.
    """
    if not 2 <= samples <= 12:
        raise AnzanError(f"samples: 2 to 12 needed, got {samples}")
    p = distribution(scores, mask)
    index, rest = p.draw_distinct(samples, generator)
    losses = _losses(loss_of, index)
    log_probs = p.log_prob(index)
    chosen = log_probs.detach()
    valid = chosen.isfinite()
    losses_there = torch.where(valid, losses, 0.0)
    fixed = losses_there.detach()
    k = chosen.shape[1]
    sets = _first_draws(chosen, rest)
    everything = (1 << k) - 1

    def without(taken: int) -> Tensor:
        """p(z) R(S, z) for each z, (batch, k): its weight in the set without the members that are taken."""
        left = everything & ~taken
        ratios = [sets[left & ~(1 << s)] - sets[left] if left >> s & 1 else torch.zeros_like(rest) for s in range(k)]
        return (chosen + torch.stack(ratios, 1)).exp()

    baseline = torch.stack([(without(1 << s) * fixed).sum(1) for s in range(k)], 1)
    share = without(0)
    learn = _without_value(share * (fixed - baseline) * torch.where(valid, log_probs, 0.0))
    approximation = "draws without replacement" if samples < p.size() else "none"
    return Estimate((share * losses_there + learn).sum(1), "expected", index, losses, approximation)


def one_argument_out(scores: Factorised, loss_of: LossOf, *, samples: int = 1, generator: Source = None) -> Estimate:
    """For each argument in turn, the exact expectation over its choices while the other arguments are drawn.

    IndeCateR (De Smet, Sansone and Zuidberg Dos Martires, NeurIPS 2023). Target ``expected``; no bias, and far less
    variance than `leave_one_out` if there are many arguments. Cost: `samples` runs of F and the downstream network for
    each choice of each argument: 160 for 16 digits, which have 10^16 combinations.

    Args:
        scores: `Factorised` scores of K arguments.
        loss_of: from an index (batch, n, K) to losses (batch, n).
        samples: draws of all arguments together.
        generator: source of the draws.

    Raises:
        AnzanError: samples below 1, or `loss_of` returns the wrong shape.
    """
    check_count(samples=samples)
    drawn = scores.draw(samples, generator)
    arguments = drawn.shape[-1]
    runs, weights = [], []
    for k, log_probs in enumerate(scores.log_probs):
        choices = log_probs.shape[1]
        changed = drawn[:, :, None].expand(-1, -1, choices, -1).clone()
        changed[..., k] = torch.arange(choices, device=drawn.device)
        runs.append(changed.flatten(1, 2))
        weights.append(log_probs.exp()[:, None].expand(-1, samples, -1).flatten(1) / samples)
    index = torch.cat(runs, 1)
    weight = torch.cat(weights, 1)
    losses = _losses(loss_of, index)
    # The value is the mean over arguments; the scores of each argument get the full gradient of its expectation.
    value = (weight.detach() * losses).sum(1) / arguments
    learn = _without_value((weight * losses.detach()).sum(1))
    return Estimate(value + learn, "expected", index, losses, "draws")


def sampled_marginal(
    scores: Scores,
    loss_of: LossOf,
    mask: Tensor | None = None,
    *,
    objective: Callable[..., Estimate] = leave_one_out,
    generator: Source = None,
    **options: Any,
) -> Estimate:
    """-log of the estimate of E[p(y|x, F(z))] by a sampling objective.

    Target ``marginal``. The estimate of the likelihood has no bias; its logarithm has one that falls with the number of
    samples (Jensen). If most candidates make the answer nearly impossible, this objective still learns where the
    expected loss is flat: an example is weighted by its share of right draws, not by their number. Cost: that of
    `objective`.

    Args:
        scores, loss_of, mask: as in `exact_marginal`.
        objective: `leave_one_out`, `unordered_set` or `one_argument_out`.
        generator: source of the draws.
        options: other arguments of `objective`.

    Raises:
        AnzanError: as `objective`.
    """
    seen: list[tuple[Tensor, Tensor]] = []

    def unlikelihood_of(index: Tensor) -> Tensor:
        losses = _losses(loss_of, index)
        # Relative to the best draw: the likelihoods of long answers would all be 0 in float32.
        best = losses.detach().min(1, keepdim=True).values
        seen.append((losses, best[:, 0]))
        return -(best - losses).exp()

    masked = {} if mask is None else {"mask": mask}
    estimate = objective(scores, unlikelihood_of, generator=generator, **masked, **options)
    losses, best = seen[0]
    likelihood = (-estimate.loss).clamp_min(torch.finfo(losses.dtype).tiny)
    return Estimate(best - likelihood.log(), "marginal", estimate.index, losses, estimate.approximation)


def _first_draws(chosen: Tensor, rest: Tensor) -> list[Tensor]:
    """For every subset T of the k chosen candidates, the log-probability that T is drawn first, in any order.

    The draws are without replacement from T and the candidates that were not chosen, of log-mass `rest` (batch,).
    Conditioned on the first draw t, W(T) = Σ_t p_t / (p(T) + p(rest)) W(T - t): a sum of positive terms, without
    cancellation. Invalid candidates (log-probability -inf) are skipped.
    """
    k = chosen.shape[1]
    sets = [torch.zeros_like(rest)]
    for subset in range(1, 1 << k):
        members = [t for t in range(k) if subset >> t & 1]
        total = torch.logaddexp(chosen[:, members].logsumexp(1), rest)
        terms = torch.stack([chosen[:, t] + sets[subset & ~(1 << t)] for t in members], 1)
        value = terms.logsumexp(1) - total
        for t in members:
            value = torch.where(chosen[:, t].isfinite(), value, sets[subset & ~(1 << t)])
        sets.append(value)
    return sets


def _marginal(log_probs: Tensor, losses: Tensor) -> Tensor:
    """-log Σ exp(log_probs - losses), without NaN from invalid candidates."""
    return -torch.where(log_probs.isfinite(), log_probs - losses, -torch.inf).logsumexp(1)


def _without_value(surrogate: Tensor) -> Tensor:
    """0, with the gradient of `surrogate`."""
    return surrogate - surrogate.detach()


def _losses(loss_of: LossOf, index: Tensor) -> Tensor:
    losses = loss_of(index)
    if losses.shape != index.shape[:2]:
        raise AnzanError(f"loss_of: losses of shape {tuple(index.shape[:2])} needed, got {tuple(losses.shape)}")
    return losses
