"""Running the paper's tables, cell by cell.

Runs are resumed where they stopped, what has a result is not run again, and each measurement becomes one result file.
"""

from __future__ import annotations

import json
import random
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from anzan.evaluation import evaluate, evaluate_tool_use, original_and_swapped, saliency
from anzan.paper.tables import CELLS, Measurement, Run, possession_of
from anzan.reader.encode import TextTooLong
from anzan.reader.reader import Reader
from anzan.report.heat import write_html, write_png
from anzan.tasks.possession import guessing_scores
from anzan.training.data import draw, load_splits
from anzan.training.pause import SliceOver
from anzan.training.results import commit, result_path, save_result
from anzan.training.settings import RunConfig
from anzan.training.trainer import train


def reproduce(
    runs: Sequence[Run],
    folder: Path,
    results: Path,
    log: Console,
    minutes: float | None = None,
    command: str = "",
    stop: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Train and measure what has no result yet; returns the new result files.

    `minutes` limits this call, which does one step at least; a training stops as well once `stop` says so.

    Raises:
        SliceOver: the minutes are over, or somebody has stopped it, and something is left; the next call goes on.
    """
    end = None if minutes is None else time.monotonic() + 60 * minutes
    written, worked = [], False
    for run in pending(runs, results):
        left = None if end is None else max(0.0, (end - time.monotonic()) / 60)
        if left == 0 and worked:
            raise SliceOver(f"{run.name}: not begun")
        worked = True
        log.print(run.name)
        reader, trained = _trained(run, folder / run.name, log, left, stop)
        trained["labelled_share"] = _labelled_share(run.config, reader)
        for m in missing(run, results):
            if end is not None and time.monotonic() > end:
                raise SliceOver(f"{run.name}: trained, {m.cell} not measured")
            written.append(save_result(_result(run, m, reader, trained, command), results))
            log.print(f"  {m.cell}: {_short(written[-1])}")
    return written


def reproduce_logged(
    run: Run,
    folder: Path,
    results: Path,
    minutes: float | None = None,
    command: str = "",
    stop: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """`reproduce` of one run, its progress in `<folder>/<name of the run>.log`."""
    path = folder / f"{run.name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        return reproduce([run], folder, results, Console(file=file), minutes, command, stop)


def pending(runs: Sequence[Run], results: Path) -> Iterator[Run]:
    """The runs of which some measurement has no result yet, looked up when their turn comes."""
    return (run for run in runs if missing(run, results))


def missing(run: Run, results: Path) -> list[Measurement]:
    """The measurements of a run that have no result yet."""
    return [m for m in run.measurements if not _path(run, m, results).exists()]


def _trained(
    run: Run, folder: Path, log: Console, minutes: float | None, stop: Callable[[], bool]
) -> tuple[Reader, dict[str, Any]]:
    done = folder / "result.json"
    if done.exists():
        return Reader.load(folder), json.loads(done.read_text(encoding="utf-8"))
    return train(run.config, folder, resume=True, log=log, minutes=minutes, measure=False, stop=stop)


def _result(run: Run, m: Measurement, reader: Reader, trained: dict[str, Any], command: str) -> dict[str, Any]:
    started = time.monotonic()
    if m.data is None:
        problems = load_splits(run.config.data, run.config.train.seed).eval
        metrics = original_and_swapped(reader, problems)
    else:
        problems = draw(m.data, "eval")
        metrics = (evaluate_tool_use if reader.text_encoder.calculator.operations else evaluate)(reader, problems)
        guesses = guessing_scores(problems)
        metrics |= {"role_guessing": guesses.get("role"), "leading_digit_guessing": guesses["leading_digits"]}
    c = run.config
    cell = "" if c.recipe == "faithful-joint" or m.data is None else f" --cell {m.cell}"
    return trained | {
        "experiment": m.experiment,
        "cell": m.cell,
        "eval_size": len(problems),
        "people": m.data and m.data.people,
        "digits": m.data and m.data.digits,
        "split": "eval",
        "metrics": metrics,
        "train_cells": list(CELLS) if c.cell == "all" else [c.cell],
        "wall_s": round(trained["wall_s"] + time.monotonic() - started, 1),
        "measured_at": commit(),
        "command": f"anzan reproduce {run.table} --scale {c.scale} --recipe {c.recipe}{cell} --seed {c.train.seed}"
        + command,
    }


def _labelled_share(config: RunConfig, reader: Reader, sample: int = 1000) -> float | None:
    """How many of the training problems carry the argument loss, in percent, counted on a sample of them."""
    if not reader.text_encoder.calculator.operations or config.model.argument_loss == "none":
        return None
    if config.data.possession is None:
        some = load_splits(config.data, config.train.seed).train
        some = random.Random(config.train.seed).sample(some, min(sample, len(some)))
    else:
        some = draw(replace(config.data.possession, train_size=sample), "train")
    labelled = []
    for p in some:
        with suppress(TextTooLong):
            labelled.append(any(reader.text_encoder.example(p.passage, p.question, p.answers).acceptable))
    return round(100 * sum(labelled) / len(labelled), 1) if labelled else None


def _path(run: Run, m: Measurement, results: Path) -> Path:
    c = run.config
    return result_path(results, m.experiment, m.cell, c.recipe, c.model.encoder, c.scale, c.train.seed)


def _short(path: Path) -> str:
    metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
    shown = ("f1", "argument_accuracy", "f1_blanked", "follow_rate")
    return ", ".join(f"{k} {metrics[k]}" for k in shown if metrics.get(k) is not None)


def draw_figure2(runs: Sequence[Run], folder: Path, docs: Path) -> list[Path]:
    """What the answer to one problem hangs on, for each run: `figure2-<run>.png` and `.html` in `docs`.

    The problem is the first one of the evaluation split.
    """
    written = []
    for run in runs:
        reader = Reader.load(folder / run.name)
        problem = draw(possession_of(run.config), "eval")[0]
        answer, tokens = saliency(reader, problem.passage, problem.question)
        what = (run.config.recipe, run.config.cell, run.config.scale, f"seed {run.config.train.seed}")
        title, name = ", ".join(what), "-".join(["figure2", *what]).replace("/", "-").replace(" ", "-")
        for write, suffix in ((write_png, "png"), (write_html, "html")):
            written.append(docs / f"{name}.{suffix}")
            write(answer, tokens, title, written[-1])
    return written


def quoted(overrides: Sequence[str]) -> str:
    """Overrides as they stand behind a command."""
    return "".join(f" {shlex.quote(o)}" for o in overrides)
