"""Temperatures and noise scales that change while a network trains."""

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
    """A number that goes from `start` to `end` while progress goes from 0 to 1.

    An estimator takes one wherever it takes a temperature or a noise scale; `set_progress` moves it.

    Args:
        start, end: the values at progress 0 and 1.
        shape: ``linear``; ``exponential``, a constant factor per step (Jang et al., 1611.01144, annealed so);
            ``cosine``, slow at both ends.

    Raises:
        ValueError: an unknown shape, or an exponential schedule that does not stay above 0.
    """

    start: float
    end: float
    shape: Literal["linear", "exponential", "cosine"] = "linear"

    def __post_init__(self) -> None:
        if self.shape not in ("linear", "exponential", "cosine"):
            raise AnzanError(f"shape: {self.shape!r} is unknown; choose among linear, exponential, cosine")
        if self.shape == "exponential" and not (self.start > 0 and self.end > 0):
            raise AnzanError(f"start, end: numbers above 0 needed, got {self.start}, {self.end}")

    def __call__(self, progress: float) -> float:
        """The value at `progress`, held at `start` before 0 and at `end` after 1."""
        progress = min(max(progress, 0.0), 1.0)
        if self.shape == "exponential":
            return self.start * (self.end / self.start) ** progress
        if self.shape == "cosine":
            progress = (1 - math.cos(math.pi * progress)) / 2
        return self.start + (self.end - self.start) * progress


Scheduled = float | Schedule | Callable[[float], float]


def value_at(number: Scheduled, progress: float) -> float:
    """The number itself, or the schedule's value at `progress`."""
    return number(progress) if callable(number) else number


class Settings(nn.Module):
    """Base of the modules whose numbers may be schedules.

    Raises:
        ValueError: a number that cannot be used, at the beginning or at the end of its schedule.
    """

    def __init__(self, **settings: Scheduled):
        super().__init__()
        self.settings = settings
        for self.progress in (1.0, 0.0):  # a bad number fails here, not in the middle of training
            self.check(**self.now())

    def check(self, **numbers: float) -> None:
        """Raise ValueError for a number that cannot be used."""
        check(**numbers)

    def now(self) -> dict[str, float]:
        """The settings that hold at the present progress."""
        return {name: value_at(number, self.progress) for name, number in self.settings.items()}

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={number}" for name, number in self.settings.items())


def set_progress(module: nn.Module, progress: float) -> None:
    """Tell every estimator inside `module` how far training has come, from 0 to 1.

    A network whose estimators have no schedules does not mind; call it at every step.
    """
    for part in module.modules():
        if isinstance(part, Settings):
            part.progress = float(progress)
