"""Numbers that change while a network trains: temperatures, noise scales, weights of a loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from anzan.errors import AnzanError
from anzan.layer._choice import check


@dataclass(frozen=True)
class Schedule:
    """A number that goes from `start` to `end` as progress goes from 0 to `until`, then stays.

    Every estimator takes one as a temperature or a noise scale, and `set_progress` moves it:
    ``StraightThrough(noise_scale=Schedule(2, 1))``.

    Args:
        start, end: the values at progress 0 and from `until` on.
        shape: ``linear``; ``exponential``, a constant factor per step, as Jang et al. (1611.01144) anneal the
            temperature; ``cosine``, slow at both ends.
        until: the progress at which `end` is reached, above 0 and up to 1.

    Raises:
        AnzanError: an unknown shape, `until` out of range, or an exponential schedule that does not stay above 0.
    """

    start: float
    end: float
    shape: Literal["linear", "exponential", "cosine"] = "linear"
    until: float = 1.0

    def __post_init__(self) -> None:
        if self.shape not in ("linear", "exponential", "cosine"):
            raise AnzanError(f"shape: {self.shape!r} is unknown; choose among linear, exponential, cosine")
        if self.shape == "exponential" and not (self.start > 0 and self.end > 0):
            raise AnzanError(f"start, end: numbers above 0 needed, got {self.start}, {self.end}")
        if not 0 < self.until <= 1:
            raise AnzanError(f"until: a progress above 0 and up to 1 needed, got {self.until}")

    def __call__(self, progress: float) -> float:
        """The value at `progress`: `start` before 0, `end` after `until`."""
        progress = min(max(progress / self.until, 0.0), 1.0)
        if self.shape == "exponential":
            return self.start * (self.end / self.start) ** progress
        if self.shape == "cosine":
            progress = (1 - math.cos(math.pi * progress)) / 2
        return self.start + (self.end - self.start) * progress


ScheduledFloat = float | Schedule | Callable[[float], float]
"""A number, or a function from progress to a number."""


class Scheduled(nn.Module):
    """Base class of modules with settings that may be schedules of progress.

    Example::

        class EntropyBonus(Scheduled):
            def __init__(self, weight: ScheduledFloat):
                super().__init__(weight=weight)

            def forward(self, log_probs: Tensor) -> Tensor:
                return -self.now()["weight"] * entropy(log_probs).mean()

        bonus = EntropyBonus(Schedule(0.1, 0.0, until=0.5))  # set_progress(network, 0.25) makes it 0.05

    Args:
        settings: numbers or functions of progress, by name. Each must be finite and at least 0, and a `temperature`
            above 0, at the beginning and at the end of training.

    Attributes:
        settings: as given.
        progress: set by `set_progress`; 0 at first.

    Raises:
        AnzanError: a setting that `check` refuses.
    """

    def __init__(self, **settings: ScheduledFloat):
        super().__init__()
        self.settings = settings
        for self.progress in (1.0, 0.0):  # a bad number fails here, not in the middle of training
            self.check(**self.now())

    def check(self, **numbers: float) -> None:
        """Raise AnzanError for a number that is out of range. Subclasses may add conditions."""
        check(**numbers)

    def now(self) -> dict[str, float]:
        """The settings as plain numbers at the present progress."""
        return {name: s(self.progress) if callable(s) else s for name, s in self.settings.items()}

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={number}" for name, number in self.settings.items())


def set_progress(module: nn.Module, progress: float) -> None:
    """Set the progress of every `Scheduled` module inside `module`, all estimators among them.

    Call it at every training step; without schedules it changes nothing.

    Args:
        module: the network.
        progress: the share of training that is done, from 0 to 1.
    """
    for part in module.modules():
        if isinstance(part, Scheduled):
            part.progress = float(progress)
