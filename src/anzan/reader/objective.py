"""How the reading of a result trains the choice of arguments: one result an example, or several.

Both implement one protocol, `Objective`. The calls of a reader are no `anzan.layer.SymbolicChain`: there all steps have
their scores and candidates in advance, here the next call pairs what the last one has printed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from anzan import layer
from anzan.errors import AnzanError
from anzan.layer import Choice, Estimate, ExampleNoise, ResultTable, StraightThrough, SymbolicLayer
from anzan.reader.batch import Batch
from anzan.reader.settings import ChoiceSettings
from anzan.reader.spans import span_loss
from anzan.reader.terms import Part
from anzan.reader.views import Drawn, View, Views

if TYPE_CHECKING:
    from anzan.reader.network import CalculatorReader, SpanLogits

ESTIMATORS: dict[str, type[layer.Estimator]] = {
    "straight-through": layer.StraightThrough,
    "decoupled-straight-through": layer.DecoupledStraightThrough,
    "gumbel-rao": layer.GumbelRao,
    "reinmax": layer.ReinMax,
    "relaxed-gumbel-softmax": layer.RelaxedGumbelSoftmax,
    "sparsemax": layer.Sparsemax,
    "top-k-softmax": layer.TopKSoftmax,
}
OBJECTIVES: dict[str, Callable[..., Estimate]] = {
    "exact-marginal": layer.exact_marginal,
    "top-k-marginal": layer.top_k_marginal,
    "sampled-marginal": layer.sampled_marginal,
    "leave-one-out": layer.leave_one_out,
    "unordered-set": layer.unordered_set,
}
_COUNTS = ("samples", "k")

NO_ANSWER = 20.0
"""-log p(answer) where it is neither in the text nor in a candidate's row: certain failure, kept finite."""


@dataclass(frozen=True)
class Scored:
    """A call of the calculator whose candidates have their scores.

    Attributes:
        call: how many calls came before.
        last: whether the answer is read after this one.
        scores: (batch, candidates).
        table: the rows that the calculator prints for the candidates, masked.
        drawn: what is drawn for the views of the batch.
        noise: the source of the estimator's noise; None for torch's own generator.
    """

    call: int
    last: bool
    batch: Batch
    scores: Tensor
    table: ResultTable
    drawn: Drawn
    noise: ExampleNoise | None

    def reading(self, views: Views, example: Tensor, chosen: Tensor) -> tuple[View, Tensor]:
        """The view in which the answer is read once candidates are chosen, and the answer's spans there.

        Args:
            example: integers (n,), examples of the batch; one may come up several times.
            chosen: integers (n,), a candidate of each.

        Returns:
            A view of n examples, and spans (n, spans, 2), -1 for none.
        """
        candidates, labels = self.batch.candidates, self.batch.labels
        assert candidates is not None and labels is not None and labels.row_spans is not None
        row = torch.where(self.table.valid[example, chosen][..., None], self.table.ids[example, chosen], -1)
        arguments = candidates.pairs[example, chosen]
        view = views.reading(self.batch.text.select(example), self.drawn.select(example), arguments, row)
        spans = labels.text_spans[example]
        if view.masked is not None:
            gone = view.masked.gather(1, spans[..., 0].clamp_min(0)) & (spans[..., 0] >= 0)
            spans = spans.masked_fill(gone[..., None], -1)
        in_row = labels.row_spans[example, chosen]
        fresh = torch.where(in_row >= 0, in_row + view.attention.sum(1)[:, None, None], -1)
        return view, torch.cat([spans, fresh], 1)


@dataclass(frozen=True)
class Outcome:
    """What an objective makes of a call.

    Attributes:
        losses: (batch,), the span loss of each example.
        readable: bool (batch,), the answer is somewhere where it can be read.
        choice: of the arguments; None where there was nothing to choose.
        logits: None where several candidates have been read.
        parts: of the loss, added by later calls.
    """

    losses: Tensor
    readable: Tensor
    choice: Choice | None
    logits: SpanLogits | None = None
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def span(self) -> Part:
        """The span loss, of the examples whose answer can be read."""
        return Part.of(self.losses, self.readable)


class Objective(Protocol):
    """From a call whose candidates have their scores to the loss of what is read after it."""

    def __call__(self, scored: Scored, reader: CalculatorReader) -> Outcome: ...


class OneResult(nn.Module):
    """One result an example, chosen and embedded by the symbolic layer: any estimator of `anzan.layer`."""

    def __init__(self, estimator: nn.Module | None = None):
        super().__init__()
        self.layer = SymbolicLayer(estimator)

    def forward(self, scored: Scored, reader: CalculatorReader) -> Outcome:
        row, row_mask, choice = self.layer(scored.scores, scored.table, reader.embedding, scored.noise)
        chosen = choice.log_probs.argmax(-1) if choice.index is None else choice.index
        view, spans = scored.reading(reader.views, torch.arange(len(chosen), device=chosen.device), chosen)
        view = view.with_row_mask(row_mask)
        logits = reader.read_embedded(reader.embed(view, row), view)
        return Outcome(span_loss(*logits, spans), (spans[..., 0] >= 0).any(-1), choice, logits)


