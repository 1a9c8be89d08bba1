"""Runs of the paper's tables side by side, each in a process of its own on its share of the cores.

A small encoder gains little from a second core: two runs side by side take hardly longer than one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import torch
from rich.console import Console

from anzan.experiments.reproduce import pending, reproduce
from anzan.experiments.slices import SliceOver
from anzan.experiments.tables import Run


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
        SliceOver: the minutes are over and something is left; the next call goes on.
        Whatever else a run raises, once those that have begun are done; no further one begins.
    """
    end = None if minutes is None else time.time() + 60 * minutes
    written: list[Path] = []
    left: list[SliceOver] = []
    spawn = get_context("spawn")  # a forked torch may hang
    with ProcessPoolExecutor(jobs, spawn, initializer=_share_cores, initargs=(jobs,)) as pool:
        try:
            begun = {pool.submit(_run, run, folder, results, end, command): run for run in pending(runs, results)}
            for future in as_completed(begun):
                name = begun[future].name
                try:
                    written += future.result()
                    log.print(f"{name}: done")
                except SliceOver as over:
                    left.append(over)
        except BaseException:  # Ctrl-C too: those that run are told of it as well, and save
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if left:
        raise left[0]
    return written


def _share_cores(jobs: int) -> None:
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))


def _run(run: Run, folder: Path, results: Path, end: float | None, command: str) -> list[Path]:
    left = None if end is None else (end - time.time()) / 60
    if left is not None and left <= 0:
        raise SliceOver(f"{run.name}: not begun")
    path = folder / f"{run.name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        return reproduce([run], folder, results, Console(file=file), left, command)
