"""Checkpoints that are whole: a process that is killed while it writes one leaves the one before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

_WHOLE = "whole"


class MarkWhole(TrainerCallback):
    """Marks a checkpoint once all of it is written."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()


def last_whole(folder: Path) -> Path | None:
    """The newest whole checkpoint in a folder, None if there is none; those that are not whole are deleted."""
    steps = {int(number): path for path in folder.glob("checkpoint-*") if (number := path.name[11:]).isdigit()}
    whole = [step for step, path in steps.items() if (path / _WHOLE).exists()]
    for step, path in steps.items():
        if step not in whole:
            shutil.rmtree(path, ignore_errors=True)  # another process of the run may be at it
    return steps[max(whole)] if whole else None
