"""Runs in several processes of this machine, each with its share of the cores.

A small encoder gains little from a second core: two runs at a time take hardly longer than one.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import torch
from rich.console import Console

from anzan.paper.run import pending, reproduce_logged
from anzan.paper.tables import Run
from anzan.training import Control, SliceOver


def reproduce_in_processes(
    runs: Sequence[Run], folder: Path, results: Path, log: Console, jobs: int, minutes: float | None = None
) -> list[Path]:
    """`anzan.paper.run.reproduce`, `jobs` runs at a time; returns the new result files.

    The progress of a run is logged to `<folder>/<name of the run>.log`.

    Raises:
        SliceOver: the minutes are over or Ctrl-C was pressed, and something is left; the next call continues.
        Exception: what a run raised. Runs that have started are finished first, and no other is started.
    """
    end = None if minutes is None else time.time() + 60 * minutes
    written: list[Path] = []
    left: list[SliceOver] = []
    spawn = get_context("spawn")  # torch may hang in a forked process
    closed, stop = spawn.Event(), spawn.Event()
    with ProcessPoolExecutor(jobs, spawn, initializer=_begin, initargs=(jobs, closed, stop)) as pool:
        try:
            started = {pool.submit(_run, run, folder, results, end): run for run in pending(runs, results)}
            for future in as_completed(started):
                name = started[future].name
                try:
                    written += future.result()
                    log.print(f"{name}: done")
                except SliceOver as over:
                    left.append(over)
        except BaseException as error:
            closed.set()
            if isinstance(error, KeyboardInterrupt):
                log.print("stopping the runs after their current steps, and saving them")
                stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):
                raise SliceOver("interrupted", interrupted=True) from None
            raise
    if left:
        raise left[0]
    return written


def _begin(jobs: int, closed: Event, stop: Event) -> None:
    """Set up a process: its share of the cores, and the events that stop it. Ctrl-C is for the first process alone."""
    global _closed, _stop
    _closed, _stop = closed, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))


_closed: Event
"""No further run is started."""
_stop: Event
"""Runs that have started stop after their current step."""


def _run(run: Run, folder: Path, results: Path, end: float | None) -> list[Path]:
    left = None if end is None else (end - time.time()) / 60
    if _closed.is_set() or (left is not None and left <= 0):
        raise SliceOver(f"{run.name}: not started")
    return reproduce_logged(run, folder, results, Control(minutes=left, stop=_stop.is_set))
