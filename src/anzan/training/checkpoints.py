"""Complete checkpoints: a process that is killed while it writes one leaves the previous one."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import TrainerCallback

_WHOLE = "whole"
LITTLE = 1 << 20
"""Bytes; a disk with less free space is full."""


@contextmanager
def told_of_a_full_disk(folder: Path) -> Iterator[None]:
    """Raise OSError where torch and safetensors raise errors of their own for a full disk."""
    try:
        yield
    except (RuntimeError, SafetensorError) as error:
        if shutil.disk_usage(folder).free >= LITTLE:
            raise
        mend = "no space left on this disk: make some, and go on from the last checkpoint with --resume"
        raise OSError(errno.ENOSPC, mend, str(folder)) from error


class MarkWhole(TrainerCallback):
    """Marks a checkpoint as complete once all of it is written."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()


def has_whole(folder: Path) -> bool:
    """Whether a folder contains a complete checkpoint."""
    return any((path / _WHOLE).exists() for path in _by_step(folder).values())


def last_whole(folder: Path) -> Path | None:
    """The newest complete checkpoint in a folder, None if there is none; incomplete ones are deleted."""
    steps = _by_step(folder)
    whole = [step for step, path in steps.items() if (path / _WHOLE).exists()]
    for step, path in steps.items():
        if step not in whole:
            shutil.rmtree(path, ignore_errors=True)  # another process of the run may be deleting it
    return steps[max(whole)] if whole else None


def _by_step(folder: Path) -> dict[int, Path]:
    return {int(number): path for path in folder.glob("checkpoint-*") if (number := path.name[11:]).isdigit()}
