"""Measuring the model of a run on one cell of a table."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from anzan.evaluation import evaluate, evaluate_tool_use, original_and_swapped
from anzan.paper.tables import CELLS, Measurement, Run
from anzan.reader import Reader, TextTooLong, make_example
from anzan.tasks import guessing_scores
from anzan.training import RunConfig
from anzan.training.data import draw, load_splits
from anzan.training.measure import measure_free
from anzan.training.results import commit

SAMPLE = 1000
"""Training problems on which `labelled_share` is counted."""


def measure(run: Run, m: Measurement, reader: Reader, trained: dict[str, Any]) -> dict[str, Any]:
    """The result of a measurement.

    Args:
        trained: the result of the training, as `anzan.training.run.train` returns it.
    """
    started, c = time.monotonic(), run.config
    if m.data is None:
        problems = load_splits(c.data, c.train.seed).eval
        metrics = original_and_swapped(reader, problems)
    else:
        problems = draw(m.data, "eval")
        metrics = (evaluate_tool_use if reader.text_encoder.calculator.operations else evaluate)(reader, problems)
        metrics |= measure_free(reader, m.data)
        guesses = guessing_scores(problems)
        metrics |= {"role_guessing": guesses.get("role"), "leading_digit_guessing": guesses["leading_digits"]}
    return trained | {
        "experiment": m.experiment,
        "cell": m.cell,
        "eval_size": len(problems),
        "people": m.data and m.data.people,
        "digits": m.data and m.data.most_digits,
        "split": "eval",
        "metrics": metrics,
        "train_cells": list(CELLS) if c.name.cell == "all" else [c.name.cell],
        "wall_s": round(trained["wall_s"] + time.monotonic() - started, 1),
        "measured_at": commit(),
        "command": run.command(m),
    }


def labelled_share(config: RunConfig, reader: Reader) -> float | None:
    """The share of the training problems that carry the argument loss, in percent, counted on a sample of them.

    None without an argument loss.
    """
    encoder = reader.text_encoder
    if not encoder.calculator.operations or config.model.supervision.argument_loss == "none":
        return None
    if config.data.possession is None:
        some = load_splits(config.data, config.train.seed).train
        some = random.Random(config.train.seed).sample(some, min(SAMPLE, len(some)))
    else:
        some = draw(replace(config.data.possession, train_size=SAMPLE), "train")
    labelled = []
    for p in some:
        with suppress(TextTooLong):
            example = make_example(encoder, p.passage, p.question, p.answers)
            labelled.append(any(example.acceptable) or bool(example.programs))
    return round(100 * sum(labelled) / len(labelled), 1) if labelled else None
