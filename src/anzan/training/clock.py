"""How much of a run is done, by steps or by the clock."""

from __future__ import annotations

import math
import time
from typing import Any

from transformers import TrainerCallback

from anzan.layer import set_progress


class Clock(TrainerCallback):
    """The share of a run that is done: of its steps or, if it has a time limit, of its time, whichever is more.

    Whatever depends on it (learning rate, curriculum, schedules of the model) then ends in time on a slow machine, and
    is the same in every run on one that is fast enough. At the limit the run stops, measured and saved. The clock of a
    resumed run starts anew.

    Args:
        steps: of the run.
        minutes: its time limit.
    """

    def __init__(self, steps: int, minutes: float | None = None):
        self.steps = steps
        self.seconds = None if minutes is None else 60 * minutes
        self.step = 0
        self.started = time.monotonic()

    @property
    def time_used(self) -> float:
        """The share of the time limit, from 0 to 1; 0 without a limit."""
        return min(1.0, (time.monotonic() - self.started) / self.seconds) if self.seconds else 0.0

    @property
    def seconds_left(self) -> float:
        """Until the time limit; infinite without one."""
        return max(0.0, self.started + self.seconds - time.monotonic()) if self.seconds else math.inf

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return min(1.0, max(self.step / max(1, self.steps), self.time_used))

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.step, self.started = state.global_step, time.monotonic()

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        set_progress(model, self.progress)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.step = state.global_step
        if self.progress >= 1.0:
            control.should_training_stop = control.should_evaluate = control.should_save = True
