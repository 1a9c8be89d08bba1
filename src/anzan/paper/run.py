"""Runs the paper's tables, cell by cell.

An interrupted run is resumed, a measurement that has a result file is not made again, and each new one becomes a file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from anzan.paper.measure import labelled_share, measure
from anzan.paper.tables import Measurement, Run
from anzan.reader import Reader
from anzan.training import Control, SliceOver, train
from anzan.training.results import save_result

RESUME = Control(resume=True)


def reproduce(runs: Sequence[Run], folder: Path, results: Path, log: Console, control: Control = RESUME) -> list[Path]:
    """Train and measure what has no result file yet; returns the new result files.

    Args:
        folder: of the models, each in `folder / run.name`.
        results: the folder of result files.
        control: `minutes` limits this call as a whole, which takes one training step at least.

    Raises:
        SliceOver: the minutes are over or the run was stopped, and something is left; the next call continues.
    """
    end = None if control.minutes is None else time.monotonic() + 60 * control.minutes
    written: list[Path] = []
    for i, run in enumerate(pending(runs, results)):
        left = None if end is None else max(0.0, (end - time.monotonic()) / 60)
        if left == 0 and i > 0:
            raise SliceOver(f"{run.name}: not started")
        log.print(run.name)
        reader, trained = _trained(run, folder / run.name, log, replace(control, resume=True, minutes=left))
        trained["labelled_share"] = labelled_share(run.config, reader)
        for m in missing(run, results):
            if end is not None and time.monotonic() > end:
                raise SliceOver(f"{run.name}: trained, {m.cell} not measured")
            written.append(save_result(measure(run, m, reader, trained), results))
            log.print(f"  {m.cell}: {_short(written[-1])}")
    return written


def reproduce_logged(run: Run, folder: Path, results: Path, control: Control = RESUME) -> list[Path]:
    """`reproduce` for one run, with its progress in `<folder>/<name of the run>.log`."""
    path = folder / f"{run.name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        return reproduce([run], folder, results, Console(file=file), control)


def pending(runs: Sequence[Run], results: Path) -> Iterator[Run]:
    """The runs with a measurement that has no result file; each is checked when its turn comes."""
    return (run for run in runs if missing(run, results))


def missing(run: Run, results: Path) -> list[Measurement]:
    """The measurements of a run that have no result file."""
    return [m for m in run.measurements if not run.result_path(m, results).exists()]


def _trained(run: Run, folder: Path, log: Console, control: Control) -> tuple[Reader, dict[str, Any]]:
    done = folder / "result.json"
    if done.exists():
        return Reader.load(folder), json.loads(done.read_text(encoding="utf-8"))
    return train(run.config, folder, control, log, evaluation=False)


def _short(path: Path) -> str:
    metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
    shown = ("f1", "argument_accuracy", "f1_free", "f1_blanked", "follow_rate")
    return ", ".join(f"{k} {metrics[k]}" for k in shown if metrics.get(k) is not None)
