"""The terms of a reader's loss: its span loss, and what is added to it.

A term is a module `(scored, outcome, reader) -> Part | None`; `make_terms` lists those that the settings ask for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from anzan.layer import argument_loss
from anzan.reader.settings import ReaderSettings

if TYPE_CHECKING:
    from anzan.reader.network import CalculatorReader
    from anzan.reader.objective import Outcome
    from anzan.reader.scored import Scored


@dataclass(frozen=True)
class Part:
    """A part of the loss: a sum over the examples that count for it, and how many those are."""

    sum: Tensor
    count: Tensor

    @classmethod
    def of(cls, losses: Tensor, counted: Tensor | None = None) -> Part:
        """Losses (batch,) of the examples that are counted, bool (batch,); by default all."""
        if counted is None:
            return cls(losses.sum(), losses.new_tensor(len(losses)))
        return cls(losses.masked_fill(~counted, 0.0).sum(), counted.sum().to(losses.dtype))

    def mean(self, count: Tensor | None = None) -> Tensor:
        """The mean; 0 if nothing counts. `count` replaces the part's own."""
        count = self.count if count is None else count
        return self.sum / torch.where(count > 0, count, 1.0)

    def __mul__(self, weight: float) -> Part:
        return Part(weight * self.sum, self.count)


class Span(nn.Module):
    """The span loss itself."""

    name = "span"

    def forward(self, scored: Scored, outcome: Outcome, reader: CalculatorReader) -> Part:
        return outcome.span


class Calls(nn.Module):
    """The cost of calls. Without it a call that tells nothing new is as good as to stop."""

    name = "calls"

    def __init__(self, cost: float):
        super().__init__()
        self.cost = cost

    def forward(self, scored: Scored, outcome: Outcome, reader: CalculatorReader) -> Part | None:
        return None if outcome.drawn is None else Part.of(self.cost * scored.calls_made(outcome.drawn))


class Arguments(nn.Module):
    """The argument loss on the pairs whose result equals the answer (Yoshikawa et al., NLP2022)."""

    name = "argument"

    def __init__(self, kind: Any):
        super().__init__()
        self.kind = kind

    def forward(self, scored: Scored, outcome: Outcome, reader: CalculatorReader) -> Part | None:
        log_probs, acceptable, valid = scored.supervised()
        if not log_probs.shape[1]:
            return None
        losses = argument_loss(log_probs, acceptable, valid, self.kind, reduction="none")
        return Part.of(losses, (acceptable & valid).any(-1))


class Terms(nn.Module):
    """All terms of a loss, as parts by name."""

    def __init__(self, terms: Iterable[nn.Module]):
        super().__init__()
        self.terms = nn.ModuleList(terms)

    def forward(self, scored: Scored, outcome: Outcome, reader: CalculatorReader) -> dict[str, Part]:
        made = ((str(term.name), term(scored, outcome, reader)) for term in self.terms)
        return {name: part for name, part in made if part is not None}


PARTS = ("span", "calls", "argument")
"""All parts that a loss can have."""


def make_terms(settings: ReaderSettings) -> Terms:
    """The terms that the settings ask for."""
    kind = settings.supervision.argument_loss
    terms: list[nn.Module] = [Span()]
    if settings.choice.call_cost:
        terms.append(Calls(settings.choice.call_cost))
    if kind != "none":
        terms.append(Arguments(kind))
    return Terms(terms)
