"""Sequences of choices, each scored given the earlier ones: programs of several calls."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._choice import at_least_float32, check_count, masked_log_softmax, or_first
from anzan.layer._distribution import MOST, Distribution, beam_search
from anzan.layer._noise import Source, gumbel_noise


class Autoregressive(Distribution):
    """p(z) = p(z1) p(z2 | z1) ...: sequences whose every choice is scored given the earlier ones.

    A sequence that can end early has a choice for that, after which it is the only valid one. With `unordered_set` an
    objective then works on whole sequences: k draws run k downstream networks, whatever the length.

    Example::

        def step(prefixes):  # (batch, n, t)
            return scorer(state_after(prefixes))  # (batch, n, choices), -inf at invalid ones

        estimate = unordered_set(Autoregressive(step, length=3, batch=8), loss_of, samples=8)

    Args:
        step: from prefixes, integers (batch, n, t) with t from 0 to length - 1, to the scores (batch, n, choices) of
            the next choice, differentiable, -inf at invalid ones. At t = 0, n is 1. The number of choices may differ
            from one t to the next. If no choice is valid, the first one is taken. The same prefix must always get the
            same scores (no dropout). Invalid prefixes occur too, and may get any scores.
        length: choices of a sequence.
        batch: the number of examples.
        device: of the indexes.

    Raises:
        AnzanError: length or batch below 1; from the methods, scores that are not (batch, n, choices).
    """

    def __init__(
        self,
        step: Callable[[Tensor], Tensor],
        length: int,
        batch: int,
        device: torch.device | str | None = None,
    ):
        check_count(length=length, batch=batch)
        self.step, self.length = step, length
        self._start = torch.zeros(batch, 1, 0, dtype=torch.long, device=device)

    def after(self, prefixes: Tensor) -> Tensor:
        """Log-probabilities of the next choice, (batch, n, choices), differentiable; -inf at invalid ones."""
        batch, n, t = prefixes.shape
        if t == 0:
            prefixes = self._start  # all n are the same
        scores = self.step(prefixes)
        if scores.dim() != 3 or scores.shape[:2] != prefixes.shape[:2] or scores.shape[2] == 0:
            wanted = f"({batch}, {prefixes.shape[1]}, choices)"
            raise AnzanError(f"step: scores of shape {wanted} needed, got {tuple(scores.shape)}")
        valid = or_first(scores != -torch.inf)
        return masked_log_softmax(at_least_float32(scores), valid).expand(-1, n, -1)

    def first(self, length: int) -> Autoregressive:
        """The distribution of the first choices, at most so many."""
        return Autoregressive(self.step, min(length, self.length), len(self._start), self._start.device)

    def size(self) -> int:
        """The product of the numbers of choices; `everything` lists fewer if some sequences are invalid."""
        index, widths = self._start, []
        for _ in range(self.length):
            log_probs = self._fixed(index)
            widths.append(log_probs.shape[2])
            index = torch.cat([index, log_probs.argmax(-1, keepdim=True)], -1)
        return math.prod(widths)

    def log_prob(self, index: Tensor) -> Tensor:
        total = self.after(index[..., :0]).gather(2, index[..., :1])[..., 0]
        for t in range(1, self.length):
            # Sequences that begin alike in all examples share a step; nearly all that `everything` lists do.
            begun, which = index[..., :t].transpose(0, 1).unique(dim=0, return_inverse=True)
            following = self.after(begun.transpose(0, 1))[:, which]
            total = total + following.gather(2, index[..., t : t + 1])[..., 0]
        return total

    def everything(self) -> Tensor:
        """The index of every sequence that is valid in some example of the batch, in order.

        Raises:
            AnzanError: more than a million.
        """
        index = self._start
        log_probs = torch.zeros(index.shape[:2], device=index.device)
        for _ in range(self.length):
            longer = log_probs[..., None] + self._fixed(index)
            parent, choice = longer.isfinite().any(0).nonzero(as_tuple=True)
            if len(parent) > MOST:
                raise AnzanError(f"more than {MOST:,} sequences to enumerate: use an objective that samples")
            index = torch.cat([index[:, parent], choice.expand(len(index), -1)[..., None]], -1)
            log_probs = longer[:, parent, choice]
        return index

    def best(self, k: int) -> Tensor:
        """k sequences by beam search of width k: the first is the most probable one or close to it."""
        return beam_search(self._fixed, self.length, k, self._start)[0]

    def draw(self, n: int, generator: Source = None) -> Tensor:
        index = self._start.expand(-1, n, -1)
        for _ in range(self.length):
            log_probs = self._fixed(index)
            chosen = (log_probs + gumbel_noise(log_probs, generator)).argmax(-1, keepdim=True)
            index = torch.cat([index, chosen], -1)
        return index

    def draw_distinct(self, k: int, generator: Source = None) -> tuple[Tensor, Tensor]:
        """k draws without replacement by stochastic beam search, see `beam_search`.

        Where an example has fewer than k valid sequences, invalid ones fill its places.
        """
        return beam_search(self._fixed, self.length, k, self._start, generator, noise=True)

    def _fixed(self, prefixes: Tensor) -> Tensor:
        return self.after(prefixes).detach()
