"""A way around discrete choices that closes while a network trains."""

from __future__ import annotations

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._noise import ExampleNoise, Source
from anzan.layer._schedules import Scheduled, Settings


class DropoutResidual(Settings):
    """Adds a residual to the layer's result in training, for a part of the examples only, and never in evaluation.

    Dropout residual connections (Friede and Niepert, NeurIPS 2021): early on, gradients reach the network in front of a
    chain of choices past the choices; later the network has to do without.

    Args:
        p: the probability that an example goes without; a number or a `Schedule`, which usually rises to 1.

    Raises:
        ValueError: p below 0 or above 1.
    """

    def __init__(self, p: Scheduled = 0.5):
        super().__init__(p=p)

    def check(self, **numbers: float) -> None:
        super().check(**numbers)
        if numbers["p"] > 1:
            raise AnzanError(f"p: a number <= 1 needed, got {numbers['p']}")

    def forward(self, result: Tensor, residual: Tensor, generator: Source = None) -> Tensor:
        """`result` (batch, ...) with `residual`, of the same shape or one that broadcasts to it, added where kept."""
        if not self.training:
            return result
        if isinstance(generator, ExampleNoise):
            draw = generator.uniform().to(result.device)
        else:
            draw = torch.rand(result.shape[0], device=result.device, generator=generator)
        kept = (draw >= self.now()["p"]).view(-1, *[1] * (result.dim() - 1))
        return result + torch.where(kept, residual, 0.0).to(result.dtype)
