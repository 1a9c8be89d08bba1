"""A long run in slices: it stops after some minutes, saved, and the next call goes on where it stopped."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from transformers import TrainerCallback


class SliceOver(Exception):
    """The slice ended before the run; its checkpoint is saved. `interrupted` where that was Ctrl-C."""

    def __init__(self, message: str, interrupted: bool = False):
        super().__init__(message)
        self.interrupted = interrupted


class Slice(TrainerCallback):
    """Stops training after so many minutes, at Ctrl-C, or where `asked` says so, and saves it.

    `spent` is the training time in seconds, `earlier` the part of it in earlier slices.
    """

    def __init__(
        self,
        minutes: float | None = None,
        say: Callable[[str], object] = lambda _: None,
        asked: Callable[[], bool] = lambda: False,
    ):
        self.minutes, self.say, self.asked = minutes, say, asked
        self.over = self.interrupted = False
        self.earlier, self._started = 0.0, time.monotonic()

    @property
    def spent(self) -> float:
        return self.earlier + time.monotonic() - self._started

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._started = time.monotonic()
        self.earlier = max((log.get("seconds", 0.0) for log in state.log_history), default=0.0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        late = self.minutes is not None and time.monotonic() - self._started >= 60 * self.minutes
        self.interrupted |= self.asked()
        if self.interrupted or (late and state.global_step < state.max_steps):
            self.over = control.should_training_stop = control.should_save = True

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within it, Ctrl-C stops the run behind its step; a second one stops it at once."""
        earlier = signal.getsignal(signal.SIGINT)
        # No signals arrive in other threads; and who ignores them is not to be stopped by one.
        if threading.current_thread() is not threading.main_thread() or earlier is signal.SIG_IGN:
            yield
            return

        here = os.getpid()

        def stop(*_: Any) -> None:
            if os.getpid() != here:  # a process that makes batches: it ends with the run
                return
            self.interrupted = True
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.say("stopping behind this step, and saving; Ctrl-C again stops at once")

        signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, earlier)
