"""How long a run keeps its choice open."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from anzan.training.clock import Pace


class FallingEntropy(TrainerCallback):
    """Lets the reader's bonus on the entropy of its choice fall, linearly, to 0 at `share` of the run.

    The bonus is for the time when the reader cannot tell one result from another. Later it would only keep part of the
    probability on pairs that are known to be worse, and have them read.
    """

    def __init__(self, weight: float, share: float, pace: Pace):
        self.weight, self.share, self.pace = weight, share, pace

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        model.entropy_weight = self.weight * max(0.0, 1 - self.pace.progress / self.share)
