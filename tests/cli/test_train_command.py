"""`anzan train` and `anzan pretrain`: what they leave in a folder, and how they are stopped and resumed."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import failure_of, run


def test_train_leaves_a_model_a_picture_and_a_result(model: Path) -> None:
    assert {"model.safetensors", "config.json", "README.md", "curves.png", "result.json"} <= {
        p.name for p in model.iterdir()
    }
    result = json.loads((model / "result.json").read_text(encoding="utf-8"))
    assert result["eval_size"] == 10
    assert {"f1", "em", "signed_em", "argument_accuracy"} <= set(result["metrics"])
    assert {"f1_free", "em_free", "argument_accuracy_free"} <= set(result["metrics"])
    assert result["metrics"]["n_free"] == 10


def test_train_stops_and_goes_on(tmp_path: Path, small_run: list[str]) -> None:
    settings = [*small_run, "train.evaluations=4"]
    first = run("train", "demo", *settings, "--out", tmp_path / "run")
    assert first.exit_code == 0, first.stderr
    assert "f1" in first.stdout.lower()
    line = failure_of("train", "demo", *settings, "--out", tmp_path / "run")
    assert "not empty" in line and "--resume" in line

    resumed = run("train", "demo", *settings, "train.epochs=2", "--out", tmp_path / "run", "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "step 1/4" not in resumed.stderr
    assert "step 4/4" in resumed.stderr
    state = json.loads((tmp_path / "run/checkpoint-4/trainer_state.json").read_text(encoding="utf-8"))
    assert {h["step"] for h in state["log_history"]} == {1, 2, 3, 4}


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_goes_on(tmp_path: Path, small_run: list[str]) -> None:
    command = ["train", "demo", "--out", str(tmp_path / "new"), *small_run]
    command += ["train.epochs=150", "train.time_limit=null"]
    running = subprocess.Popen([sys.executable, "-m", "anzan", *command], stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    begun: list[str] = []
    for line in running.stderr:  # it trains, and says how long it will
        begun.append(line)
        if "left" in line:
            break
    assert "left" in begun[-1], begun
    running.send_signal(signal.SIGINT)
    said = running.stderr.read().splitlines()
    assert any("Ctrl-C again stops at once" in line for line in said)
    assert running.wait() == 130 and re.search(r"^stopped and saved: .*new: \d+ of 300 steps; .*--resume", said[-1])
    done = run(*command, "--resume")
    assert done.exit_code == 0, done.stderr
    result = json.loads((tmp_path / "new" / "result.json").read_text())
    assert result["train_steps"] == 300 and "step 300/300" in done.stderr and "step 15/300" not in done.stderr


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["dmeo"], "demo"),
        (["demo", "train.sed=1"], "did you mean train.seed?"),
        (["demo", "train.seed=one"], "a whole number needed"),
        (["demo", "train.seed"], "key=value"),
        (["svamp"], "data.train is missing"),
        (["svamp", "data.train=no-such-file.csv"], "no-such-file.csv"),
        (["demo", "data.possession.people=1"], "people"),
        (["demo", "train.select_by=bleu"], "f1, em"),
        (["span", "train.select_by=argument_accuracy", "data.possession.train_size=4"], "needs a calculator"),
        (["demo", "train.batch_size=0"], "above 0"),
        (["demo", "train.layer_decay=0"], "train.layer_decay: give a share above 0 and up to 1"),
        (["demo", "train.head_learning_rate=0"], "train.head_learning_rate: give a number above 0"),
        (["demo", "model.supervision.argument_loss=bcee", "data.possession.train_size=4"], "bce, marginal, none"),
        (["demo", "model.encoder=./no-such-encoder", "data.possession.train_size=4"], "model.encoder"),
    ],
)
def test_train_refuses(tmp_path: Path, args: list[str], hint: str) -> None:
    assert hint in failure_of("train", *args, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_pretrain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = []

    def quick(recipe: Any, out: Path) -> dict[str, float]:
        print("progress")
        made.append((recipe.seed, recipe.steps, out))
        return {"digits": 97.5}

    monkeypatch.setattr("anzan.pretraining.pretrain", quick)
    result = run("pretrain", "--seed", 5, "--steps", 1, "--out", tmp_path / "new")
    assert result.exit_code == 0, result.stderr
    assert made == [(5, 1, tmp_path / "new")]
    assert "progress" in result.stderr and "progress" not in result.stdout
    assert "97.5 %" in result.stdout
    (tmp_path / "file").touch()
    assert "not empty" in failure_of("pretrain", "--out", tmp_path)
    assert "only with --lines" in failure_of("pretrain", "--bf16", "--out", tmp_path / "other")
