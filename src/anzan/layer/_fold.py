"""The exact likelihood of results for an F that takes its arguments one by one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable, Sequence

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._choice import at_least_float32


class Fold:
    """The distribution of F(z) for independent arguments, by dynamic programming over F's states.

    F is given as a function from a state and an argument to the next state, as for `functools.reduce`; the last state
    is the result. All combinations count, but none is run. For example, 16 digits have 10^16 combinations and their sum
    has 145 results; only 16 tables of at most 136 states and 10 choices are computed, once. The negative
    log-probability of the right result is the marginal loss (`exact_marginal`) of an F whose result is the answer.

    Example::

        add = Fold(operator.add, 0, [range(10), range(10)])
        log_probs = add.log_probs([scores_1, scores_2])  # (batch, 19), log P(a + b = r) for r in add.results

    Args:
        step: from (state, argument) to the next state. An exception or None makes the result undefined; exceptions are
            counted in `failures` and reported together as one RuntimeWarning.
        initial: the state before the first argument.
        spaces: for each argument, its values.

    Attributes:
        results: the possible results.
        failures: the number of steps that raised an exception.

    Raises:
        AnzanError: no space, an empty one, or no defined result.
    """

    def __init__(
        self,
        step: Callable[..., Hashable],
        initial: Hashable,
        spaces: Sequence[Iterable[Hashable]],
    ):
        values = [tuple(space) for space in spaces]
        if not values or not all(values):
            raise AnzanError(f"spaces: at least one value needed for each of one argument or more, got {values}")
        states: list[Hashable] = [initial]
        errors: list[Exception] = []

        def place(state: Hashable, argument: Hashable, known: dict[Hashable, int]) -> int:
            try:
                after = step(state, argument)
            except Exception as error:
                errors.append(error)
                after = None
            return -1 if after is None else known.setdefault(after, len(known))

        self._moves: list[Tensor] = []
        self._sizes: list[int] = []
        for space in values:
            known: dict[Hashable, int] = {}
            rows = [[place(state, argument, known) for argument in space] for state in states]
            states = list(known)
            self._moves.append(torch.tensor([i for row in rows for i in row]))
            self._sizes.append(len(states))
        last = errors[-1] if errors else None
        if not states:
            raise AnzanError("step: undefined for every combination of arguments") from last
        self.failures = len(errors)
        if last is not None:
            warnings.warn(
                f"step is undefined for {len(errors)} of its arguments, the last with {type(last).__name__}: {last}",
                RuntimeWarning,
                stacklevel=2,
            )
        self.results = states

    def place(self, results: Iterable[Hashable]) -> Tensor:
        """The index of each result in `results`.

        Raises:
            KeyError: a result that F cannot have.
        """
        known = {result: i for i, result in enumerate(self.results)}
        return torch.tensor([known[result] for result in results])

    def log_probs(self, scores: Sequence[Tensor]) -> Tensor:
        """log P(F(z) = r) for every r in `results`.

        Args:
            scores: for each argument, (batch, values), unnormalised log-probabilities.

        Returns:
            (batch, results), differentiable. The probabilities add up to less than 1 if F is undefined for some
            combinations.

        Raises:
            AnzanError: scores that do not match the spaces.
        """
        if len(scores) != len(self._moves):
            raise AnzanError(f"scores: one tensor for each of {len(self._moves)} arguments needed, got {len(scores)}")
        log_p = at_least_float32(scores[0]).new_zeros(len(scores[0]), 1)
        for moves, size, s in zip(self._moves, self._sizes, scores, strict=True):
            if s.dim() != 2 or log_p.shape[1] * s.shape[1] != len(moves):
                raise AnzanError(f"scores: (batch, {len(moves) // log_p.shape[1]}) needed, got {tuple(s.shape)}")
            joint = (log_p[:, :, None] + at_least_float32(s).log_softmax(-1)[:, None]).flatten(1)
            joint = joint.clamp_min(torch.finfo(joint.dtype).min)  # not -inf, whose gradient is NaN
            log_p = _logsumexp_by_group(joint, moves.to(joint.device), size)
        return log_p


def _logsumexp_by_group(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """log Σ exp of (batch, n) over the members of each group; members of group -1 are dropped."""
    if groups == len(group):  # one member each, in order, as `Fold` numbers states when it first sees them
        return values
    kept = group >= 0
    values, group = values[:, kept], group[kept].expand(len(values), -1)
    lowest = torch.finfo(values.dtype).min
    top = values.new_full((len(values), groups), lowest).scatter_reduce(1, group, values.detach(), "amax")
    total = torch.zeros_like(top).scatter_add(1, group, (values - top.gather(1, group)).exp())
    return top + total.log()
