"""Sequences of choices, each scored given the earlier ones: programs of several calls."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._choice import at_least_float32, masked_log_softmax
from anzan.layer._distribution import Distribution, beam_search, rest_of
from anzan.layer._noise import Source, gumbel_noise

MOST = 1_000_000
"""Sequences of an example that are enumerated."""


class Autoregressive(Distribution):
    """p(z) = p(z1) p(z2 | z1) ...: sequences whose every choice is scored given the earlier ones.

    A sequence that can end early has a choice for that, after which it is the only valid one. With `unordered_set` an
    objective then works on whole sequences: k draws run k downstream networks, whatever the length.

    Example::

        def step(prefixes):                      # (batch, n, t)
            return scorer(state_after(prefixes))  # (batch, n, choices), -inf at invalid ones

        estimate = unordered_set(Autoregressive(step, length=3, batch=8), loss_of, samples=8)

    Args:
        step: from prefixes, integers (batch, n, t) with t below length, to the scores (batch, n, choices) of the next
            choice, differentiable, -inf at invalid ones. Their number may differ from one t to the next. Where no
            choice is valid, the first one is taken.
        length: choices of a sequence.
        batch: the number of examples.
        device: of the indexes.

    Raises:
        AnzanError: length or batch below 1.
    """

    def __init__(
        self,
        step: Callable[[Tensor], Tensor],
        length: int,
        batch: int,
        device: torch.device | str | None = None,
    ):
        if length < 1 or batch < 1:
            raise AnzanError(f"length, batch: 1 or more needed, got {length} and {batch}")
        self.step, self.length = step, length
        self._none = torch.zeros(batch, 1, 0, dtype=torch.long, device=device)
        self._first: Tensor | None = None

    def after(self, prefixes: Tensor) -> Tensor:
        """Log-probabilities of the next choice, (batch, n, choices), differentiable; -inf at invalid ones."""
        if prefixes.shape[2]:
            return self._normalised(prefixes)
        if self._first is None:  # asked for again and again
            self._first = self._normalised(self._none)
        return self._first.expand(-1, prefixes.shape[1], -1)

    def size(self) -> int:
        """The number of sequences, or more where what follows differs from prefix to prefix."""
        index, widths = self._none, []
        for _ in range(self.length):
            log_probs = self.after(index).detach()
            widths.append(log_probs.shape[2])
            index = torch.cat([index, log_probs.argmax(-1, keepdim=True)], -1)
        return math.prod(widths)

    def log_prob(self, index: Tensor) -> Tensor:
        steps = [self.after(index[..., :t]).gather(2, index[..., t : t + 1])[..., 0] for t in range(self.length)]
        return torch.stack(steps).sum(0)

    def everything(self) -> Tensor:
        """The index of every sequence that is valid in some example of the batch.

        Raises:
            AnzanError: more than a million.
        """
        index = self._none
        for _ in range(self.length):
            log_probs = self.after(index).detach()
            n, width = log_probs.shape[1:]
            longer = torch.cat(
                [
                    index[:, :, None].expand(-1, -1, width, -1),
                    torch.arange(width, device=index.device)[:, None].expand(len(index), n, width, 1),
                ],
                -1,
            ).flatten(1, 2)
            index = longer[:, log_probs.isfinite().any(0).flatten()]
            if index.shape[1] > MOST:
                raise AnzanError(f"more than {MOST:,} sequences to enumerate: use an objective that samples")
        return index

    def best(self, k: int) -> Tensor:
        """k sequences by beam search of width k: the first is the most probable one or close to it."""
        return beam_search(self._fixed, self.length, k, self._like())[0]

    def draw(self, n: int, generator: Source = None) -> Tensor:
        index = self._none.expand(-1, n, -1)
        for _ in range(self.length):
            log_probs = self._fixed(index)
            chosen = (log_probs + gumbel_noise(log_probs, generator)).argmax(-1, keepdim=True)
            index = torch.cat([index, chosen], -1)
        return index

    def draw_distinct(self, k: int, generator: Source = None) -> tuple[Tensor, Tensor]:
        """k draws without replacement by stochastic beam search (Kool et al., 1903.06059).

        Where an example has fewer than k sequences, invalid ones fill its places.
        """
        index, log_probs = beam_search(self._fixed, self.length, k, self._like(), generator, noise=True)
        return index, rest_of(log_probs)

    def _fixed(self, prefixes: Tensor) -> Tensor:
        return self.after(prefixes).detach()

    def _like(self) -> Tensor:
        return self._fixed(self._none)[:, 0]

    def _normalised(self, prefixes: Tensor) -> Tensor:
        scores = self.step(prefixes)
        return masked_log_softmax(at_least_float32(scores), _valid(scores))


def _valid(scores: Tensor) -> Tensor:
    valid = scores > -torch.inf
    first = torch.arange(scores.shape[-1], device=scores.device) == 0
    return valid | (first & ~valid.any(-1, keepdim=True))
