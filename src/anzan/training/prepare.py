"""Prepare: everything that a run needs before its first step, checked."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from accelerate import PartialState
from rich.console import Console
from transformers import PreTrainedTokenizerFast, set_seed

from anzan.reader.encode import TextEncoder
from anzan.reader.network import CalculatorReader
from anzan.settings import ConfigError
from anzan.training.clock import Clock
from anzan.training.curriculum import Curriculum, Growth
from anzan.training.data import Examples, Splits, load_splits, make_examples
from anzan.training.memory import keep_freed_memory
from anzan.training.model import new_model
from anzan.training.pause import Control
from anzan.training.results import commit
from anzan.training.run_guard import check_same_run
from anzan.training.settings import RunConfig


@dataclass(frozen=True)
class Prepared:
    """A run before its first step.

    Attributes:
        started: when the session began, on the monotonic clock.
        commit: of the code that runs.
        steps: of the run.
    """

    config: RunConfig
    started: float
    commit: str | None
    splits: Splits
    model: CalculatorReader
    tokenizer: PreTrainedTokenizerFast
    encoder: TextEncoder
    examples: Examples
    steps: int
    clock: Clock
    sampler: Curriculum


def prepare(config: RunConfig, out: Path, control: Control, log: Console) -> Prepared:
    """Load the problems and a new model, and plan the steps; nothing is written to `out`.

    Raises:
        ConfigError, DataError: settings or data that cannot be used, or others than those of the run in `out`.
    """
    processes = PartialState().num_processes
    started, code = time.monotonic(), commit()  # now: an edit during the run does not change what runs
    t = config.train
    if processes > 1 and (control.minutes is not None or t.time_limit is not None):
        raise ConfigError(
            "train.time_limit, --minutes: processes that train together have no common clock; leave it out"
        )
    if control.resume:
        check_same_run(config, out)
    keep_freed_memory()
    set_seed(t.seed)
    splits = load_splits(config.data, t.seed)
    if not splits.train:
        raise ConfigError("data.train: contains no problem")
    if t.select_by == "argument_accuracy" and not any(p.arguments for p in splits.dev):
        raise ConfigError("train.select_by: argument_accuracy needs gold arguments; choose f1 or em")
    model, tokenizer = new_model(config.model)
    if t.warm_start and "spans.weight" not in model.pretrained:
        raise ConfigError(
            f"train.warm_start: {config.model.encoder} cannot read a program's results; choose a reader, such as "
            "anzan-tiny-lines, or set it to 0"
        )
    encoder = TextEncoder.for_config(model.config, tokenizer)
    examples = make_examples(splits.train, encoder, log)
    # Answers need not be as short as those seen, but a start and an end far apart belong to different answers.
    model.config.max_answer_words = max(1, 2 * examples.longest_answer)
    batch_size = t.batch_size * processes
    steps = math.ceil(len(examples) * t.epochs / batch_size)
    clock = Clock(steps, t.time_limit)
    problems = config.data.possession
    sampler = Curriculum(
        examples.lengths,
        batch_size,
        steps,
        t.seed,
        growth=Growth(problems.people, t.grow_until) if problems and t.grow_until else None,
        clock=lambda: clock.time_used,
        # Where length tells kinds of question apart, as in possession problems, batches would be of one kind each.
        by_length=problems is None,
    )
    return Prepared(config, started, code, splits, model, tokenizer, encoder, examples, steps, clock, sampler)
