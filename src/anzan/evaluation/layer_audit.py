"""Observations, for `audit`, of any network with a `SymbolicLayer` in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.evaluation.interventions import AS_PRINTED, BLANKED, OTHER_RESULTS, WRONG_RESULTS
from anzan.evaluation.verdict import Observed
from anzan.layer import SymbolicLayer, intervene


def observe_layer(
    layer: SymbolicLayer,
    answer: Callable[[], Tensor],
    labels: Tensor,
    program: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
) -> dict[str, Observed]:
    """Observe a network with a `SymbolicLayer` in it, for `audit`.

    Args:
        layer: the layer; each `answer()` calls it once.
        answer: runs the network, in evaluation mode, on n examples and returns its answers (n,).
        labels: the right answers (n,).
        program: the answers (n,) of an exact program if the layer returns the results of these candidates (n,). Without
            it there is no follow rate and no interchange.
        seed: of the candidates that are drawn. They come from the batch of `answer()`, so the table is shared or has
            equally many candidates for each example.

    Raises:
        ValueError: `answer` does not call the layer exactly once.
    """
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad(), intervene(layer, lambda _: None) as own:
        plain = answer()
    if len(own) != 1:
        raise AnzanError(f"answer: calls the layer {len(own)} times; call it once")
    valid = own[0].log_probs.isfinite()
    chosen = own[0].log_probs.argmax(-1) if own[0].index is None else own[0].index
    others = valid.float().scatter(1, chosen[:, None], 0.0).cpu()
    others.scatter_add_(1, chosen[:, None].cpu(), 1e-9 * torch.ones(len(chosen), 1))  # if there is no other
    elsewhere = chosen[torch.randperm(len(chosen), generator=draw).to(chosen.device)]
    drawn = {
        WRONG_RESULTS: others.multinomial(1, generator=draw)[:, 0].to(chosen.device),
        OTHER_RESULTS: torch.where(valid.gather(1, elsewhere[:, None])[:, 0], elsewhere, chosen),
    }
    observed = {AS_PRINTED: _scored(plain, labels)}
    with torch.no_grad(), intervene(layer, None):
        observed[BLANKED] = _scored(answer(), labels)
    for name, index in drawn.items():
        with torch.no_grad(), intervene(layer, lambda _, index=index: index):
            answers = answer()
        follows: list[bool | None] = []
        if program is not None:
            expected = program(index)
            differs = (expected != program(chosen)).tolist()
            right = (answers == expected).tolist()
            follows = [same if known else None for same, known in zip(right, differs, strict=True)]
        observed[name] = replace(_scored(answers, labels), follows=follows, shown=(index != chosen).tolist())
    return observed


def _scored(answers: Tensor, labels: Tensor) -> Observed:
    return Observed(answers.tolist(), (answers == labels).float().tolist())
