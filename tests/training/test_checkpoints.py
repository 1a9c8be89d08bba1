"""Runs that are killed go on, and end where they would have ended."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from anzan.training.checkpoints import last_whole, told_of_a_full_disk

KILLS = int(os.environ.get("ANZAN_KILLS", "5"))
SETTINGS = [
    "train.epochs=7.5", "train.time_limit=null", "train.evaluations=15", "train.batch_size=8",
    "model.encoder_dropout=0.1",
]  # fmt: skip


def test_only_whole_checkpoints_count(tmp_path: Path) -> None:
    assert last_whole(tmp_path / "none") is None
    for step, whole in ((9, True), (10, True), (100, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if whole:
            (tmp_path / f"checkpoint-{step}" / "whole").touch()
    (tmp_path / "checkpoint-mine").mkdir()
    assert last_whole(tmp_path) == tmp_path / "checkpoint-10"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-9", "checkpoint-mine"]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos"), SafetensorError("I/O")):
        with pytest.raises(type(error)), told_of_a_full_disk(tmp_path):
            raise error
        with monkeypatch.context() as full:
            full.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
            with pytest.raises(OSError, match="no space left on this disk: make some"), told_of_a_full_disk(tmp_path):
                raise error


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_weights(tmp_path: Path, small_run: list[str]) -> None:
    settings = [*small_run, *SETTINGS, "data.possession.train_size=64"]
    command = [sys.executable, "-m", "anzan", "train", "demo", *settings, "--resume", "--out"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": os.environ | {"OMP_NUM_THREADS": "1"}}
    subprocess.run([*command, str(tmp_path / "whole")], check=True, **quiet)  # type: ignore[arg-type]
    rng, killed, out = random.Random(0), 0, tmp_path / "killed"
    while True:
        running = subprocess.Popen([*command, str(out)], **quiet)  # type: ignore[arg-type]
        before = sorted(out.glob("checkpoint-*"))
        while killed < KILLS and running.poll() is None and sorted(out.glob("checkpoint-*")) == before:
            time.sleep(0.02)  # the first checkpoint of this life: from now on at any moment
        if killed < KILLS:
            time.sleep(rng.random() * 0.5)
            running.send_signal(signal.SIGKILL)
            killed += running.wait() == -signal.SIGKILL
        if running.wait() == 0:
            break
    assert killed > 0
    expected, found = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
