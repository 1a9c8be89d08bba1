"""What the first pass gives: pairs of numbers with their printed rows, or programs.

Objectives and terms work on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from anzan.layer import Autoregressive, Categorical, Distribution, ExampleNoise, ResultTable
from anzan.reader.batch import Batch
from anzan.reader.programs import Calls
from anzan.reader.shortest import among
from anzan.reader.views import View, Views


class Supervised(NamedTuple):
    """Candidates for the argument loss: log-probabilities, which are acceptable, and which are valid; (batch, n)."""

    log_probs: Tensor
    acceptable: Tensor
    valid: Tensor


class Scored(Protocol):
    """The first pass over a batch.

    Attributes:
        distribution: over what can be read: candidates (batch, n), or programs (batch, n, calls).
        noise: the source of the estimator's noise; None for torch's own generator.
    """

    @property
    def noise(self) -> ExampleNoise | None: ...

    @property
    def distribution(self) -> Distribution: ...

    @property
    def first_call(self) -> Tensor:
        """Log-probabilities (batch, choices) of the first call."""
        ...

    @property
    def readable(self) -> Tensor:
        """Whether the answer is in the text, or in what some candidate prints: bool (batch,)."""
        ...

    def reading(self, views: Views, example: Tensor, chosen: Tensor) -> tuple[View, Tensor]:
        """What is read after these candidates, and where the answer is there.

        Args:
            example: integers (n,), examples of the batch.
            chosen: integers (n,) or (n, calls), what was chosen for each.

        Returns:
            The view, and spans (n, spans, 2), -1 for none.
        """
        ...

    def supervised(self) -> Supervised:
        """What the answer says about the choice."""
        ...

    def given_answers(self) -> Distribution:
        """The distribution over what is read in training."""
        ...

    def calls_made(self, drawn: Tensor) -> Tensor:
        """How many calls are made on average (batch,), by the probability of the candidates among those drawn."""
        ...


@dataclass(frozen=True)
class ScoredPairs:
    """Numbers as digits: pairs with their scores (batch, candidates), and the rows printed for them."""

    batch: Batch
    noise: ExampleNoise | None
    scores: Tensor
    table: ResultTable

    @property
    def distribution(self) -> Categorical:
        """Over the candidates."""
        return Categorical(self.scores, self.table.valid)

    @property
    def first_call(self) -> Tensor:
        """Log-probabilities (batch, candidates)."""
        return self.distribution.log_probs.masked_fill(~self.table.valid, -torch.inf)

    @property
    def readable(self) -> Tensor:
        """Whether the answer is in the text or in some candidate's row: bool (batch,)."""
        labels = self.batch.labels
        assert labels is not None and labels.row_spans is not None and labels.acceptable is not None
        in_results = (labels.row_spans[..., 0] >= 0).any(-1) | labels.acceptable
        return (labels.text_spans[..., 0] >= 0).any(-1) | (in_results & self.table.valid).any(-1)

    def reading(self, views: Views, example: Tensor, chosen: Tensor) -> tuple[View, Tensor]:
        """See `Scored.reading`."""
        labels = self.batch.labels
        assert labels is not None and labels.row_spans is not None
        row = torch.where(self.table.valid[example, chosen][..., None], self.table.ids[example, chosen], -1)
        view = views.reading(self.batch.text.select(example), row)
        return view, torch.cat([labels.text_spans[example], _behind(view, labels.row_spans[example, chosen])], 1)

    def supervised(self) -> Supervised:
        """The pairs whose result equals the answer."""
        assert self.batch.labels is not None and self.batch.labels.acceptable is not None
        return Supervised(self.first_call, self.batch.labels.acceptable, self.table.valid)

    def given_answers(self) -> Categorical:
        """Over the candidates."""
        return self.distribution

    def calls_made(self, drawn: Tensor) -> Tensor:
        """Always one."""
        return torch.ones(len(drawn), device=drawn.device)


