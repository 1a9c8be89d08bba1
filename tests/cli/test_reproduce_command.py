"""`anzan reproduce`: stopped and continued."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import failure_of, output_of


def test_reproduce_goes_on_where_it_stopped(tmp_path: Path, small_run: list[str]) -> None:
    places = [x for name in ("runs", "results") for x in (f"--{name}", tmp_path / name)]
    command = ["reproduce", "table3", small_run[0], "--scale", "smoke", "--cell", "plain/max", *places]
    command += ["--page", tmp_path / "page.md"]
    stopped = output_of(*command, "--minutes", "0.00001")
    assert "run the same command again to continue" in stopped and "1 of 3 steps" in stopped
    assert "\n| paper |" not in (tmp_path / "page.md").read_text(encoding="utf-8")
    done = output_of(*command)
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "to continue" not in done and "\n| paper |" in page and ", smoke | 1 |" in page


@pytest.mark.slow
def test_ctrl_c_stops_runs_side_by_side_and_begins_no_other(tmp_path: Path, small_run: list[str]) -> None:
    folders = ["--runs", tmp_path / "runs", "--results", tmp_path / "results", "--page", tmp_path / "page.md"]
    command = [sys.executable, "-m", "anzan", "reproduce", "table3", "--scale", "smoke", "--jobs", 2, *folders]
    command += [s for s in small_run if not s.startswith("train.")]
    command += ["train.epochs=500", "train.batch_size=8"]
    running = subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def begun() -> list[Path]:
        return [log for log in (tmp_path / "runs").rglob("*.log") if "step" in log.read_text()]

    while len(begun()) < 2:
        assert running.poll() is None
        time.sleep(0.5)
    running.send_signal(signal.SIGINT)  # to the first process alone
    out, err = running.communicate(timeout=100)
    assert running.returncode == 130 and "Traceback" not in err and "run the same command again to continue" in out
    assert len(begun()) == 2 and len(list((tmp_path / "runs").rglob("checkpoint-*"))) == 2
    assert not list((tmp_path / "results").rglob("*.json"))


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["table9"], "table9: unknown; choose among table1"),
        (["table3", "--scale", "tiny"], "--scale tiny: unknown; choose among smoke, laptop, paper"),
        (["table3", "--recipe", "honest"], "--recipe honest: unknown"),
        (["table3", "--cell", "max"], "--cell max: unknown"),
        (["table3", "train.sed=1"], "did you mean train.seed?"),
    ],
)
def test_reproduce_refuses(tmp_path: Path, args: list[str], hint: str) -> None:
    assert hint in failure_of("reproduce", *args, "--runs", tmp_path, "--results", tmp_path, "--page", tmp_path / "p")
    assert not list(tmp_path.iterdir())
