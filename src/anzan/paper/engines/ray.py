"""Runs as tasks of Ray, on this machine or on the cluster that RAY_ADDRESS names.

Workers send their results to the caller, who writes the result files. Models and checkpoints stay in the folder of the
runs, as the worker sees it. If that folder is shared, a run whose worker is lost continues from its checkpoint;
otherwise it starts again.
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
from anzan.settings import ConfigError
from anzan.training import SliceOver
from anzan.training.results import save_result

RETRIES = 3
"""How often a run is given to another worker after its worker was lost."""

PATIENCE = 60.0
"""Seconds that runs have to save themselves after Ctrl-C."""


def reproduce_on_ray(runs: Sequence[Run], folder: Path, results: Path, log: Console, jobs: int) -> list[Path]:
    """`anzan.paper.run.reproduce` as Ray tasks, `jobs` at a time; returns the new result files.

    Each task gets its share of the processors of one machine, and one GPU if the cluster has any. The progress of a run
    is logged to `<folder>/<name of the run>.log`.

    Raises:
        ConfigError: Ray is not installed, or no machine of the cluster can hold a run.
        ChildProcessError: all workers of a run were lost.
        SliceOver: Ctrl-C was pressed; the next call continues.
        Exception: what a run raised, after all others are done.
    """
    todo = [replace(run, measurements=tuple(missing(run, results))) for run in pending(runs, results)]
    if not todo:
        return []
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would send usage statistics
    try:
        import ray
    except ImportError:
        raise ConfigError("--engine ray: Ray is not installed; pip install 'anzan[ray]'") from None
    here: dict[str, Any] = {} if "RAY_ADDRESS" in os.environ else {"address": "local", "include_dashboard": False}
    ours = not ray.is_initialized()
    if ours:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **here)
    try:
        task = cast(Any, ray.remote)(max_retries=RETRIES, **_share(ray.nodes(), jobs))(_run)
        where = folder.resolve(), Path.cwd()
        return _gathered(ray, lambda run: task.remote(run, *where), todo, jobs, results, log)
    finally:
        if ours:
            ray.shutdown()


def _share(nodes: Sequence[dict[str, Any]], jobs: int) -> dict[str, int]:
    """The processors and GPUs of each of `jobs` runs at a time; a run is on one of these machines."""
    machines = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = any(m.get("GPU", 0) >= 1 for m in machines)
    fit = [int(m.get("CPU", 0)) for m in machines if not gpus or m.get("GPU", 0) >= 1]
    if max(fit, default=0) < 1:
        raise ConfigError(
            "--engine ray: no machine of the cluster has a processor for a run (and a GPU, if any has one)"
        )
    return {"num_cpus": min(max(fit), max(1, sum(fit) // jobs)), "num_gpus": int(gpus)}


def _gathered(
    ray: Any, begin: Callable[[Run], Any], todo: list[Run], jobs: int, results: Path, log: Console
) -> list[Path]:
    """Start the runs, `jobs` at a time, and save their results."""
    written: list[Path] = []
    failed: list[Exception] = []
    waiting: dict[Any, Run] = {}

    def take(done: Any) -> None:
        name = waiting.pop(done).name
        try:
            written.extend(save_result(result, results) for result in ray.get(done))
            log.print(f"{name}: done")
        except ray.exceptions.RayTaskError as error:
            failed.append(error.cause)
        except ray.exceptions.RayError as error:
            lost = f"{name}: lost {RETRIES + 1} workers ({type(error).__name__}); run the same command again"
            failed.append(ChildProcessError(lost))

    left = iter(todo)
    try:
        while True:
            waiting |= {begin(run): run for run in islice(left, jobs - len(waiting))}
            if not waiting:
                break
            take(ray.wait([*waiting])[0][0])
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            log.print("stopping the runs after their current steps, and saving them")
        for each in waiting:
            ray.cancel(each)  # the run receives Ctrl-C, and saves itself
        for done in ray.wait([*waiting], num_returns=len(waiting), timeout=PATIENCE)[0] if waiting else ():
            take(done)
        if isinstance(error, KeyboardInterrupt):
            raise SliceOver("interrupted", interrupted=True) from None
        raise
    if failed:
        raise failed[0]
    return written


def _run(run: Run, folder: Path, where: Path) -> list[dict[str, Any]]:
    """A run in a worker of Ray: its results."""
    if where.is_dir():
        os.chdir(where)  # paths of data files are relative to it
    with TemporaryDirectory() as results:
        written = reproduce_logged(run, folder, Path(results))
        return [json.loads(each.read_text(encoding="utf-8")) for each in written]
