"""A training run: prepare, fit, measure, publish."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from rich.console import Console

from anzan.reader.reader import Reader
from anzan.training.fit import fit
from anzan.training.measure import REPORTED, measure
from anzan.training.pause import Control
from anzan.training.prepare import Prepared, prepare
from anzan.training.publish import publish, result_of
from anzan.training.settings import RunConfig


def train(
    config: RunConfig,
    out: Path,
    control: Control = Control(),  # noqa: B008, it is frozen
    log: Console | None = None,
    evaluation: bool = True,
    change: Callable[[Prepared], Prepared] = lambda run: run,
) -> tuple[Reader, dict[str, Any]]:
    """Train, select on the development split, evaluate, and write everything to `out`.

    Leaves the model (safetensors), its card, `report.html`, `curves.png`, `result.json` and checkpoints in `out`. The
    report has an audit on the first `REPORTED` problems of the evaluation split.

    Args:
        control: resume, pause and stop.
        evaluation: measure the evaluation split; otherwise that is left to the caller, and the report is on the
            development split.
        change: changes the prepared run before it starts, such as `null_control`.

    Returns:
        The reader and the result.

    Raises:
        ConfigError, DataError: settings or data that cannot be used, or when resuming, others than those of the run.
        FileExistsError: `out` holds another run, and this is not to resume it.
        SliceOver: the minutes are over, or somebody has stopped the run, before its end.
    """
    log = log or Console(stderr=True)
    processes = PartialState(cpu=not torch.cuda.is_available())  # one, unless accelerate or torchrun began several
    log.quiet |= not processes.is_main_process
    if processes.is_main_process and not control.resume and out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty: choose another --out, or go on with --resume")
    run = change(prepare(config, out, control, log))
    fitted = fit(run, out, _remaining(control, run.started), log)
    reader = Reader(run.model, run.tokenizer)
    result = result_of(run, fitted, measure(run, fitted, reader, evaluation))
    if processes.is_main_process:
        shown = (run.splits.eval if evaluation else run.splits.dev)[:REPORTED]
        result = publish(result, fitted, reader, shown, out)
    return reader, result


def _remaining(control: Control, started: float) -> Control:
    """What is left of a session's minutes."""
    if control.minutes is None:
        return control
    return replace(control, minutes=max(0.0, control.minutes - (time.monotonic() - started) / 60))
