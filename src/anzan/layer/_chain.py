"""Several choices, one result: chains of calls, and functions of several arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from anzan.errors import AnzanError
from anzan.layer._choice import Choice
from anzan.layer._estimators import StraightThrough
from anzan.layer._lookup import embed, lookup
from anzan.layer._noise import Source
from anzan.layer._table import ResultTable

ResultsAt = Callable[[Tensor], ResultTable]
"""From the candidates that each step chose, (batch, n, steps), to the results, (batch, n, length)."""


class ChainOutput(NamedTuple):
    """Embedded results (batch, length, hidden), their mask (batch, length), and each step's choice."""

    embedded: Tensor
    mask: Tensor
    choices: list[Choice]


class SymbolicChain(nn.Module):
    """Chooses a candidate at every step and embeds F's result for all of these choices together.

    For two steps R = Σᵢⱼ z¹ᵢ z²ⱼ Eᵢⱼ, and so on: the last result is a function of every choice, and the scores of each
    step get their gradient through F itself. With hard choices (i*, j*) that gradient needs only the row Eᵢⱼ* and the
    column Eᵢ*ⱼ: |A¹| + |A²| + ... runs of F instead of |A¹| |A²| ..., and a single run without gradients. A function of
    several arguments, each with its own scores, works the same way.

    Args:
        estimator: used at each step; its choice must have an index. Default `StraightThrough()`. More noise helps
            chains (Friede and Niepert, NeurIPS 2021): ``StraightThrough(noise_scale=Schedule(2, 1))``. See also
            `DropoutResidual`.
    """

    def __init__(self, estimator: nn.Module | None = None):
        super().__init__()
        self.estimator = StraightThrough() if estimator is None else estimator

    def forward(
        self,
        scores: Sequence[Tensor],
        results_at: ResultsAt,
        embedding: Tensor,
        masks: Sequence[Tensor | None] | None = None,
        generator: Source = None,
    ) -> ChainOutput:
        """
        Args:
            scores: for each step, (batch, candidates of the step).
            results_at: runs F, such as `SymbolicFunction.at`.
            embedding: (vocabulary, hidden), the embedding matrix of the network that reads the result.
            masks: for each step, bool (batch, candidates), True at valid candidates. Default: all. If F has no result
                for the choices of all steps together, the embedded result is empty.
            generator: source of the estimator's noise.

        Raises:
            AnzanError: no step, a step without candidates, different batch sizes, a soft estimator, or results of the
                wrong shape.
        """
        shapes = [tuple(s.shape) for s in scores]
        if not shapes or any(len(s) != 2 or s[1] == 0 or s[0] != shapes[0][0] for s in shapes):
            raise AnzanError(f"scores: (batch, candidates), one or more, needed for each step, got {shapes}")
        noise = {} if generator is None else {"generator": generator}
        masks = masks or [None] * len(shapes)
        choices = [self.estimator(s, m, **noise) for s, m in zip(scores, masks, strict=True)]
        if any(choice.index is None for choice in choices):
            raise AnzanError(
                "estimator: one that chooses a candidate needed; a soft one would run F on every combination of steps"
            )
        chosen = torch.stack([choice.index for choice in choices], -1)
        if not (torch.is_grad_enabled() and any(choice.weights.requires_grad for choice in choices)):
            table = _run(results_at, chosen[:, None])
            return ChainOutput(*embed(table.rows(chosen.new_zeros(len(chosen))), embedding), choices)
        table = _run(results_at, torch.cat([_varied(chosen, k, n) for k, (_, n) in enumerate(shapes)], 1))
        parts = []
        for choice, ids, valid in zip(
            choices,
            table.ids.split([n for _, n in shapes], 1),
            table.valid.split([n for _, n in shapes], 1),
            strict=True,
        ):
            # Every step looks up the same result: the first for its value, the others only for their gradient.
            parts.append(lookup(choice, ResultTable(ids, valid), embedding if not parts else embedding.detach()))
        (embedded, mask), *others = parts
        return ChainOutput(embedded + sum(other - other.detach() for other, _ in others), mask, choices)


def _varied(chosen: Tensor, step: int, candidates: int) -> Tensor:
    """(batch, candidates, steps): one step takes each of its candidates in turn, the others keep their choice."""
    index = chosen[:, None].repeat(1, candidates, 1)
    index[..., step] = torch.arange(candidates, device=chosen.device)
    return index


def _run(results_at: ResultsAt, index: Tensor) -> ResultTable:
    table = results_at(index)
    if table.ids.shape[:2] != index.shape[:2]:
        raise AnzanError(
            f"results_at: results of shape {(*index.shape[:2], 'length')} needed, got {tuple(table.ids.shape)}"
        )
    return table
