"""How the reading of a result trains the choice of arguments: one result an example, or several.

Both implement one protocol, `Objective`. The programs of a reader are no `anzan.layer.SymbolicChain`: there all steps
have their scores in advance, here the scores of a call depend on the calls before it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from anzan import layer
from anzan.errors import AnzanError
from anzan.layer import Estimate, SymbolicLayer
from anzan.reader.scored import Scored, ScoredPairs
from anzan.reader.settings import ChoiceSettings
from anzan.reader.spans import span_loss
from anzan.reader.terms import Part
from anzan.reader.views import uniform

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
    "set-marginal": partial(layer.sampled_marginal, objective=layer.unordered_set),
    "leave-one-out": layer.leave_one_out,
    "unordered-set": layer.unordered_set,
}
_COUNTS = ("samples", "k", "thin")

GROUPS = 4
"""Of readings, by length."""

NO_ANSWER = 20.0
"""-log p(answer) where it is neither in the text nor in a candidate's row: certain failure, kept finite."""

MISSED = math.log(2)
"""-log p(answer) from which an example that is sure of a candidate has missed its answer: less probable than not."""


@dataclass(frozen=True)
class Outcome:
    """What an objective makes of the first pass.

    Attributes:
        losses: (batch,), the span loss of each example.
        readable: bool (batch,), the answer is somewhere where it can be read.
        log_probs: (batch, choices), of the first call; None where there was nothing to choose.
        drawn: (batch, n) or (batch, n, calls), what was read; None where there was nothing to choose.
        logits: None where several candidates have been read.
    """

    losses: Tensor
    readable: Tensor
    log_probs: Tensor | None = None
    drawn: Tensor | None = None
    logits: SpanLogits | None = None

    @property
    def span(self) -> Part:
        """The span loss, of the examples whose answer can be read."""
        return Part.of(self.losses, self.readable)


class Objective(Protocol):
    """From the first pass to the loss of what is read after it."""

    def __call__(self, scored: Scored, reader: CalculatorReader) -> Outcome: ...


class OneResult(nn.Module):
    """One result an example, chosen and embedded by the symbolic layer: any estimator of `anzan.layer`."""

    def __init__(self, estimator: nn.Module | None = None):
        super().__init__()
        self.layer = SymbolicLayer(estimator)

    def forward(self, scored: Scored, reader: CalculatorReader) -> Outcome:
        assert isinstance(scored, ScoredPairs)
        row, row_mask, choice = self.layer(scored.scores, scored.table, reader.embedding, scored.noise)
        chosen = choice.log_probs.argmax(-1) if choice.index is None else choice.index
        view, spans = scored.reading(reader.views, torch.arange(len(chosen), device=chosen.device), chosen)
        view = view.with_row_mask(row_mask)
        logits = reader.read_embedded(reader.embed(view, row), view)
        readable = (spans[..., 0] >= 0).any(-1)
        return Outcome(span_loss(*logits, spans), readable, choice.log_probs, chosen[:, None], logits)


