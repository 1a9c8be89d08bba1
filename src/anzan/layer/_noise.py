"""Where noise comes from: torch's generators, or the examples themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from anzan.errors import AnzanError

# SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), as signed 64-bit numbers.
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_STEPS = ((30, 0xBF58476D1CE4E5B9 - (1 << 64)), (27, 0x94D049BB133111EB - (1 << 64)), (31, 1))


class ExampleNoise:
    """Noise that hangs on the example alone.

    What an example draws is the same whatever stands beside it in its batch and however far that is padded, on one
    process or on many, and in a run that was stopped and goes on. Each draw takes the next stream, so that the second
    one differs from the first.

    Args:
        keys: integers (batch,), one an example; give each its own at each step, and the same noise comes again.

    Raises:
        ValueError: keys of another shape or kind.
    """

    def __init__(self, keys: Tensor):
        if keys.dim() != 1 or keys.is_floating_point():
            raise AnzanError(f"keys: integers of shape (batch,) needed, got {keys.dtype} {tuple(keys.shape)}")
        self.keys = keys.long()
        self.streams = 0

    def uniform(self, *shape: int) -> Tensor:
        """Draws between 0 and 1, neither included: (batch, *shape), float64."""
        self.streams += 1
        state = _mixed(self.keys + torch.full_like(self.keys, self.streams) * _GOLDEN)  # a tensor wraps around
        for size in shape:
            place = torch.arange(1, size + 1, device=state.device)
            state = _mixed(state[..., None] + place * _GOLDEN)
        # The upper 53 bits, in the middle of their interval.
        return ((state >> 11) & ((1 << 53) - 1)).double().add_(0.5).mul_(2.0**-53)

    def behind(self, example: Tensor, branch: Tensor) -> ExampleNoise:
        """Noise for what follows from a branch of an example, such as a candidate that was chosen there.

        Args:
            example: integers (n,), places in the batch.
            branch: integers (n,).
        """
        return ExampleNoise(_mixed(_mixed(self.keys[example]) + (branch.long() + 1) * _GOLDEN))


Source = torch.Generator | ExampleNoise | None
"""What can be given as `generator`: None is torch's own, which all draws share."""


def gumbel_noise(scores: Tensor, generator: Source = None) -> Tensor:
    """Standard Gumbel noise of the shape, dtype and device of `scores`: -log of an exponential draw.

    Raises:
        ValueError: noise for another number of examples than `scores` has.
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
        state = (state ^ ((state >> shift) & ((1 << (64 - shift)) - 1))) * factor  # the shift of an unsigned number
    return state
