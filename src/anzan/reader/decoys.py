"""Decoys: random digits in the place of the numbers that went into the calculator, as the reader sees them.

The text and the printed operands show the same decoys, so which operand is whose can still be told; the results are
true. Nothing about the numbers themselves can then be read but from the results.
"""

from __future__ import annotations

import torch
from torch import Tensor

from anzan.layer import ExampleNoise

WIDTH = 32
"""Digits of a decoy; a longer number repeats them."""


def draw_decoys(
    batch: int, numbers: int, device: torch.device, random: bool = True, noise: ExampleNoise | None = None
) -> Tensor:
    """Digits 0 to 9, the first of each number above 0: (batch, numbers, WIDTH).

    Not random, they are the same for every text and in every call. `noise` is where they come from otherwise; None is
    torch's own generator.
    """
    if random and noise is not None:
        drawn = noise.uniform(numbers, WIDTH)
    else:
        generator = None if random else torch.Generator().manual_seed(0)
        drawn = torch.rand(batch if random else 1, numbers, WIDTH, generator=generator)
    digits = (10 * drawn).long()
    # Of the same draw: a number's decoy does not hang on how many numbers the other texts of its batch have.
    digits[..., 0] = 1 + (9 * drawn[..., 0]).long()
    return digits.expand(batch, -1, -1).to(device)


def disguise(ids: Tensor, places: Tensor, decoys: Tensor, digit_ids: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Token ids with the digits of numbers replaced.

    Args:
        ids: (batch, length).
        places: (batch, length), number * WIDTH + digit for each token that is a digit of a number, -1 elsewhere.
        decoys: (batch, numbers, WIDTH).
        digit_ids: (2, 10), the ids of the digits at a word's beginning and inside.
        hidden: bool (batch, numbers), the numbers to replace; all by default.
    """
    there = disguised(places, hidden)
    digits = decoys.flatten(1).gather(1, places.clamp_min(0))
    inside = torch.isin(ids, digit_ids[1]).long()
    return torch.where(there, digit_ids[inside, digits], ids)


def disguised(places: Tensor, hidden: Tensor | None) -> Tensor:
    """Which tokens `disguise` replaces, bool (batch, length)."""
    there = places >= 0
    if hidden is None:
        return there
    return there & hidden.gather(1, places.clamp_min(0) // WIDTH)