class SeveralResults(nn.Module):
    """The results of several candidates for each example: any objective of `anzan.layer`.

    In evaluation mode the most probable candidate's result alone.

    Args:
        objective: such as `anzan.layer.unordered_set`.
        sure: an example whose most probable candidate has at least this probability is read with that one alone,
            unless its answer is missed then; the others are taken to do as well, so its scores stay. It saves most of
            the reading once the choice is learnt.
        thin: 1 reads the candidates without gradient, and one of them, drawn by its weight in the loss, once more with
            it. The gradient has no bias, and costs half as much.
        options: keyword arguments of `objective`.
    """

    def __init__(self, objective: Callable[..., Estimate], sure: float = 1.0, thin: float = 0, **options: Any):
        super().__init__()
        self.objective, self.sure, self.thin, self.options = objective, sure, thin, options
        self.noisy = "generator" in inspect.signature(objective).parameters

    def forward(self, scored: Scored, reader: CalculatorReader) -> Outcome:
        p = scored.given_answers() if self.training else scored.distribution
        best = p.best(1)
        if not self.training:
            losses = read_losses(scored, reader, torch.arange(len(best), device=best.device), best[:, 0])
            return Outcome(losses, scored.readable, scored.first_call, best)
        certain = p.log_prob(best).detach() >= math.log(self.sure)
        drawn: list[tuple[Tensor, Tensor, Tensor]] = []

        def loss_of(index: Tensor) -> Tensor:
            valid = p.log_prob(index).detach().isfinite()
            needed = self.to_read(index, best, certain, valid)
            thin = bool(self.thin) and int(needed.sum()) > 1.5 * len(index)  # a reading costs a third without gradient
            with torch.set_grad_enabled(not thin):
                losses = _read_some(scored, reader, index, needed)
                missed = valid & ~needed & ((losses.detach() > MISSED) & needed).any(1, keepdim=True)
                if missed.any():
                    losses, needed = losses + _read_some(scored, reader, index, missed), needed | missed
                # The candidates that are not read get the mean of the others.
                losses = torch.where(needed, losses, losses.sum(1, keepdim=True) / needed.sum(1, keepdim=True))
            drawn.append((index, needed, losses.requires_grad_() if thin else losses))
            return losses

        noise = {"generator": scored.noise} if self.noisy else {}
        estimate = self.objective(p, loss_of, **self.options, **noise)
        index, needed, losses = drawn[0]
        loss = estimate.loss
        if losses.is_leaf:
            loss = loss + self._one_gradient(scored, reader, index, needed, weights_of(loss, losses))
        return Outcome(loss, scored.readable, scored.first_call, index)

    def _one_gradient(
        self, scored: Scored, reader: CalculatorReader, index: Tensor, needed: Tensor, weights: Tensor
    ) -> Tensor:
        """0 (batch,), with the gradient of one candidate's loss, in place of all by their weights (batch, n)."""
        total = weights.sum(1)
        left_out = (weights * ~needed).sum(1, keepdim=True)  # they are taken to do as well as the others
        weights = (weights + left_out / needed.sum(1, keepdim=True)) * needed
        share = (weights / total[:, None].clamp_min(1e-12)).cumsum(1)
        place = uniform(len(index), 1, scored.noise).to(share)
        one = (share < place).sum(1).clamp_max(index.shape[1] - 1)
        example = torch.arange(len(index), device=index.device)
        losses = read_losses(scored, reader, example, index[example, one])
        return total * (losses - losses.detach())

    def to_read(self, index: Tensor, best: Tensor, certain: Tensor, valid: Tensor) -> Tensor:
        """Which of the drawn candidates are read first; at least one an example: bool (batch, n).

        Args:
            index: (batch, n) or (batch, n, calls), the candidates.
            best: the most probable one of each example, likewise with n = 1.
            certain: bool (batch, 1), whether it has a probability of `sure`.
            valid: bool (batch, n), whether there is such a candidate.
        """
        is_best = index == best if index.dim() == 2 else (index == best).all(-1)
        alone = certain & is_best.any(1, keepdim=True)
        needed = valid & (is_best | ~alone)
        needed[:, 0] |= ~needed.any(1)  # no valid candidate: no result to read, but a text
        return needed


def _read_some(scored: Scored, reader: CalculatorReader, index: Tensor, needed: Tensor) -> Tensor:
    """The losses (batch, n) of the candidates that are needed, and 0 for the others."""
    losses = read_losses(scored, reader, needed.nonzero()[:, 0], index[needed])
    return losses.new_zeros(needed.shape).masked_scatter(needed, losses)


def read_losses(scored: Scored, reader: CalculatorReader, example: Tensor, chosen: Tensor) -> Tensor:
    """The span losses (n,) with the results of candidates.

    Args:
        example: integers (n,), examples of the batch.
        chosen: integers (n,) or (n, calls), a candidate of each.
    """
    view, spans = scored.reading(reader.views, example, chosen)
    readable = (spans[..., 0] >= 0).any(-1)
    needed = readable.clone()
    needed[:1] |= ~readable.any()  # processes that train together need a gradient of every parameter
    # Programs differ in length, and so do texts: those of like length are read together, with little padding.
    order = view.layout.attention.sum(1).argsort()
    order = order[needed[order]]
    groups = order.split(math.ceil(len(order) / GROUPS))
    read = torch.cat([span_loss(*reader.read(view.select(some)), spans[some]) for some in groups])
    losses = read.new_full(readable.shape, NO_ANSWER).index_copy(0, order, read)
    return torch.where(readable, losses, NO_ANSWER)


def weights_of(loss: Tensor, losses: Tensor) -> Tensor:
    """What each candidate's loss (batch, n) counts for in the loss (batch,)."""
    return torch.autograd.grad(loss.sum(), losses, retain_graph=True)[0].clamp_min(0.0)


def make_objective(settings: ChoiceSettings) -> OneResult | SeveralResults:
    """The objective that the settings name.

    Raises:
        AnzanError: options that it does not have, or a count that is not whole.
    """
    name = settings.objective
    options = {k: _count(k, v) if k in _COUNTS else v for k, v in settings.options.items()}
    known = _options(OBJECTIVES[name]) | {"sure", "thin"} if settings.several else _options(ESTIMATORS[name])
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
