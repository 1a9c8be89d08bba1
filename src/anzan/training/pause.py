"""Runs in sessions: training pauses, saved, and the next call goes on where it stopped."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from transformers import TrainerCallback


@dataclass(frozen=True)
class Control:
    """How a call of `train` handles its run; unlike a setting, nothing of this changes the result.

    Attributes:
        resume: go on from the last checkpoint; otherwise the folder must be empty.
        minutes: of this session, its preparation included; then training pauses. None for no limit.
        stop: asked after every step; once it says so, training pauses.
    """

    resume: bool = False
    minutes: float | None = None
    stop: Callable[[], bool] = field(default_factory=lambda: lambda: False)


class SliceOver(Exception):
    """The session ended before the run did; its checkpoint is saved. `interrupted` if that was Ctrl-C."""

    def __init__(self, message: str, interrupted: bool = False):
        super().__init__(message)
        self.interrupted = interrupted


class Pause(TrainerCallback):
    """Pauses training at the end of its minutes, at Ctrl-C, or when `control.stop` says so, and saves it.

    Args:
        control: of the run.
        say: prints a message for the user.

    Attributes:
        spent: seconds of training so far, the warm start included; `earlier` are those of earlier sessions.
        over: whether training was paused; `interrupted` if by Ctrl-C or `control.stop`.
    """

    def __init__(self, control: Control, say: Callable[[str], object] = lambda _: None):
        self.control, self.say = control, say
        self.over = self.interrupted = False
        self.earlier, self._started = 0.0, time.monotonic()

    @property
    def spent(self) -> float:
        return self.earlier + time.monotonic() - self._started

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.earlier = max((log.get("seconds", 0.0) for log in state.log_history), default=0.0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        minutes = self.control.minutes
        late = minutes is not None and time.monotonic() - self._started >= 60 * minutes
        self.interrupted |= self.control.stop()
        if self.interrupted or (late and state.global_step < state.max_steps):
            self.over = control.should_training_stop = control.should_save = True

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within it, Ctrl-C pauses the run after the current step; a second one stops it at once."""
        earlier = signal.getsignal(signal.SIGINT)
        # Other threads receive no signals, and a process that ignores this one must not be stopped by it.
        if threading.current_thread() is not threading.main_thread() or earlier is signal.SIG_IGN:
            yield
            return

        here = os.getpid()

        def stop(*_: Any) -> None:
            if os.getpid() != here:  # a process that makes batches: it ends with the run
                return
            self.interrupted = True
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.say("stopping after this step, and saving; Ctrl-C again stops at once")

        signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, earlier)
