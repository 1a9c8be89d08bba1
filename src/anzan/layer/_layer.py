"""The symbolic layer: a choice among candidates, then lookup of F's result."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from anzan.errors import AnzanError
from anzan.layer._choice import Choice
from anzan.layer._estimators import StraightThrough
from anzan.layer._lookup import lookup
from anzan.layer._noise import Source
from anzan.layer._supervision import argument_loss
from anzan.layer._table import ResultTable


class SymbolicOutput(NamedTuple):
    """Embedded results (batch, length, hidden), their mask (batch, length), and the choice."""

    embedded: Tensor
    mask: Tensor
    choice: Choice


class SymbolicLayer(nn.Module):
    """Chooses one candidate by its score and embeds F's result for it.

    z = dargmax(s), F(s) = Σ zᵢEᵢ (Yoshikawa, Heinzerling and Inui, NLP2022). The forward pass is one run of ordinary
    code; the backward pass trains the scores through the network that reads the result.

    Args:
        estimator: a module from scores (batch, candidates) and mask to a `Choice`. Default: `StraightThrough()`.
    """

    def __init__(self, estimator: nn.Module | None = None):
        super().__init__()
        self.estimator = StraightThrough() if estimator is None else estimator

    def forward(
        self, scores: Tensor, table: ResultTable, embedding: Tensor, generator: Source = None
    ) -> SymbolicOutput:
        """
        Args:
            scores: (batch, candidates).
            table: results of F, (batch or 1, candidates, length).
            embedding: (vocabulary, hidden), the embedding matrix of the network that reads the result.
            generator: source of the estimator's noise.

        Raises:
            AnzanError: scores that do not match the table.
        """
        batch, candidates, _ = table.ids.shape
        if scores.dim() != 2 or scores.shape[1] != candidates or batch not in (1, scores.shape[0]):
            wanted = f"({'batch' if batch == 1 else batch}, {candidates})"
            raise AnzanError(f"scores: shape {wanted} needed to match the table, got {tuple(scores.shape)}")
        noise = {} if generator is None else {"generator": generator}
        choice: Choice = self.estimator(scores, table.valid.expand_as(scores), **noise)
        embedded, mask = lookup(choice, table, embedding)
        return SymbolicOutput(embedded, mask, choice)

    argument_loss = staticmethod(argument_loss)
