"""Shortlists: a few of more candidates than can be run."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._choice import check_count
from anzan.layer._distribution import Approximation, Distribution, distribution
from anzan.layer._noise import Source


class Shortlist(NamedTuple):
    """Candidates to run F on, and their scores.

    Attributes:
        index: (batch, n); (batch, n, arguments) for `Factorised`, (batch, n, length) for `Autoregressive` scores.
        scores: (batch, n), their log-probabilities, differentiable; the scores for the layer.
        approximation: ``none`` if every candidate is on the list.
        mass: (batch,), the probability of the list.
    """

    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]
    scores: Tensor
    approximation: Approximation
    mass: Tensor


def shortlist(
    scores: Tensor | Distribution,
    limit: int,
    mask: Tensor | None = None,
    how: Literal["most probable", "draws without replacement"] = "most probable",
    generator: Source = None,
) -> Shortlist:
    """At most `limit` candidates; all of them if there are no more.

    A layer given the list chooses by a softmax over it: the distribution of `scores`, restricted to the list. With
    ``most probable`` a candidate off the list gets no gradient; with draws, every candidate is listed at times.

    Args:
        scores: (batch, candidates), unnormalised log-probabilities; or `Factorised` or `Autoregressive` scores.
        limit: the greatest number of candidates to run.
        mask: bool (batch, candidates), True at valid candidates. Default: all.
        how: which candidates to take.
        generator: source of the draws.

    Raises:
        AnzanError: limit below 1, or an unknown `how`.
    """
    check_count(limit=limit)
    if how not in ("most probable", "draws without replacement"):
        raise AnzanError(f"how: {how!r} is unknown; choose 'most probable' or 'draws without replacement'")
    p = distribution(scores, mask)
    if p.size() <= limit:
        index, approximation = p.everything(), "none"
    elif how == "most probable":
        index, approximation = p.best(limit), how
    else:
        index, approximation = p.draw_distinct(limit, generator)[0], how
    log_probs = p.log_prob(index)
    return Shortlist(index, log_probs, approximation, log_probs.detach().exp().sum(1))
