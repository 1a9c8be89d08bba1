"""The symbolic layer: a choice among candidates followed by lookup of F's result."""

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
    """Embedded results (batch, length, hidden), their mask (batch, length), and the choice that led to them."""

    embedded: Tensor
    mask: Tensor
    choice: Choice


class SymbolicLayer(nn.Module):
    """Chooses one candidate by score and embeds what F returned for it.

    z = dargmax(s), F(s) = Σ zᵢEᵢ (Yoshikawa, Heinzerling and Inui, NLP2022): forward is one run of ordinary code,
    backward trains the scores through the network that reads the result.

    Args:
        estimator: a Module from scores (batch, candidates) and mask to a `Choice`; default `StraightThrough()`.
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
            ValueError: scores that do not go with the table.
        """
        batch, candidates, _ = table.ids.shape
        if scores.dim() != 2 or scores.shape[1] != candidates or batch not in (1, scores.shape[0]):
            wanted = f"({'batch' if batch == 1 else batch}, {candidates})"
            raise AnzanError(f"scores: shape {wanted} needed to go with the table, got {tuple(scores.shape)}")
        noise = {} if generator is None else {"generator": generator}
        choice: Choice = self.estimator(scores, table.valid.expand_as(scores), **noise)
        embedded, mask = lookup(choice, table, embedding)
        return SymbolicOutput(embedded, mask, choice)

    argument_loss = staticmethod(argument_loss)
