"""Sources of noise: torch's generators, or keys of the examples."""

from __future__ import annotations

import torch
from torch import Tensor

from anzan.errors import AnzanError

# SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), as signed 64-bit numbers.
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_STEPS = ((30, 0xBF58476D1CE4E5B9 - (1 << 64)), (27, 0x94D049BB133111EB - (1 << 64)), (31, 1))


class ExampleNoise:
    """Noise that depends only on the example.

    An example draws the same noise in any batch and with any padding, on one process or many, and in a run that is
    interrupted and resumed. Each draw uses a new stream, so consecutive draws differ.

    Example::

        noise = ExampleNoise(step * dataset_size + positions)  # (batch,)
        choice = straight_through(scores, generator=noise)

    Args:
        keys: integers (batch,). The same key gives the same noise again, so each example needs a new one at each step.

    Raises:
        AnzanError: keys that are not integers of shape (batch,).
    """

    def __init__(self, keys: Tensor):
        if keys.dim() != 1 or keys.is_floating_point():
            raise AnzanError(f"keys: integers of shape (batch,) needed, got {keys.dtype} {tuple(keys.shape)}")
        self.keys = keys.long()
        self.streams = 0

    def uniform(self, *shape: int) -> Tensor:
        """Uniform draws between 0 and 1, both excluded: (batch, *shape), float64."""
        self.streams += 1
        state = _mixed(self.keys + torch.full_like(self.keys, self.streams) * _GOLDEN)  # int64 tensors wrap around
        for size in shape:
            place = torch.arange(1, size + 1, device=state.device)
            state = _mixed(state[..., None] + place * _GOLDEN)
        # The upper 53 bits, at the middle of their interval.
        return ((state >> 11) & ((1 << 53) - 1)).double().add_(0.5).mul_(2.0**-53)

    def branch(self, example: Tensor, choice: Tensor) -> ExampleNoise:
        """Noise for what follows a choice, such as the next call after a candidate: its own for each choice.

        Args:
            example: integers (n,), positions in the batch.
            choice: integers (n,), what was chosen there.

        Returns:
            The noise of n branches.
        """
        return ExampleNoise(_mixed(_mixed(self.keys[example]) + (choice.long() + 1) * _GOLDEN))


Source = torch.Generator | ExampleNoise | None
"""What `generator` accepts: None is torch's global generator."""


def gumbel_noise(scores: Tensor, generator: Source = None) -> Tensor:
    """Standard Gumbel noise with the shape, dtype and device of `scores`: -log of an exponential draw.

    Raises:
        AnzanError: an `ExampleNoise` for a different number of examples.
    """
    if isinstance(generator, ExampleNoise):
        if scores.dim() < 2 or len(scores) != len(generator.keys):
            raise AnzanError(f"keys: one for each of {len(scores)} examples needed, got {len(generator.keys)}")
        draw = -torch.log1p(-generator.uniform(*scores.shape[1:])).to(scores.device, scores.dtype)
    else:
        draw = torch.empty_like(scores, memory_format=torch.contiguous_format).exponential_(generator=generator)
    return -draw.clamp_min(torch.finfo(scores.dtype).tiny).log()


def _mixed(state: Tensor) -> Tensor:
    for shift, factor in _STEPS:
        state = (state ^ ((state >> shift) & ((1 << (64 - shift)) - 1))) * factor  # an unsigned shift
    return state
