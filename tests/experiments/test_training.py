"""What the settings of a training run do to the weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from anzan.experiments.config import load_config
from anzan.experiments.training import new_model, train


def test_heads_learn_at_their_own_rate(tmp_path: Path, small_run: list[str]) -> None:
    still = ["train.weight_decay=0", "train.warmup_share=0", "train.begin_with=[]", "train.begin_share=0"]

    def moved(name: str, *rates: str) -> tuple[float, float]:
        """The furthest that a weight of the encoder and one of the heads moved in one step of Adam."""
        config = load_config("demo", [*small_run, *still, "train.max_steps=1", *rates])
        torch.manual_seed(config.train.seed)
        before: Mapping[str, Tensor] = new_model(config.model)[0].state_dict()
        reader, _ = train(config, tmp_path / name)
        after = reader.model.state_dict()
        far = {k: float((after[k] - before[k]).abs().max()) for k in before if before[k].is_floating_point()}
        encoder = max(d for k, d in far.items() if k.startswith("encoder."))
        return encoder, max(d for k, d in far.items() if not k.startswith("encoder."))

    # Adam's first step moves a weight by the learning rate, whatever the gradient.
    for name, rates, expected in (
        ("own", ["train.learning_rate=1e-4", "train.head_learning_rate=1e-2"], (1e-4, 1e-2)),
        ("same", ["train.learning_rate=1e-3", "train.head_learning_rate=null"], (1e-3, 1e-3)),
    ):
        found = moved(name, *rates)
        for a, b in zip(found, expected, strict=True):
            assert abs(a - b) < 0.02 * b, (name, found)
