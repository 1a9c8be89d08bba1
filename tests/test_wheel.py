"""The wheel has all that the commands need, away from the source."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_runs_the_demo_from_an_empty_folder(tmp_path: Path, small_run: list[str]) -> None:
    def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *map(str, args)], cwd=tmp_path, env=os.environ | env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done

    source = tmp_path / "source"  # a build leaves things behind, and takes what another has left
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run("-m", "build", "--wheel", "--outdir", tmp_path / "dist", source)
    [wheel] = (tmp_path / "dist").glob("anzan-*.whl")
    run("-m", "pip", "install", "--no-deps", "--target", tmp_path / "installed", wheel)
    path = {"PYTHONPATH": str(tmp_path / "installed")}
    there = run("-c", "import anzan; print(anzan.__file__)", **path).stdout
    assert there.startswith(str(tmp_path))
    settings = [s for s in small_run if not s.startswith("model.encoder")]  # anzan-tiny, out of the wheel
    shown = run("-m", "anzan", "demo", *settings, **path).stdout
    assert "unseen problems" in shown and (tmp_path / "runs/demo/model.safetensors").is_file()
    assert "faithful-joint" in run("-m", "anzan", "train", "--help", **path).stdout
