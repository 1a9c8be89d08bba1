"""Runs of the paper's tables side by side, each in a process of its own on its share of the cores.

A small encoder gains little from a second core: two runs side by side take hardly longer than one.
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
from anzan.training.pause import SliceOver


def reproduce_side_by_side(
    runs: Sequence[Run],
    folder: Path,
    results: Path,
    log: Console,
    jobs: int,
    minutes: float | None = None,
    command: str = "",
) -> list[Path]:
    """`reproduce`, `jobs` runs at a time; the progress of each goes to `<folder>/<name of the run>.log`.

    Raises:
        SliceOver: the minutes are over, or Ctrl-C, and something is left; the next call goes on.
        Whatever else a run raises, once those that have begun are done; no further one begins.
    """
    end = None if minutes is None else time.time() + 60 * minutes
    written: list[Path] = []
    left: list[SliceOver] = []
    spawn = get_context("spawn")  # a forked torch may hang
    closed, stop = spawn.Event(), spawn.Event()
    with ProcessPoolExecutor(jobs, spawn, initializer=_begin, initargs=(jobs, closed, stop)) as pool:
        try:
            begun = {pool.submit(_run, run, folder, results, end, command): run for run in pending(runs, results)}
            for future in as_completed(begun):
                name = begun[future].name
                try:
                    written += future.result()
                    log.print(f"{name}: done")
                except SliceOver as over:
                    left.append(over)
        except BaseException as error:
            closed.set()
            if isinstance(error, KeyboardInterrupt):
                log.print("stopping the runs behind their steps, and saving them")
                stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):
                raise SliceOver("interrupted", interrupted=True) from None
            raise
    if left:
        raise left[0]
    return written


def _begin(jobs: int, closed: Event, stop: Event) -> None:
    """In each process: its share of the cores, and whom it hears: the first process alone, not the keyboard."""
    global _closed, _stop
    _closed, _stop = closed, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))


_closed: Event
_stop: Event


def _run(run: Run, folder: Path, results: Path, end: float | None, command: str) -> list[Path]:
    left = None if end is None else (end - time.time()) / 60
    if _closed.is_set() or (left is not None and left <= 0):
        raise SliceOver(f"{run.name}: not begun")
    return reproduce_logged(run, folder, results, left, command, _stop.is_set)
