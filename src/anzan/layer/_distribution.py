"""Distributions over combinations of arguments: one score per combination, or one per choice of each argument.

`Autoregressive`, over sequences of choices, is in a file of its own.

Objectives use only these few methods, so the same objective serves 55 pairs of numbers and 10^16 combinations of
digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._choice import at_least_float32, masked_log_softmax, or_first
from anzan.layer._noise import Source, gumbel_noise

Approximation = Literal["none", "most probable", "draws", "draws without replacement"]
"""Which candidates were run; ``none``: all of them, so nothing is approximated."""

MOST = 1_000_000
"""Combinations or sequences of an example that are enumerated."""


class Distribution(Protocol):
    """p(z|x) over candidates z.

    An index is (batch, n) for `Categorical`, (batch, n, arguments) for `Factorised`, (batch, n, length) for
    `Autoregressive`.
    """

    def size(self) -> int:
        """The number of candidates."""
        ...

    def log_prob(self, index: Tensor) -> Tensor:
        """(batch, n), differentiable; -inf at invalid candidates."""
        ...

    def everything(self) -> Tensor:
        """The index of every candidate."""
        ...

    def best(self, k: int) -> Tensor:
        """The k most probable candidates, best first; exact but for `Autoregressive`."""
        ...

    def draw(self, n: int, generator: Source = None) -> Tensor:
        """n independent draws."""
        ...

    def draw_distinct(self, k: int, generator: Source = None) -> tuple[Tensor, Tensor]:
        """k draws without replacement, and the log-probability (batch,) of everything that was not drawn."""
        ...


class Categorical(Distribution):
    """softmax of one score per candidate.

    Args:
        scores: (batch, candidates), unnormalised log-probabilities.
        mask: bool (batch, candidates), True at valid candidates. Default: all. An example without a valid candidate
            chooses candidate 0, whose lookup is empty.

    Raises:
        AnzanError: scores are not (batch, candidates), or there is no candidate.
    """

    def __init__(self, scores: Tensor, mask: Tensor | None = None):
        if scores.dim() != 2 or scores.shape[1] == 0:
            raise AnzanError(f"scores: shape (batch, candidates), with a candidate, needed, got {tuple(scores.shape)}")
        self.log_probs = masked_log_softmax(at_least_float32(scores), None if mask is None else or_first(mask))

    def size(self) -> int:
        return self.log_probs.shape[1]

    def log_prob(self, index: Tensor) -> Tensor:
        return self.log_probs.gather(1, index)

    def everything(self) -> Tensor:
        return torch.arange(self.size(), device=self.log_probs.device).expand_as(self.log_probs)

    def best(self, k: int) -> Tensor:
        return self.log_probs.detach().topk(min(k, self.size()), -1).indices

    def draw(self, n: int, generator: Source = None) -> Tensor:
        fixed = self.log_probs.detach()[:, None].expand(-1, n, -1)
        return (fixed + gumbel_noise(fixed, generator)).argmax(-1)

    def draw_distinct(self, k: int, generator: Source = None) -> tuple[Tensor, Tensor]:
        # Gumbel top-k: the k greatest of log-probabilities with noise are draws without replacement.
        fixed = self.log_probs.detach()
        index = (fixed + gumbel_noise(fixed, generator)).topk(min(k, self.size()), -1).indices
        return index, fixed.scatter(1, index, -torch.inf).logsumexp(1)


class Factorised(Distribution):
    """Independent arguments, one softmax each: 10^8 combinations from 8 times 10 scores, without a table.

    Args:
        scores: K tensors (batch, choices of argument k), unnormalised log-probabilities.

    Raises:
        AnzanError: no argument, an argument without a choice, or different batch sizes.
    """

    def __init__(self, scores: Sequence[Tensor]):
        shapes = [tuple(s.shape) for s in scores]
        if not shapes or any(len(s) != 2 or s[1] == 0 or s[0] != shapes[0][0] for s in shapes):
            raise AnzanError(f"scores: (batch, choices), one or more, needed for each argument, got {shapes}")
        self.log_probs = [at_least_float32(s).log_softmax(-1) for s in scores]

    def size(self) -> int:
        return math.prod(p.shape[1] for p in self.log_probs)

    def log_prob(self, index: Tensor) -> Tensor:
        parts = [p.gather(1, i) for p, i in zip(self.log_probs, index.unbind(-1), strict=True)]
        return torch.stack(parts).sum(0)

    def everything(self) -> Tensor:
        if self.size() > MOST:
            raise AnzanError(f"{self.size():,} combinations are too many to enumerate: use an objective that samples")
        axes = [torch.arange(p.shape[1], device=p.device) for p in self.log_probs]
        return torch.cartesian_prod(*axes).reshape(1, -1, len(axes)).expand(len(self.log_probs[0]), -1, -1)

    def best(self, k: int) -> Tensor:
        # The prefix of one of the k best combinations is one of the k best prefixes.
        return self._beam(k, None)[0]

    def draw(self, n: int, generator: Source = None) -> Tensor:
        fixed = [p.detach()[:, None].expand(-1, n, -1) for p in self.log_probs]
        return torch.stack([(p + gumbel_noise(p, generator)).argmax(-1) for p in fixed], -1)

    def draw_distinct(self, k: int, generator: Source = None) -> tuple[Tensor, Tensor]:
        """k draws without replacement by stochastic beam search, see `beam_search`."""
        return self._beam(k, generator, noise=True)

    def _beam(self, k: int, generator: Source, noise: bool = False) -> tuple[Tensor, Tensor]:
        fixed = [p.detach()[:, None] for p in self.log_probs]
        return beam_search(lambda index: fixed[index.shape[2]], len(fixed), k, self.log_probs[0], generator, noise)


def beam_search(
    after: Callable[[Tensor], Tensor], length: int, k: int, like: Tensor, generator: Source = None, noise: bool = False
) -> tuple[Tensor, Tensor]:
    """The k best sequences by log-probability or, with noise, by Gumbel-perturbed log-probability.

    With noise they are draws without replacement (stochastic beam search, Kool et al., 1903.06059).

    Args:
        after: from prefixes (batch, n, t) to log-probabilities (batch, n or 1, choices) of the next choice.
        like: a tensor with the batch size and device.

    Returns:
        Index (batch, k, length), best first; fewer than k if there are fewer. And the log-probability (batch,) of all
        others: the sum over the prefixes that left the beam, precise where 1 - p is not.
    """
    index = torch.zeros(len(like), 1, 0, dtype=torch.long, device=like.device)
    log_probs = ranked = torch.zeros(len(like), 1, device=like.device)
    rest = log_probs[:, 0] - torch.inf
    for _ in range(length):
        longer = log_probs[:, :, None] + after(index)
        lowest = torch.finfo(longer.dtype).min
        longer = longer.clamp_min(lowest)  # -inf minus -inf would be NaN
        order = _gumbel_below(ranked, longer, generator) if noise else longer
        width, longer = longer.shape[2], longer.flatten(1)
        top = order.flatten(1).topk(min(k, longer.shape[1]), -1)
        parent, choice = top.indices // width, top.indices % width
        index = torch.cat([index.gather(1, parent[..., None].expand(-1, -1, index.shape[2])), choice[..., None]], -1)
        ranked, log_probs = top.values, longer.gather(1, top.indices)
        left = longer.scatter(1, top.indices, lowest)
        rest = torch.logaddexp(rest, left.masked_fill(left == lowest, -torch.inf).logsumexp(1))
    return index, rest


def _gumbel_below(top: Tensor, location: Tensor, generator: Source) -> Tensor:
    """Gumbel draws around `location` (batch, n, m), conditioned on the maximum of each row, `top` (batch, n).

    1903.06059, appendix B.3, in a form that does not overflow.
    """
    free = location + gumbel_noise(location, generator)
    highest = free.max(-1, keepdim=True).values
    top = top[..., None]
    # log(1 - exp(free - highest)); it is -inf at the highest itself, which becomes exactly `top`.
    v = top - free + torch.log(-torch.expm1(free - highest))
    return top - v.clamp_min(0.0) - torch.nn.functional.softplus(-v.abs())


def distribution(scores: Tensor | Distribution, mask: Tensor | None = None) -> Distribution:
    """A `Categorical` of plain scores; a distribution is returned unchanged.

    Raises:
        AnzanError: a mask given with a distribution.
    """
    if isinstance(scores, Tensor):
        return Categorical(scores, mask)
    if mask is not None:
        raise AnzanError("mask: only for scores (batch, candidates); otherwise give an invalid choice the score -inf")
    return scores
