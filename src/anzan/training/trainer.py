"""transformers' Trainer for readers: our losses in its log, our metrics as its evaluation, our curriculum."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset, Sampler
from transformers import Trainer

from anzan.evaluation.predictions import evaluate
from anzan.reader.batch import Batch, collate_examples
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example
from anzan.reader.network import CalculatorReader
from anzan.reader.reader import Reader
from anzan.reader.terms import PARTS, Part
from anzan.tasks.problem import Problem
from anzan.training.clock import Clock
from anzan.training.curriculum import Curriculum
from anzan.training.learning_rates import set_learning_rates
from anzan.training.pause import Pause
from anzan.training.settings import SCORES


@dataclass
class Means:
    """Running means by name."""

    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, name: str, value: float, count: int = 1) -> None:
        """Add a sum over so many."""
        self.sums[name] += value
        self.counts[name] += count

    def take(self) -> dict[str, float]:
        """The means so far, to four decimals; then they begin anew."""
        means = {name: round(self.sums[name] / n, 4) for name, n in self.counts.items() if n}
        self.sums.clear()
        self.counts.clear()
        return means


@dataclass(frozen=True)
class Parts:
    """What a `ReaderTrainer` works with, beside what transformers' Trainer takes.

    Attributes:
        encoder: of the texts.
        dev: the problems that it evaluates on.
        sampler: the order of examples.
        clock: how much of the run is done.
        pause: pauses it.
        rates: the learning rate of every parameter, by name.
    """

    encoder: TextEncoder
    dev: Sequence[Problem]
    sampler: Curriculum
    clock: Clock
    pause: Pause
    rates: dict[str, float]


class ReaderTrainer(Trainer):
    """Trains a `CalculatorReader`.

    Attributes:
        measured: what was measured on the development split, by step.
    """

    def __init__(self, parts: Parts, **kwargs: Any):
        super().__init__(**kwargs)
        self.parts = parts
        self.measured: dict[int, dict[str, Any]] = {}
        self._means = Means()

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        return self.parts.sampler

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted."""
        return 0

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Each part of the reader learns at its own rate, see `anzan.training.learning_rates`."""
        optimizer = super().create_optimizer(model)
        assert self.model is not None
        set_learning_rates(optimizer, self.model, self.parts.rates)
        return optimizer

    def create_scheduler(self, *args: Any, **kwargs: Any) -> Any:
        """The learning rate follows the clock of the run, so that it has come down when the time is over."""
        scheduler = super().create_scheduler(*args, **kwargs)
        clock = self.parts.clock
        if isinstance(scheduler, LambdaLR):
            scheduler.lr_lambdas = [
                lambda step, rate=rate: rate(max(step, round(clock.progress * clock.steps)))
                for rate in scheduler.lr_lambdas
            ]
        return scheduler

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        batch: Batch = inputs["batch"]
        out = model(batch)
        if self.accelerator.num_processes > 1:
            out.loss = self._over_processes(out.parts)
        for name, part in (("span_loss", "span"), ("argument_loss", "argument")):
            if part in out.parts:
                self._means.add(name, float(out.parts[part].mean().detach()))
        if out.log_probs is not None and batch.labels is not None and batch.labels.gold is not None:
            gold = batch.labels.gold
            right = gold.gather(1, out.log_probs.argmax(-1, keepdim=True))[:, 0]
            self._means.add("argument_accuracy", 100 * float(right.sum()), int(gold.any(-1).sum()))
        return (out.loss, out) if return_outputs else out.loss

    def _over_processes(self, parts: dict[str, Part]) -> Tensor:
        """The loss with which the mean of all processes' gradients is that of one process with all examples.

        Each part is divided by its count over all of them, whether it has come up here or not.
        """
        assert isinstance(self.model, CalculatorReader)
        names = PARTS
        zero = torch.zeros((), device=self.accelerator.device)
        here = torch.stack([parts[name].count if name in parts else zero for name in names])
        counts: Any = self.accelerator.reduce(here, "mean")
        return torch.stack([parts[n].mean(c) for n, c in zip(names, counts, strict=True) if n in parts]).sum()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            logs |= self._means.take()
        logs["progress"] = self.parts.clock.progress
        logs["seconds"] = round(self.parts.pause.spent, 1)
        logs["examples"] = self.state.global_step * self.args.train_batch_size * self.accelerator.num_processes
        super().log(logs, start_time)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        assert isinstance(self.model, CalculatorReader)
        reader = Reader(self.model, self.parts.encoder.tokenizer)
        metrics = evaluate(reader, self.parts.dev)
        self.measured[self.state.global_step] = metrics
        self.model.train()
        logged = {f"eval_{k}": metrics[k] for k in SCORES if metrics.get(k) is not None}
        self.log(dict(logged))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, logged)
        return logged


def collator(encoder: TextEncoder, seed: int) -> Callable[[list[tuple[Example, int]]], dict[str, Any]]:
    """Makes a `Batch` of examples and the draws of the run that they are, whose noise is that of `seed`."""

    def collate(drawn: list[tuple[Example, int]]) -> dict[str, Any]:
        examples = [example for example, _ in drawn]
        draws = torch.tensor([draw for _, draw in drawn]) + (seed << 40)
        return {"batch": replace(collate_examples(examples, encoder), draws=draws)}

    return collate
