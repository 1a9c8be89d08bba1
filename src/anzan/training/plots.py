"""Learning curves as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def learning_curves(history: Sequence[dict[str, Any]], path: Path, title: str) -> None:
    """Losses on the left, argument accuracy and development scores (percent) on the right, over examples seen."""
    figure, (losses, scores) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for axis, names in (
        (losses, {"span_loss": "span loss", "argument_loss": "argument loss"}),
        (scores, {"argument_accuracy": "argument accuracy (training)", "eval_f1": "F1 (development)",
                  "eval_argument_accuracy": "argument accuracy (development)"}),
    ):  # fmt: skip
        for name, label in names.items():
            points = [(h["examples"], h[name]) for h in history if name in h and h[name] is not None]
            if points:
                axis.plot(*zip(*points, strict=True), label=label, marker="o" if name.startswith("eval") else None)
        axis.set_xlabel("examples seen")
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend()
    losses.set_ylabel("loss (nats)")
    scores.set_ylabel("percent")
    scores.set_ylim(0, 101)
    figure.suptitle(title, parse_math=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
