"""Restarts: most runs find the right arguments early, and the few that do not never will. Those begin again.

A run is given up when its span loss is above `STUCK` when problems begin to grow, or its best development score below
`HOPELESS` late in it. It then begins again with other weights, for `train.tries` times in all.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

from transformers import TrainerCallback

from anzan.training.checkpoints import disown
from anzan.training.results import write_json

STUCK = 0.5
"""Nats."""
HOPELESS = 90.0
"""Percent."""
LATE = 0.75
"""The share of a run from which its development score is telling."""
LATELY = 5
"""Entries of the log over which its loss is telling."""
STRIDE = 1000
"""Between the seeds of two tries of a run, which differ in weights, order and noise, and share the problems."""

_FILE = "dead_ends.json"


class DeadEnd(Exception):
    """A try that was given up.

    Attributes:
        step: at which step; `why`; after how many `seconds`.
        stopped: whether somebody has paused the run at the same step; `interrupted` if that was Ctrl-C.
    """

    def __init__(self, step: int, why: str, seconds: float, stopped: bool = False, interrupted: bool = False):
        super().__init__(f"{why} after {step:,} steps, a dead end")
        self.step, self.why, self.seconds = step, why, seconds
        self.stopped, self.interrupted = stopped, interrupted


class GiveUp(TrainerCallback):
    """Stops a run that leads nowhere.

    Args:
        metric: the development score that tells.
        grows_at: the share of the run, 0 to 1, at which problems begin to grow.
        last: this is the last try, so it is never given up.
    """

    def __init__(self, metric: str, grows_at: float, last: bool = False):
        self.metric, self.grows_at, self.last = metric, grows_at, last

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.why(state) is not None:
            control.should_training_stop = True

    def why(self, state: Any) -> str | None:
        """Why a run is to be given up, from its log alone, so that a resumed run says the same; None if it is not."""
        if self.last:
            return None
        scores = [(log.get("progress", 0.0), log[self.metric]) for log in state.log_history if self.metric in log]
        if scores and scores[-1][0] >= LATE and (best := max(score for _, score in scores)) < HOPELESS:
            return f"{best:.1f} at best on the development split"
        losses = [(log.get("progress", 0.0), log["span_loss"]) for log in state.log_history if "span_loss" in log]
        easy = [loss for progress, loss in losses if progress < self.grows_at]
        if LATELY <= len(easy) < len(losses) and (loss := mean(easy[-LATELY:])) > STUCK:
            return f"a span loss of {loss:.2f} on the smallest problems"
        return None


def dead_ends(out: Path) -> list[dict[str, Any]]:
    """The tries that were given up in a run's folder, in order: `seed`, `step`, `why`, `seconds`."""
    path = out / _FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def give_up(out: Path, seed: int, why: DeadEnd) -> None:
    """Take a try's checkpoints from the run, then write the try down.

    A run that is killed in between goes on with this try, from an older checkpoint or from none.
    """
    disown(out)
    given_up = {"seed": seed, "step": why.step, "why": why.why, "seconds": round(why.seconds, 1)}
    write_json(out / _FILE, [*dead_ends(out), given_up])
