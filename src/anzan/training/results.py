"""Result files: one small JSON a run, with everything needed to run it again."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from anzan.files import whole_file


def result_path(root: Path, experiment: str, cell: str, recipe: str, encoder: str, scale: str, seed: int) -> Path:
    """`<root>/<experiment>/<cell>/<recipe>-<encoder>-<scale>-<seed>.json`."""
    return root / experiment / cell / f"{recipe}-{Path(encoder).name}-{scale}-{seed}.json"


def save_result(result: dict[str, Any], root: Path) -> Path:
    """Put a result where the ledger keeps it; returns the path."""
    path = result_path(root, *(result[k] for k in ("experiment", "cell", "recipe", "encoder", "scale", "seed")))
    write_json(path, result)
    return path


def write_json(path: Path, value: Any) -> None:
    """Write JSON; the file appears whole or not at all."""
    with whole_file(path) as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def device_name() -> str:
    """The machine in words: GPU name, or processor and threads."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}, {platform.machine()}"


def commit() -> str | None:
    """The commit of the checkout that anzan runs from, with `+` if it has uncommitted changes; None elsewhere."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    here = Path(__file__).resolve().parent
    return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True).stdout.strip()


def command() -> str:
    """The command line of this process, as a person would type it."""
    words = [Path(sys.argv[0]).name.replace("__main__.py", "anzan"), *sys.argv[1:]]
    return " ".join(f"'{w}'" if any(c in w for c in " [](){}*?") else w for w in words)
