"""Curriculum sampler: the order in which a run meets its examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

FEWEST, FIRST_MOST = 3, 5
"""People in the first problems of a run that grows."""


class Item(NamedTuple):
    """A request for an example.

    Attributes:
        example: its number.
        draw: which draw of the run it is.
        people: how many people to leave in it; None for all.
    """

    example: int
    draw: int
    people: int | None = None


@dataclass(frozen=True)
class Growth:
    """Problems have between `FEWEST` people and a most that grows from `FIRST_MOST` to `people`.

    The most grows linearly until `until` of a run (0 to 1); from then on all problems are whole. Problems of one size
    alone would teach what holds for this size only: of three people, which the first of the two is.
    """

    people: int
    until: float

    def most(self, progress: float) -> int | None:
        """How many people the largest problems have at this progress; None for all."""
        if progress >= self.until:
            return None
        return min(self.people, FIRST_MOST + int((self.people + 1 - FIRST_MOST) * progress / self.until))


class Curriculum(Sampler[Item]):
    """The examples of a whole run.

    Args:
        lengths: tokens of each example.
        batch_size, steps: the run yields their product; a batch is that of all processes together.
        seed: decides the order.
        growth: None for whole problems from the start.
        clock: the share of its time that the run has used, asked before every batch.
        by_length: batches contain examples of similar length; otherwise any.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        steps: int,
        seed: int = 0,
        growth: Growth | None = None,
        clock: Callable[[], float] = lambda: 0.0,
        by_length: bool = True,
    ):
        self.lengths, self.batch_size, self.steps, self.seed = lengths, batch_size, steps, seed
        self.growth, self.clock, self.by_length = growth, clock, by_length

    def __len__(self) -> int:
        return self.steps * self.batch_size

    def __iter__(self) -> Iterator[Item]:
        order = torch.Generator().manual_seed(self.seed)
        examples = self._forever(order)
        for step in range(self.steps):
            # Its own count of steps: a loader reads ahead, and a resumed run reads again what it skips.
            progress = max(step / self.steps, self.clock())
            most = self.growth and self.growth.most(progress)
            for i in range(self.batch_size):
                people = most and int(torch.randint(FEWEST, max(FEWEST, most) + 1, (), generator=order))
                yield Item(next(examples), step * self.batch_size + i, people)

    def _forever(self, order: torch.Generator) -> Iterator[int]:
        while True:
            if self.by_length:
                yield from get_length_grouped_indices(self.lengths, self.batch_size, generator=order)
            else:
                yield from torch.randperm(len(self.lengths), generator=order).tolist()
