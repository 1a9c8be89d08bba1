"""Runs of the paper's tables on Ray: on this machine, or on the cluster that RAY_ADDRESS names.

What a worker has trained and measured comes back to the caller, who keeps the ledger; models and checkpoints stay in
the folder of the runs as the worker sees it. Where that is shared, a run whose worker is lost goes on from its
checkpoint; elsewhere it begins again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from rich.console import Console

from anzan.paper.run import missing, pending, reproduce_logged
from anzan.paper.tables import Run
from anzan.training.pause import SliceOver
from anzan.training.results import save_result
from anzan.training.settings import ConfigError

RETRIES = 3
"""How often a run is given to another worker, after the one that had it was lost."""

PATIENCE = 60.0
"""Seconds in which runs may save themselves after Ctrl-C."""


def reproduce_on_ray(
    runs: Sequence[Run], folder: Path, results: Path, log: Console, jobs: int, command: str = ""
) -> list[Path]:
    """`anzan.paper.run.reproduce` as Ray tasks, `jobs` at a time; returns the new result files.

    Each has its share of the processors, on one machine of the cluster, and one GPU where there are any. Progress goes
    to `<folder>/<name of the run>.log`.

    Raises:
        ConfigError: Ray is not installed, or no machine of the cluster can hold a run.
        ChildProcessError: a run has lost all of its workers.
        SliceOver: Ctrl-C; the next call goes on.
        Whatever else a run raises, once all others are done.
    """
    todo = [replace(run, measurements=tuple(missing(run, results))) for run in pending(runs, results)]
    if not todo:
        return []
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        import ray
    except ImportError:
        raise ConfigError("--engine ray: Ray is not installed; pip install 'anzan[ray]'") from None
    here: dict[str, Any] = {} if "RAY_ADDRESS" in os.environ else {"address": "local", "include_dashboard": False}
    begun = not ray.is_initialized()
    if begun:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **here)
    try:
        task = cast(Any, ray.remote)(max_retries=RETRIES, **_share(ray.nodes(), jobs))(_run)
        where = folder.resolve(), Path.cwd(), command
        return _gathered(ray, lambda run: task.remote(run, *where), todo, jobs, results, log)
    finally:
        if begun:
            ray.shutdown()


def _share(nodes: Sequence[dict[str, Any]], jobs: int) -> dict[str, int]:
    """Processors and GPUs for each of so many runs at a time; a run is on one machine of these."""
    machines = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = any(m.get("GPU", 0) >= 1 for m in machines)
    fit = [int(m.get("CPU", 0)) for m in machines if not gpus or m.get("GPU", 0) >= 1]
    if max(fit, default=0) < 1:
        raise ConfigError(
            "--engine ray: no machine of the cluster has a processor for a run (beside a GPU, if any has)"
        )
    return {"num_cpus": min(max(fit), max(1, sum(fit) // jobs)), "num_gpus": int(gpus)}


def _gathered(
    ray: Any, begin: Callable[[Run], Any], todo: list[Run], jobs: int, results: Path, log: Console
) -> list[Path]:
    """What the runs write, `jobs` of them at a time."""
    written: list[Path] = []
    wrong: list[Exception] = []
    waiting: dict[Any, Run] = {}

    def take(done: Any) -> None:
        name = waiting.pop(done).name
        try:
            written.extend(save_result(result, results) for result in ray.get(done))
            log.print(f"{name}: done")
        except ray.exceptions.RayTaskError as error:
            wrong.append(error.cause)
        except ray.exceptions.RayError as error:
            lost = f"{name}: lost {RETRIES + 1} workers ({type(error).__name__}); give the same command again"
            wrong.append(ChildProcessError(lost))

    left = iter(todo)
    try:
        while True:
            waiting |= {begin(run): run for run in islice(left, jobs - len(waiting))}
            if not waiting:
                break
            take(ray.wait([*waiting])[0][0])
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            log.print("stopping the runs behind their steps, and saving them")
        for each in waiting:
            ray.cancel(each)  # Ctrl-C for the run, which saves itself
        for done in ray.wait([*waiting], num_returns=len(waiting), timeout=PATIENCE)[0] if waiting else ():
            take(done)
        if isinstance(error, KeyboardInterrupt):
            raise SliceOver("interrupted", interrupted=True) from None
        raise
    if wrong:
        raise wrong[0]
    return written


def _run(run: Run, folder: Path, where: Path, command: str) -> list[dict[str, Any]]:
    """A run in a worker of Ray: its results."""
    if where.is_dir():
        os.chdir(where)  # data files are named from there
    with TemporaryDirectory() as ledger:
        written = reproduce_logged(run, folder, Path(ledger), command=command)
        return [json.loads(each.read_text(encoding="utf-8")) for each in written]
