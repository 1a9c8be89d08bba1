"""Warm start: a new scorer first learns from small problems all of whose programs a pre-trained reader has read.

That reader stays as it is meanwhile, so each program is read once and its likelihood does not change. The scorer learns
from the exact marginal likelihood of the answers: expectation-maximisation whose E-step is exact, and annealed. A few
programs drawn for each problem tell much less: where no result is the answer, a wrong one is right in half of the
problems. Of two programs that explain the answers equally well, the one of fewer calls wins (`model.choice.call_cost`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from rich.console import Console
from torch import Tensor
from transformers import get_wsd_schedule

from anzan.progress import progress_bar
from anzan.reader.batch import Batch, collate_examples
from anzan.reader.labels import Example
from anzan.reader.network import CalculatorReader
from anzan.reader.objective import read_losses
from anzan.reader.scored import ScoredPrograms
from anzan.training.data import Examples

MOST_NUMBERS = 4
"""In a text: with one more, it has three times as many programs."""
MOST_CALLS = 2
"""Of a program that is read."""
SURE = 0.9
"""From this posterior probability a program counts as right, and to stop after it is taught until it is as probable.

To teach that earlier would teach to stop at once. Longer programs are not read, and must remain possible.
"""
BATCH_SIZE, STEPS, RATE = 25, 1200, 1e-3
"""Of the scorer's learning. At a higher rate it swings between programs that are right half of the time."""
DEALS = 6
"""How often each text is encoded, its numbers dealt new symbols each time."""
PRIOR, ANNEALED = 0.9, 0.75
"""How much the scorer's own probabilities count in the E-step, and for which share of the steps; then fully.

A program that is right in half of the problems, such as to add what somebody gave away, would win by a little lead
before the scorer can tell these problems from the others, and the right program's probability would vanish. With an
exponent below 1 it grows back. This is deterministic annealing (Ueda and Nakano, 1998) of the prior alone.
"""


@dataclass(frozen=True)
class Enumerated:
    """Problems, and how all their programs of `MOST_CALLS` calls and fewer were read.

    Attributes:
        programs: the first choices (batch, n, calls) of each.
        losses: (batch, n), -log p(answer | program) and the cost of its calls; inf where an example has no such one.
        encoded: the texts, (batch, length, hidden), for each of `DEALS` deals of symbols.
    """

    batch: Batch
    programs: Tensor
    losses: Tensor
    encoded: tuple[Tensor, ...]


def warm_start(
    model: CalculatorReader, examples: Examples, count: int, people: int | None, log: Console, bf16: bool = False
) -> None:
    """Train the scorer alone, in place.

    Args:
        examples: of training; those with at most `MOST_NUMBERS` numbers are used.
        count: how many problems to read.
        people: how many people to leave in possession problems; None for whole ones.
        bf16: compute in bfloat16.
    """

    def autocast() -> torch.autocast:  # a new one each time: within one, weights stay as they were when first used
        return torch.autocast(model.device.type, torch.bfloat16, enabled=bf16)

    with _only_scorer(model), progress_bar(log) as bar:
        chosen = list(islice(_small(examples, people), count))
        batches = [chosen[i : i + BATCH_SIZE] for i in range(0, len(chosen), BATCH_SIZE)]
        with autocast():
            read = [
                enumerate_programs(model, collate_examples(batch, examples.encoder).to(model.device))
                for batch in bar.track(batches, description="reading programs")
            ]
        programs = sum(int(r.losses.isfinite().sum()) for r in read)
        log.print(f"warm start: {programs:,} programs of {len(chosen):,} problems are read")
        optimizer = torch.optim.AdamW(model.scorer.parameters(), lr=RATE)
        scheduler = get_wsd_schedule(
            optimizer, num_warmup_steps=0, num_decay_steps=STEPS // 2, num_training_steps=STEPS
        )
        order = random.Random(0)
        for step in bar.track(range(STEPS if read else 0), description="choosing programs"):
            optimizer.zero_grad()
            prior = PRIOR if step < ANNEALED * STEPS else 1.0
            with autocast():
                loss = marginal_losses(model, order.choice(read), order.randrange(DEALS), prior).mean()
            loss.backward()
            optimizer.step()
            scheduler.step()


def enumerate_programs(model: CalculatorReader, batch: Batch) -> Enumerated:
    """Read all programs of a few problems."""
    with torch.no_grad():
        scored = model.scored(batch)
        assert isinstance(scored, ScoredPrograms)
        first = scored.distribution.first(MOST_CALLS)
        programs = first.everything()
        there = first.log_prob(programs).isfinite()
        losses = torch.full(there.shape, torch.inf, device=there.device)
        for i, own in enumerate(there):  # one at a time: thousands of texts at once take gigabytes
            example = torch.full((int(own.sum()),), i, device=there.device)
            losses[i, own] = read_losses(scored, model, example, programs[i, own])
        cost = model.config.settings.choice.call_cost * scored.lengths(programs)
        texts = [model.views.choosing(model.views.draw(batch, training=True).text) for _ in range(DEALS)]
        encoded = tuple(model.encode(model.embed(t), t.text.attention, t.text.types) for t in texts)
        return Enumerated(batch, programs, losses + cost, encoded)


def marginal_losses(model: CalculatorReader, read: Enumerated, deal: int, prior: float = 1.0) -> Tensor:
    """-log p(answer), (batch,), over the programs that were read.

    Added is -log p(stop) after the program that explains the answer best, where that one is `SURE`.

    Args:
        deal: of the symbols, below `DEALS`.
        prior: exponent g of the programs' probabilities: -log(sum p^g p(answer | program)) / g, whose gradient is that
            of -log p weighted by the posterior, in which p counts as p^g.
    """
    p = model.programs_of(read.batch, read.encoded[deal])
    joint = prior * p.first(MOST_CALLS).log_prob(read.programs) - read.losses
    total = joint.logsumexp(1)
    losses = -total / prior
    if p.length > MOST_CALLS:
        most, best = joint.max(1)
        program = read.programs.gather(1, best[:, None, None].expand(-1, 1, MOST_CALLS))
        stop, sure = p.after(program)[:, 0, -1], math.log(SURE)
        losses = losses - torch.where((most - total > sure) & (stop < sure), stop, 0.0)
    return losses


def _small(examples: Examples, people: int | None) -> Iterator[Example]:
    """The problems of few numbers."""
    for i in range(len(examples)):
        example = examples.example(i, people)
        if len(example.text.mentions) <= MOST_NUMBERS:
            yield example


@contextmanager
def _only_scorer(model: CalculatorReader) -> Iterator[None]:
    """Within it only the scorer learns, without dropout."""
    others = [p for name, p in model.named_parameters() if not name.startswith("scorer.") and p.requires_grad]
    training = model.training
    model.eval()
    for p in others:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in others:
            p.requires_grad_(True)
        model.train(training)
