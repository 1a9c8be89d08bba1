"""Other results than the chosen ones, for a look at what hangs on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

from anzan.layer._choice import Choice
from anzan.layer._layer import SymbolicLayer, SymbolicOutput

Choose = Callable[[Choice], Tensor | None]
"""From the layer's own choice, candidates (batch,) to take in its place; None leaves it."""


@contextmanager
def intervene(layer: SymbolicLayer, choose: Choose | None) -> Iterator[list[Choice]]:
    """Within the block, the layer returns the results that `choose` names; None: no result at all.

    What would have been embedded is then zero, and masked. Scores get no gradient from such a choice. The list gets
    each choice that the layer made of its own accord.

    Example::

        with intervene(network.layer, None):
            blanked = network(inputs)
        with intervene(network.layer, lambda choice: torch.randint_like(choice.index, choice.weights.shape[-1])):
            random = network(inputs)
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