class SeveralResults(nn.Module):
    """The results of several candidates for each example: any objective of `anzan.layer`.

    In evaluation mode the most probable candidate's result alone, unless calls follow.

    Args:
        objective: such as `anzan.layer.unordered_set`.
        sure: an example whose most probable candidate has at least this probability is read with that one alone; the
            others are taken to do as well, so its scores stay. It saves most of the reading once the choice is learnt.
        options: keyword arguments of `objective`.
    """

    def __init__(self, objective: Callable[..., Estimate], sure: float = 1.0, **options: float):
        super().__init__()
        self.objective, self.sure, self.options = objective, sure, options
        self.noisy = "generator" in inspect.signature(objective).parameters
        self.one = OneResult(StraightThrough())

    def forward(self, scored: Scored, reader: CalculatorReader) -> Outcome:
        if not self.training and scored.last and not scored.call:
            return self.one(scored, reader)
        valid = scored.table.valid
        choice: Choice = self.one.layer.estimator(scored.scores, valid, scored.noise)
        log_probs, parts = choice.log_probs.detach(), dict[str, Part]()

        def loss_of(index: Tensor) -> Tensor:
            needed = self.to_read(index, log_probs)
            example, chosen = needed.nonzero()[:, 0], index[needed]
            losses = (self._read if scored.last else self._call_on)(scored, reader, example, chosen, parts)
            losses = losses.new_zeros(index.shape).masked_scatter(needed, losses)
            as_well = losses.sum(1, keepdim=True) / needed.sum(1, keepdim=True)
            return torch.where(needed, losses, as_well)

        noise = {"generator": scored.noise} if self.noisy else {}
        estimate = self.objective(scored.scores, loss_of, valid, **self.options, **noise)
        return Outcome(estimate.loss, _readable(scored), choice, parts=parts)

    def to_read(self, index: Tensor, log_probs: Tensor) -> Tensor:
        """Which of the sampled candidates (batch, n) are read; at least one an example: bool (batch, n)."""
        needed = log_probs.gather(1, index).isfinite()
        best, top = log_probs.max(1, keepdim=True)
        is_top = index == top
        alone = (best >= math.log(self.sure)) & is_top.any(1, keepdim=True)
        needed &= is_top | ~alone
        needed[:, 0] |= ~needed.any(1)  # no valid candidate: no result to read, but a text
        return needed

    def _read(
        self, scored: Scored, reader: CalculatorReader, example: Tensor, chosen: Tensor, _: dict[str, Part]
    ) -> Tensor:
        """The span loss with the results of these candidates: (n,)."""
        view, spans = scored.reading(reader.views, example, chosen)
        losses = span_loss(*reader.read(view), spans)
        return torch.where((spans[..., 0] >= 0).any(-1), losses, NO_ANSWER)

    def _call_on(
        self, scored: Scored, reader: CalculatorReader, example: Tensor, chosen: Tensor, parts: dict[str, Part]
    ) -> Tensor:
        """The loss of the next call, given each of these candidates: (n,)."""
        chain = scored.batch.chain
        if chain is None:
            raise AnzanError("batch.chain: needed for a reader with several calls; see anzan.reader.labels.Chain")
        noise = None if scored.noise is None else scored.noise.branch(example, chosen)
        following = reader.scored(chain.after(example, chosen), scored.call + 1, noise)
        outcome = self(following, reader)
        parts |= outcome.parts | reader.terms(following, outcome, reader)
        return outcome.losses


def _readable(scored: Scored) -> Tensor:
    """Whether the answer is in the text or in some candidate's row: bool (batch,)."""
    labels = scored.batch.labels
    assert labels is not None and labels.row_spans is not None and labels.acceptable is not None
    in_results = (labels.row_spans[..., 0] >= 0).any(-1) | labels.acceptable
    return (labels.text_spans[..., 0] >= 0).any(-1) | (in_results & scored.table.valid).any(-1)


def make_objective(settings: ChoiceSettings) -> OneResult | SeveralResults:
    """The objective that the settings name.

    Raises:
        AnzanError: options that it does not have, or a count that is not whole.
    """
    name = settings.objective
    options = {k: _count(k, v) if k in _COUNTS else v for k, v in settings.options.items()}
    known = _options(OBJECTIVES[name]) | {"sure"} if settings.several else _options(ESTIMATORS[name])
    for option in options:
        if option not in known:
            has = f"has {', '.join(sorted(known))}" if known else "has none"
            raise AnzanError(f"choice.options: {name} {has}, got {option}")
    if settings.several:
        return SeveralResults(OBJECTIVES[name], **options)
    return OneResult(ESTIMATORS[name](**options))


def _options(kind: Callable[..., object]) -> set[str]:
    """The names of the options that an estimator or objective takes."""
    parameters = inspect.signature(kind).parameters
    names = {name for name, p in parameters.items() if p.kind is not inspect.Parameter.VAR_KEYWORD}
    if len(names) < len(parameters):  # it hands the others on to another objective
        names |= _options(parameters["objective"].default)
    return names - {"scores", "loss_of", "mask", "generator", "objective"}


def _count(option: str, value: float) -> int:
    if value != int(value):
        raise AnzanError(f"choice.options.{option}: a whole number needed, got {value}")
    return int(value)
