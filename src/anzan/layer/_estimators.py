"""Module twins of the estimators: they hold settings and schedules, and draw no noise in evaluation mode."""

from __future__ import annotations

from torch import Tensor

from anzan.layer._choice import Choice, check_count
from anzan.layer._gumbel import decoupled_straight_through, gumbel_rao, relaxed_gumbel_softmax, straight_through
from anzan.layer._noise import Source
from anzan.layer._reinmax import reinmax
from anzan.layer._schedules import Scheduled, ScheduledFloat
from anzan.layer._sparse import sparsemax, top_k_softmax


class Estimator(Scheduled):
    """A differentiable argmax: from scores (batch, candidates) and a mask of valid candidates to a `Choice`.

    Temperatures and noise scales are numbers or schedules (`Schedule`, `set_progress`).
    """

    def forward(self, scores: Tensor, mask: Tensor | None = None, generator: Source = None) -> Choice:
        raise NotImplementedError


class RelaxedGumbelSoftmax(Estimator):
    """Module twin of `relaxed_gumbel_softmax`; no noise in evaluation mode."""

    def __init__(self, temperature: ScheduledFloat = 1.0, noise_scale: ScheduledFloat = 1.0):
        super().__init__(temperature=temperature, noise_scale=noise_scale)

    def forward(self, scores: Tensor, mask: Tensor | None = None, generator: Source = None) -> Choice:
        noise = {} if self.training else {"noise_scale": 0.0}
        return relaxed_gumbel_softmax(scores, mask, generator=generator, **self.now() | noise)


class HardEstimator(Estimator):
    """Chooses one candidate in the forward pass; in evaluation mode the plain argmax."""

    def draw(self, scores: Tensor, mask: Tensor | None, generator: Source) -> Choice:
        """The choice in training mode."""
        raise NotImplementedError

    def forward(self, scores: Tensor, mask: Tensor | None = None, generator: Source = None) -> Choice:
        if self.training:
            return self.draw(scores, mask, generator)
        return straight_through(scores, mask, temperature=self.now()["temperature"], noise_scale=0.0)


class StraightThrough(HardEstimator):
    """Module twin of `straight_through`; the plain argmax in evaluation mode."""

    def __init__(self, temperature: ScheduledFloat = 1.0, noise_scale: ScheduledFloat = 1.0):
        super().__init__(temperature=temperature, noise_scale=noise_scale)

    def draw(self, scores: Tensor, mask: Tensor | None, generator: Source) -> Choice:
        return straight_through(scores, mask, generator=generator, **self.now())


class DecoupledStraightThrough(HardEstimator):
    """Module twin of `decoupled_straight_through`; the plain argmax in evaluation mode."""

    def __init__(self, forward_temperature: ScheduledFloat = 1.0, temperature: ScheduledFloat = 1.0):
        super().__init__(forward_temperature=forward_temperature, temperature=temperature)

    def draw(self, scores: Tensor, mask: Tensor | None, generator: Source) -> Choice:
        return decoupled_straight_through(scores, mask, generator=generator, **self.now())


class GumbelRao(HardEstimator):
    """Module twin of `gumbel_rao`; the plain argmax in evaluation mode."""

    def __init__(self, temperature: ScheduledFloat = 1.0, noise_scale: ScheduledFloat = 1.0, samples: int = 10):
        super().__init__(temperature=temperature, noise_scale=noise_scale)
        check_count(samples=samples)
        self.samples = samples

    def draw(self, scores: Tensor, mask: Tensor | None, generator: Source) -> Choice:
        return gumbel_rao(scores, mask, samples=self.samples, generator=generator, **self.now())


class ReinMax(HardEstimator):
    """Module twin of `reinmax`; the plain argmax in evaluation mode."""

    def __init__(self, temperature: ScheduledFloat = 1.0):
        super().__init__(temperature=temperature)

    def draw(self, scores: Tensor, mask: Tensor | None, generator: Source) -> Choice:
        return reinmax(scores, mask, generator=generator, **self.now())


class Sparsemax(Estimator):
    """Module twin of `sparsemax`; the same in training and evaluation."""

    def __init__(self, temperature: ScheduledFloat = 1.0):
        super().__init__(temperature=temperature)

    def forward(self, scores: Tensor, mask: Tensor | None = None, generator: Source = None) -> Choice:
        return sparsemax(scores, mask, **self.now())


class TopKSoftmax(Estimator):
    """Module twin of `top_k_softmax`; the same in training and evaluation."""

    def __init__(self, k: int = 5, temperature: ScheduledFloat = 1.0):
        super().__init__(temperature=temperature)
        check_count(k=k)
        self.k = k

    def forward(self, scores: Tensor, mask: Tensor | None = None, generator: Source = None) -> Choice:
        return top_k_softmax(scores, mask, k=self.k, **self.now())
