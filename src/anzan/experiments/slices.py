"""A long run in slices: it stops after some minutes, saved, and the next call goes on where it stopped."""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback


class SliceOver(Exception):
    """The slice ended before the run; its checkpoint is saved."""


class Slice(TrainerCallback):
    """Stops training after so many minutes, saved.

    `spent` is the training time in seconds, `earlier` the part of it in earlier slices.
    """

    def __init__(self, minutes: float | None = None):
        self.minutes = minutes
        self.over = False
        self.earlier, self._started = 0.0, time.monotonic()

    @property
    def spent(self) -> float:
        return self.earlier + time.monotonic() - self._started

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._started = time.monotonic()
        self.earlier = max((log.get("seconds", 0.0) for log in state.log_history), default=0.0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        late = self.minutes is not None and time.monotonic() - self._started >= 60 * self.minutes
        if late and state.global_step < state.max_steps:
            self.over = control.should_training_stop = control.should_save = True
