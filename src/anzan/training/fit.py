"""Fit: the training itself, on transformers' Trainer."""

from __future__ import annotations

import math
import os
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_all_start_methods
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from rich.console import Console
from transformers import TrainingArguments

from anzan.reader.attention import computes_in_bfloat16, use_bfloat16_attention
from anzan.training.checkpoints import MarkWhole, last_whole, told_of_a_full_disk
from anzan.training.curriculum import FEWEST
from anzan.training.learning_rates import learning_rates
from anzan.training.memory import long_lived
from anzan.training.pause import Control, Pause, SliceOver
from anzan.training.prepare import Prepared
from anzan.training.progress import TrainingBar
from anzan.training.run_guard import claim
from anzan.training.settings import LAST_STEP
from anzan.training.trainer import Parts, ReaderTrainer, collator
from anzan.training.warm_start import warm_start

WARMUP_SHARE = 0.05
WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class Fitted:
    """A trained model and how it came about.

    Attributes:
        history: the log of the run.
        step: the last step.
        dev_metrics: of the weights that were kept, where they are known.
        train_s, earlier_s: seconds of training, and those of earlier sessions among them.
    """

    history: list[dict[str, Any]]
    step: int
    dev_metrics: dict[str, Any] | None
    train_s: float
    earlier_s: float


def fit(run: Prepared, out: Path, control: Control, log: Console) -> Fitted:
    """Train the model in place, with checkpoints in `out`.

    Raises:
        SliceOver: training was paused before its end.
    """
    t, processes = run.config.train, PartialState()
    score = f"eval_{'f1' if t.select_by == LAST_STEP else t.select_by}"
    pause, bar = Pause(control, log.print), TrainingBar(log, run.clock)
    # Nothing is written to the folder or taken from it before this.
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = last_whole(out) if control.resume else None
    if processes.is_main_process:
        claim(run.config, out)
    if t.bf16 and not torch.cuda.is_available():
        if not computes_in_bfloat16():
            log.print("train.bf16: this processor has no bfloat16, so it takes many times longer; leave it out")
        use_bfloat16_attention(run.model.encoder)
    rates = learning_rates(run.model, t.learning_rate, t.head_learning_rate, t.layer_decay)
    trainer = ReaderTrainer(
        Parts(run.encoder, run.splits.dev, run.sampler, run.clock, pause, rates),
        model=run.model,
        args=_arguments(run, out, score),
        train_dataset=run.examples,
        eval_dataset=run.examples,  # never read: evaluation answers the development questions
        data_collator=collator(run.encoder, t.seed),
        processing_class=run.tokenizer,
        callbacks=[MarkWhole(), bar, run.clock, pause],
    )
    for callback in list(trainer.callback_handler.callbacks):
        if type(callback).__name__ in ("PrinterCallback", "ProgressCallback"):
            trainer.remove_callback(callback)
    if t.warm_start and checkpoint is None:
        people = FEWEST if run.sampler.growth else None
        warm_start(run.model, run.examples, t.warm_start, people, log, t.bf16)
    interruptible = pause.interruptible() if processes.num_processes == 1 else nullcontext()
    with told_of_a_full_disk(out), bar, interruptible, long_lived():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    train_s, state = pause.spent, trainer.state
    if pause.over:
        raise SliceOver(f"{out}: {state.global_step:,} of {run.steps:,} steps", pause.interrupted)
    kept = state.global_step if t.select_by == LAST_STEP else state.best_global_step
    return Fitted(state.log_history, state.global_step, trainer.measured.get(kept or -1), train_s, pause.earlier)


def _arguments(run: Prepared, out: Path, score: str) -> TrainingArguments:
    t, dev = run.config.train, bool(run.splits.dev)
    every = max(1, math.ceil(run.steps / max(1, t.evaluations)))
    workers = _workers()
    return TrainingArguments(
        output_dir=str(out),
        max_steps=run.steps,
        per_device_train_batch_size=t.batch_size,
        learning_rate=t.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=round(WARMUP_SHARE * run.steps),
        weight_decay=WEIGHT_DECAY,
        eval_strategy="steps" if dev else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=dev and t.select_by != LAST_STEP,
        metric_for_best_model=score,
        greater_is_better=True,
        logging_steps=max(1, min(20, math.ceil(run.steps / 20))),
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        seed=t.seed,
        remove_unused_columns=False,
        label_names=["batch"],
        use_cpu=not torch.cuda.is_available(),
        bf16=t.bf16,
        dataloader_num_workers=workers,
        dataloader_multiprocessing_context="fork" if workers else None,  # they share the examples
        # A batch in which nothing can be calculated leaves the scorer alone.
        ddp_find_unused_parameters=True if PartialState().num_processes > 1 else None,
    )


def _workers() -> int:
    """How many processes make batches ahead: none on a CPU, which computes with all its cores, a few beside a GPU."""
    if not torch.cuda.is_available() or "fork" not in get_all_start_methods():
        return 0
    return min(4, (os.cpu_count() or 1) // 2)
