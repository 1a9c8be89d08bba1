"""Interventions: replace the results that a layer chose, to see what depends on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

from anzan.layer._choice import Choice
from anzan.layer._layer import SymbolicLayer, SymbolicOutput

Choose = Callable[[Choice], Tensor | None]
"""From the layer's own choice to the candidates (batch,) that replace it; None keeps it."""


@contextmanager
def intervene(layer: SymbolicLayer, choose: Choose | None) -> Iterator[list[Choice]]:
    """Within the block, the layer returns the results that `choose` selects.

    Example::

        with intervene(network.layer, None):
            blanked = network(inputs)
        with intervene(network.layer, lambda choice: torch.randint_like(choice.index, choice.weights.shape[-1])):
            random = network(inputs)

    Args:
        layer: the layer to intervene in.
        choose: selects the candidates. None blanks the result: the embedded rows are 0 and their mask is False. Scores
            get no gradient from a replaced choice.

    Yields:
        A list to which the layer's own choices are appended, one per forward pass.
    """
    own: list[Choice] = []

    def chosen(_: object, __: object, choice: Choice) -> Choice | None:
        own.append(choice)
        if choose is None:
            return None
        index = choose(choice)
        if index is None:
            return None
        weights = F.one_hot(index, choice.weights.shape[-1]).to(choice.weights)
        return Choice(weights, choice.log_probs, index)

    def blanked(_: object, __: object, out: SymbolicOutput) -> SymbolicOutput | None:
        if choose is not None:
            return None
        return SymbolicOutput(torch.zeros_like(out.embedded), torch.zeros_like(out.mask), out.choice)

    hooks = [layer.estimator.register_forward_hook(chosen), layer.register_forward_hook(blanked)]
    try:
        yield own
    finally:
        for hook in hooks:
            hook.remove()
