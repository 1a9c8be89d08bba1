"""Starts that lead nowhere: most runs find the right arguments early, and the few that do not never will."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from anzan.experiments.checkpoints import disown
from anzan.experiments.pace import Pace
from anzan.experiments.results import write_json

LATE = 0.75
"""The share of a run from which its development score is telling."""

STRIDE = 1000
"""Between the seeds of two tries of a run, which differ in weights, order and noise, and share the problems."""

_FILE = "dead_ends.json"


class DeadEnd(Exception):
    """A try that was given up: at which step, with which development score at best, after how many seconds.

    `stopped` where somebody has stopped the run at the same step, `interrupted` where that was Ctrl-C.
    """

    def __init__(self, step: int, score: float, seconds: float, stopped: bool = False, interrupted: bool = False):
        super().__init__(f"{score:.1f} at best on the development split after {step:,} steps, a dead end")
        self.step, self.score, self.seconds = step, score, seconds
        self.stopped, self.interrupted = stopped, interrupted


class GiveUp(TrainerCallback):
    """Stops a run whose best development score `metric` is below `below` late in it."""

    def __init__(self, metric: str, below: float, pace: Pace):
        self.metric, self.below, self.pace = metric, below, pace

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.score(state) is not None:
            control.should_training_stop = True

    def score(self, state: Any) -> float | None:
        """The best score of a run that is to be given up, else None."""
        best = max((log[self.metric] for log in state.log_history if self.metric in log), default=None)
        return best if best is not None and best < self.below and self.pace.progress >= LATE else None


def dead_ends(out: Path) -> list[dict[str, Any]]:
    """The tries that were given up in a run's folder, in order: `seed`, `step`, `score`, `seconds`."""
    path = out / _FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def give_up(out: Path, seed: int, why: DeadEnd) -> None:
    """Take a try's checkpoints from the run, then write the try down.

    A run that is cut off in here goes on with this try, from an older checkpoint or from none.
    """
    disown(out)
    given_up = {"seed": seed, "step": why.step, "score": why.score, "seconds": round(why.seconds, 1)}
    write_json(out / _FILE, [*dead_ends(out), given_up])
