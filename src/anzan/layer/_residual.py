"""A residual connection around discrete choices that fades out in training."""

from __future__ import annotations

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._noise import ExampleNoise, Source
from anzan.layer._schedules import Scheduled, ScheduledFloat


class DropoutResidual(Scheduled):
    """Adds a residual to a layer's result, in training and for a random part of the examples.

    Dropout residual connections (Friede and Niepert, NeurIPS 2021): early in training, gradients bypass a chain of
    choices; later the network learns to work without the bypass. examples/residual.py measures the effect.

    Example::

        around = DropoutResidual(Schedule(0, 1))  # set_progress(network, 1.0) drops every residual
        state = around(layer(scorer(state), table, embedding).embedded[:, 0], state)

    Args:
        p: the probability that an example's residual is dropped; a number or a `Schedule`, which usually rises to 1.

    Raises:
        AnzanError: p below 0 or above 1.
    """

    def __init__(self, p: ScheduledFloat = 0.5):
        super().__init__(p=p)

    def check(self, **numbers: float) -> None:
        super().check(**numbers)
        if numbers["p"] > 1:
            raise AnzanError(f"p: a number <= 1 needed, got {numbers['p']}")

    def forward(self, result: Tensor, residual: Tensor, generator: Source = None) -> Tensor:
        """`result` (batch, ...), plus `residual` of a shape that broadcasts to it, unless dropped.

        In evaluation mode every residual is dropped.
        """
        if not self.training:
            return result
        if isinstance(generator, ExampleNoise):
            draw = generator.uniform().to(result.device)
        else:
            draw = torch.rand(result.shape[0], device=result.device, generator=generator)
        kept = (draw >= self.now()["p"]).view(-1, *[1] * (result.dim() - 1))
        return result + torch.where(kept, residual, 0.0).to(result.dtype)
