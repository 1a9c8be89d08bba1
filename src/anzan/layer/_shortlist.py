"""Few candidates out of more than can be run."""

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
        index: (batch, n), or (batch, n, arguments) for factorised scores.
        scores: (batch, n), their log-probabilities, differentiable; the scores for the layer behind.
        approximation: ``none`` where every candidate is on the list.
        mass: (batch,), the share of the probability that is on the list.
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
    """All candidates where they are no more than `limit`, else that many of them.

    The layer behind chooses by softmax over the list: the distribution that `scores` give, cut to the list. With
    ``most probable`` a candidate off the list gets no gradient at all; drawing brings each in at times.

    Args:
        scores: (batch, candidates), unnormalised log-probabilities; or `Factorised` scores.
        limit: the most candidates to run.
        mask: bool (batch, candidates), True at valid candidates. Default: all.
        how: which candidates to take.
        generator: source of the draws.

    Raises:
        ValueError: limit below 1, or an unknown way.
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
