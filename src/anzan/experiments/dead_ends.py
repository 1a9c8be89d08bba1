"""Starts that lead nowhere: most runs find the right arguments early, and the few that do not never will."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from anzan.experiments.pace import Pace
from anzan.experiments.results import write_json

LATE = 0.75
"""The share of a run from which its development score is telling."""

STRIDE = 1000
"""Between the seeds of two tries of a run, which differ in weights, order and noise, and share the problems."""

_FILE = "dead_ends.json"


class DeadEnd(Exception):
    """A try that was given up: at which step, with which development score, after how many seconds."""

    def __init__(self, step: int, score: float, seconds: float):
        super().__init__(f"{score:.1f} on the development split after {step:,} steps, a dead end")
        self.step, self.score, self.seconds = step, score, seconds


class GiveUp(TrainerCallback):
    """Stops a run whose development score `metric` is below `below` late in it; `score` then is that, else None."""

    def __init__(self, metric: str, below: float, pace: Pace):
        self.metric, self.below, self.pace = metric, below, pace
        self.score: float | None = None

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        score = (metrics or {}).get(self.metric)
        if score is not None and score < self.below and self.pace.progress >= LATE:
            self.score, control.should_training_stop = score, True


def dead_ends(out: Path) -> list[dict[str, Any]]:
    """The tries that were given up in a run's folder, in order: `seed`, `step`, `score`, `seconds`."""
    path = out / _FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def give_up(out: Path, seed: int, why: DeadEnd) -> None:
    """Write a try down and take its checkpoints away, in this order: a run that is cut off here begins the next one."""
    given_up = {"seed": seed, "step": why.step, "score": why.score, "seconds": round(why.seconds, 1)}
    write_json(out / _FILE, [*dead_ends(out), given_up])
    for checkpoint in out.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
