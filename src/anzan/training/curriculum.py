"""In which order a run meets its examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices


class Item(NamedTuple):
    """What a run asks for: an example, by its number, as the `draw`-th of the run, with so many people left in it
    (None for all).
    """

    example: int
    draw: int
    people: int | None = None


class Curriculum(Sampler[Item]):
    """The examples of a whole run: until `share` of it those in `begin_with`, then all.

    With `grow_from`, problems begin with so many people and reach `people` at `grow_share` of the run, by the square of
    the time: a third of it is for the first few.

    Args:
        lengths: tokens of each example.
        batch_size, steps: the run yields their product; a batch is that of all processes together.
        begin_with: indexes of the examples to begin with.
        share: of the run, 0 to 1.
        clock: the share of its time that the run has used, asked before every batch.
        by_length: batches hold examples of like length; otherwise any.
        seed: decides the order.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        steps: int,
        begin_with: Sequence[int] = (),
        share: float = 0.0,
        clock: Callable[[], float] = lambda: 0.0,
        by_length: bool = True,
        seed: int = 0,
        grow_from: int | None = None,
        grow_share: float = 0.0,
        people: int = 0,
    ):
        self.lengths, self.batch_size, self.steps = lengths, batch_size, steps
        self.begin_with, self.share, self.clock = begin_with, share, clock
        self.by_length, self.seed = by_length, seed
        self.grow_from, self.grow_share, self.people = grow_from, grow_share, people

    def __len__(self) -> int:
        return self.steps * self.batch_size

    def __iter__(self) -> Iterator[Item]:
        order = torch.Generator().manual_seed(self.seed)
        everything = self._forever(range(len(self.lengths)), order)
        beginning = self._forever(self.begin_with, order) if self.begin_with else everything
        for step in range(self.steps):
            # Its own count of steps: a loader reads ahead, and a resumed run reads again what it skips.
            progress = max(step / self.steps, self.clock())
            source = beginning if progress < self.share else everything
            people = self._people(progress)
            for i in range(self.batch_size):
                yield Item(next(source), step * self.batch_size + i, people)

    @property
    def grows_at(self) -> float:
        """The share of the run at which problems begin to grow; 0 if they are whole from the beginning."""
        if self.grow_from is None or self.people <= self.grow_from:
            return 0.0
        return self.grow_share * (1 / (self.people - self.grow_from)) ** 0.5

    def _people(self, progress: float) -> int | None:
        """How many people the problems have now; None for all."""
        if self.grow_from is None or progress >= self.grow_share:
            return None
        return self.grow_from + int((self.people - self.grow_from) * (progress / self.grow_share) ** 2)

    def _forever(self, indexes: Sequence[int], order: torch.Generator) -> Iterator[int]:
        lengths = [self.lengths[i] for i in indexes]
        while True:
            if self.by_length:
                places = get_length_grouped_indices(lengths, self.batch_size, generator=order)
            else:
                places = torch.randperm(len(lengths), generator=order).tolist()
            for i in places:
                yield indexes[i]
