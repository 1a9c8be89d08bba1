"""A training run's progress on standard error."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import TaskID
from transformers import TrainerCallback

from anzan.progress import progress_bar, time_left
from anzan.training.clock import Clock


class TrainingBar(TrainerCallback):
    """A progress bar with losses, argument accuracy and the time left; lines where the log is a file.

    A context manager that removes the bar however the run ends.
    """

    def __init__(self, log: Console, clock: Clock):
        self.log, self.clock = log, clock
        self.bar = progress_bar(log, time=False)  # it knows steps only, not a run's time limit
        self.task: TaskID | None = None

    def __enter__(self) -> TrainingBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.begun, self.first = time.monotonic(), state.global_step
        self.bar.start()
        self.task = self.bar.add_task("training", total=state.max_steps, completed=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.task is not None:
            self.bar.update(self.task, completed=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if not logs or self.task is None:
            return
        short = {"span_loss": "span", "argument_loss": "argument", "argument_accuracy": "args%",
                 "eval_f1": "dev F1", "eval_em": "dev EM", "eval_argument_accuracy": "dev args%"}  # fmt: skip
        text = "  ".join(
            f"{short[k]} {logs[k]:.{1 if '%' in short[k] or 'dev' in short[k] else 3}f}" for k in short if k in logs
        )
        if not text:  # the summary at the end
            return
        if done := state.global_step - self.first:
            seconds = (time.monotonic() - self.begun) / done * (state.max_steps - state.global_step)
            text += f"  {time_left(min(seconds, self.clock.seconds_left))}"
        self.bar.update(self.task, description=text)
        if any(k.startswith("eval_") for k in logs) or not self.log.is_terminal:
            self.log.print(f"step {state.global_step:,}/{state.max_steps:,}  {text}", highlight=False)
