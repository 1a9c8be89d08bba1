"""Learning rates for each part of a reader: what is new, what is pre-trained, and the encoder layer by layer.

The first layers hold what pre-training has taught, which heads that know nothing yet soon spoil; the last layers must
change most. So rates fall from the last layer down (ULMFiT, Howard and Ruder, ACL 2018, section 3.2).
"""

from __future__ import annotations

import re
from collections import defaultdict

from torch import nn
from torch.optim import Optimizer

from anzan.reader.network import CalculatorReader

_LAYER = re.compile(r"\.layers?\.(\d+)\.")


def learning_rates(
    model: CalculatorReader, encoder: float, heads: float | None = None, decay: float = 1.0
) -> dict[str, float]:
    """The learning rate of every parameter of a reader, by name.

    Args:
        encoder: of the encoder's last layer, and of pre-trained heads (`CalculatorReader.pretrained`): at the rate of
            new ones they forget in a few steps what they have learnt.
        heads: of everything else; by default the same.
        decay: the rate of each layer as a share of the rate of the next; the embeddings come before the first layer.
    """
    names = [name for name, _ in model.named_parameters()]
    depths, depth = {}, -1
    for name in names:
        if name.startswith("encoder."):
            found = _LAYER.search(name)
            depth = int(found[1]) if found else depth
            depths[name] = depth
    top = max(depths.values(), default=-1)
    new = encoder if heads is None else heads

    def rate(name: str) -> float:
        if name in depths:
            return encoder * decay ** (top - depths[name])
        return encoder if name in model.pretrained else new

    return {name: rate(name) for name in names}


def set_learning_rates(optimizer: Optimizer, model: nn.Module, rates: dict[str, float]) -> None:
    """Split the optimizer's groups so that each parameter learns at its own rate."""
    rate = {id(p): rates[name] for name, p in model.named_parameters()}
    for group in list(optimizer.param_groups):
        alike = defaultdict(list)
        for p in group["params"]:
            alike[rate[id(p)]].append(p)
        groups = [{**group, "lr": each, "params": params} for each, params in alike.items()]
        group.update(groups[0])
        for other in groups[1:]:
            optimizer.add_param_group(other)