@dataclass(frozen=True)
class ScoredPrograms:
    """Numbers as symbols: the distribution over programs, and what runs and prints them."""

    batch: Batch
    noise: ExampleNoise | None
    distribution: Autoregressive
    calls: Calls

    @property
    def first_call(self) -> Tensor:
        """Log-probabilities (batch, pairs * tools + 1)."""
        none = torch.zeros(len(self.batch), 1, 0, dtype=torch.long, device=self.batch.text.ids.device)
        return self.distribution.after(none)[:, 0]

    @property
    def readable(self) -> Tensor:
        """Whether the answer is in the text, or some program gives it: bool (batch,)."""
        labels = self.batch.labels
        assert labels is not None and labels.programs is not None
        return (labels.text_spans[..., 0] >= 0).any(-1) | (labels.programs[..., 0] >= 0).any(-1)

    def reading(self, views: Views, example: Tensor, chosen: Tensor) -> tuple[View, Tensor]:
        """See `Scored.reading`."""
        return reading_after(self.batch, self.calls, views, example, chosen)

    def supervised(self) -> Supervised:
        """The shortest programs that give the answer, however they go on where that is not known."""
        return self._supervised

    @cached_property
    def _supervised(self) -> Supervised:
        assert self.batch.labels is not None and self.batch.labels.programs is not None
        programs = self.batch.labels.programs
        there = programs[..., 0] >= 0
        log_probs = programs.new_zeros(programs.shape[:2], dtype=torch.float32)
        for t in range(programs.shape[2]):
            some = (programs[..., t] >= 0).any(0).nonzero()[:, 0]
            if not len(some):
                break
            choice = programs[:, some, t]
            following = self.distribution.after(programs[:, some, :t].clamp_min(0))
            own = following.gather(2, choice.clamp_min(0)[..., None])[..., 0]
            log_probs = log_probs.index_add(1, some, torch.where(choice >= 0, own, 0.0))
        valid = there & log_probs.isfinite()
        return Supervised(log_probs, valid, valid)

    def given_answers(self) -> Autoregressive:
        """p(program | it is one of those that are right), where other numbers tell which are; else all programs.

        To read a wrong one would tell nothing new: -log p(answer) is the argument loss plus what is read given these.
        """
        labels, p = self.batch.labels, self.distribution
        assert labels is not None and labels.programs is not None and labels.known is not None
        log_probs, _, valid = self.supervised()
        told = labels.known & valid.any(1)
        if not told.any():
            return p
        programs = labels.programs
        posterior = torch.where(valid & told[:, None], log_probs, torch.finfo(log_probs.dtype).min).softmax(1) * valid

        def step(prefixes: Tensor) -> Tensor:
            scores, t = p.step(prefixes), prefixes.shape[2]
            begun = (programs[:, None, :, :t] == prefixes[:, :, None]).all(-1)  # (batch, n, m)
            choice = programs[:, None, :, t].clamp_min(0).expand_as(begun)
            right = torch.zeros_like(scores).scatter_add(2, choice, posterior[:, None] * begun)
            right = torch.where(right > 0, right, 1.0).log().masked_fill(right <= 0, -torch.inf)
            return torch.where(told[:, None, None], right, scores)

        return Autoregressive(step, p.length, len(programs), programs.device)

    def calls_made(self, drawn: Tensor) -> Tensor:
        """See `Scored.calls_made`; differentiable with respect to the scores."""
        return (self.distribution.log_prob(drawn).softmax(-1) * self.lengths(drawn)).sum(1)

    def lengths(self, programs: Tensor) -> Tensor:
        """How many calls each program makes: (batch, n)."""
        assert self.batch.numbers is not None
        numbers = self.batch.numbers.there.shape[1]
        stop = programs.new_tensor([self.calls.stop(call, numbers) for call in range(programs.shape[2])])
        return (programs < stop).sum(-1)


def stop_or_go(scores: Tensor) -> Tensor:
    """Scores (..., choices + 1) whose last one is the log odds of stopping, as scores of one choice among all.

    To stop is as probable in a text of many numbers as in one of few, and so a half at the start of training.
    """
    pairs, stop = scores[..., :-1], scores[..., -1:]
    some = pairs.isfinite().any(-1, keepdim=True)
    total = torch.where(some, pairs, 0.0).logsumexp(-1, keepdim=True)  # that of no valid pair has no gradient
    return torch.cat([pairs, torch.where(some, stop + total, stop)], -1)


def reading_after(batch: Batch, calls: Calls, views: Views, example: Tensor, chosen: Tensor) -> tuple[View, Tensor]:
    """What is read after programs `chosen` (n, calls or fewer) of the examples (n,), and where the answer is there.

    See `Scored.reading`.
    """
    read = batch.select(example)
    text, numbers, labels = read.text, read.numbers, read.labels
    assert numbers is not None and labels is not None and labels.wanted is not None
    run = calls.run(numbers.values, chosen[:, None])
    view = views.reading(text, calls.rows(calls.symbols(text.ids.gather(1, numbers.places), calls.calls), run))
    printed = run.equal(labels.wanted, among)[:, 0]
    for other in labels.others:
        again = calls.run(other.values, chosen[:, None]).equal(other.wanted, among)[:, 0]
        printed &= again | ~other.there[:, None, None]
    places = torch.tensor(calls.line.results, device=example.device)
    places = places + len(calls.line) * torch.arange(chosen.shape[1], device=example.device)[:, None]
    places = torch.where(printed, places, -1).flatten(1)[..., None].expand(-1, -1, 2)
    return view, torch.cat([labels.text_spans, _behind(view, places)], 1)


def _behind(view: View, places: Tensor) -> Tensor:
    """Places (n, spans, 2) in a row as places in text and row together; -1 stays."""
    return torch.where(places >= 0, places + view.text.attention.sum(1)[:, None, None], -1)
