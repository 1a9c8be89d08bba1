"""Result files: one small JSON file a run, with everything that is needed to run it again."""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from anzan.files import whole_file
from anzan.training.settings import RunName


def result_path(root: Path, name: RunName, encoder: str, seed: int) -> Path:
    """`<root>/<experiment>/<cell>/<recipe>-<encoder>-<scale>-<seed>.json`; of the encoder's path only its name."""
    return root / name.experiment / name.cell / f"{name.recipe}-{Path(encoder).name}-{name.scale}-{seed}.json"


def save_result(result: dict[str, Any], root: Path) -> Path:
    """Write a result to its place under `root`; returns its path."""
    name = RunName(result["experiment"], result["cell"], result["recipe"], result["scale"])
    path = result_path(root, name, result["encoder"], result["seed"])
    write_json(path, result)
    return path


def write_json(path: Path, value: Any) -> None:
    """Write JSON, atomically."""
    with whole_file(path) as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def device_name() -> str:
    """The name of the GPU, or the processor and its threads."""
    import torch  # here, because planning runs needs none of it

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}, {platform.machine()}"


def commit() -> str | None:
    """The commit of the checkout that anzan runs from, with `+` if it has uncommitted changes; None without one."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    here = Path(__file__).resolve().parent
    return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True).stdout.strip()


def command() -> str:
    """The command line of this process, quoted for a shell."""
    return shlex.join([Path(sys.argv[0]).name.replace("__main__.py", "anzan"), *sys.argv[1:]])
