"""Two processes that train together against one with the doubled batch, on gloo."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

SETTINGS = [
    "model.encoder_dropout=0", "model.choice.call_cost=0.1",
    "train.epochs=1.5", "train.time_limit=null", "train.evaluations=1",
    "train.learning_rate=1e-4", "train.head_learning_rate=1e-3",
]  # fmt: skip
RECIPES = {
    "straight-through": ["paper"],
    "unordered-set": [
        "demo",
        "model.choice.objective=unordered-set",
        "model.choice.options={samples: 2, sure: 0.6}",
    ],
}


NO_DROPOUT = """
from anzan.__main__ import main
from anzan.training import model

model.DROPOUT = 0.0  # each process would draw its own
main()
"""


def train(out: Path, launch: list[str], settings: list[str]) -> tuple[list[float], dict[str, torch.Tensor]]:
    """The loss of each step, and the weights."""
    script = out.with_suffix(".py")
    script.write_text(NO_DROPOUT, encoding="utf-8")
    command = [sys.executable, *launch, str(script), "train", *settings, "--out", str(out)]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report:") == 1  # one of them reports
    history = json.loads((out / "checkpoint-6/trainer_state.json").read_text())["log_history"]
    return [h["loss"] for h in history if "loss" in h], load_file(out / "model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_two_processes_are_one_with_twice_the_batch(tmp_path: Path, small_run: list[str], recipe: str) -> None:
    preset, *own = RECIPES[recipe]
    settings = [preset, *small_run, *SETTINGS, *own, "data.possession.train_size=64"]
    alone, weights = train(tmp_path / "one", [], [*settings, "train.batch_size=16"])
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    together, same = train(tmp_path / "two", launch, [*settings, "train.batch_size=8"])
    assert len(alone) == 6 and alone[0] != alone[-1]
    assert together == pytest.approx(alone, abs=1e-5)
    # A softmax does not mind its bias, so that has no gradient but noise, of which Adam makes steps.
    for name in weights.keys() - {"scorer.outer.bias", "spans.bias"}:
        torch.testing.assert_close(same[name], weights[name], atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_processes_have_no_common_clock(tmp_path: Path, small_run: list[str]) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "anzan"]
    command += ["train", "demo", "--out", str(tmp_path), *small_run, "train.time_limit=1"]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode != 0 and "anzan: train.time_limit, --minutes: processes that train together" in done.stderr
