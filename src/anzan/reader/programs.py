"""Programs: calls of a tool, each on any two of the numbers and earlier results, until *stop*.

A tool is a calculator. There is one, which prints the results of all operations, or one for each of them.

Choices are numbered. At call t there are M = numbers + t * clauses values to choose from: the numbers of the text, then
the results of each earlier call in turn. A choice is a pair of them, in the order of `pairs(M)`, and a tool: choice
k * tools + i is tool i on pair k. The last choice is to stop, after which nothing else can follow. Programs that print
the same lines in another order are counted once: a call comes after all those, in the order of choices, that were made
since the last one whose result it uses. So no choice comes up twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anzan.arithmetic import Calculator, Value
from anzan.reader.symbols import SIGNS, SymbolIds

LARGEST = 1 << 61
"""Whole numbers whose sums and differences are computed in 64 bits; beyond that, and for fractions, in Python."""
_POSITIVE, _NEGATIVE, _ZERO, _UNDEFINED = range(len(SIGNS))


@lru_cache(64)
def pairs(values: int) -> Tensor:
    """All pairs of so many values, the earlier one first: (pairs, 2)."""
    return torch.combinations(torch.arange(values), 2)


def choice_of(pair: tuple[int, int], values: int) -> int:
    """The number of a pair among `pairs(values)`."""
    i, j = sorted(pair)
    return i * (2 * values - i - 1) // 2 + j - i - 1


def stop_of(values: int, tools: int) -> int:
    """The choice to stop where there are so many values: all others come before it."""
    return values * (values - 1) // 2 * tools


Program = Sequence[tuple[int, int, int]]
"""The pair and the tool of each call: numbers by index, results as -1 - k for the k-th result of all calls."""


def choices_of(program: Program, numbers: int, clauses: int, tools: int) -> list[int]:
    """The choices of a program's calls, in a batch with so many numbers.

    Args:
        clauses: the results of a call.
        tools: how many there are.
    """
    made = []
    for call, (*pair, tool) in enumerate(program):
        i, j = (v if v >= 0 else numbers - 1 - v for v in pair)
        made.append(choice_of((i, j), numbers + call * clauses) * tools + tool)
    return made


def exact(rows: Sequence[Sequence[Fraction]], whole: bool, calls: int) -> np.ndarray:
    """Exact numbers (batch, numbers), padded with 0: int64 where nothing can overflow, else Python's.

    Args:
        whole: whether all operations on whole numbers give whole numbers by adding and subtracting.
        calls: how often results can be added to results.
    """
    width = max((len(r) for r in rows), default=0)
    flat = [v for row in rows for v in row]
    small = whole and all(v.denominator == 1 and abs(v.numerator) < LARGEST >> calls for v in flat)
    out = np.zeros((len(rows), width), dtype=np.int64 if small else object)
    for i, row in enumerate(rows):
        for j, v in enumerate(row):
            out[i, j] = v.numerator if v.denominator == 1 else v
    return out


@dataclass(frozen=True)
class Run:
    """Programs that have been run: n of each example of a batch, of t calls.

    Attributes:
        pairs: (batch, n, t, 2), the values that went in; 0 where a program had stopped.
        tools: (batch, n, t), what they went into, likewise.
        made: bool (batch, n, t), False where a program had stopped.
        results: (batch, n, t, clauses), exact; 0 where undefined.
        signs: (batch, n, t, clauses), of `SIGNS`.
    """

    pairs: Tensor
    tools: Tensor
    made: Tensor
    results: np.ndarray
    signs: Tensor

    def equal(self, wanted: np.ndarray, among: Callable[[Value, Any], bool]) -> Tensor:
        """Which defined results are among the wanted values (batch,) of sets: bool (batch, n, t, clauses)."""
        if not any(wanted):
            return torch.zeros_like(self.signs, dtype=torch.bool)
        found: Any = np.frompyfunc(among, 2, 1)(self.results.astype(object), wanted[:, None, None, None])
        defined = self.made[..., None] & (self.signs != _UNDEFINED)
        return torch.from_numpy(found.astype(bool)).to(defined.device) & defined


@dataclass(frozen=True)
class Line:
    """What a call prints, as token ids with gaps.

    Attributes:
        ids: (length,), 0 in the gaps.
        signs, results: the place of each clause's sign and result.
        operands: places of operands, and which argument (0 or 1) each is.
    """

    ids: tuple[int, ...]
    signs: tuple[int, ...]
    results: tuple[int, ...]
    operands: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, calculator: Calculator, written: dict[str, int], sep: int) -> Line:
        """The line of a calculator: `sign R = a + b , sign R = a - b , sign R = b - a [SEP]`.

        Args:
            written: the token id of every character that is written.
            sep: the token that closes the line.
        """
        ids: list[int] = []
        signs, results, operands = [], [], []
        for clause, (symbol, _, left, right) in enumerate(calculator.clauses):
            if clause:
                ids.append(written[","])
            signs.append(len(ids))
            results.append(len(ids) + 1)
            ids += [0, 0, written["="]]
            operands.append((len(ids), left))
            ids += [0, *(written[c] for c in symbol)]
            operands.append((len(ids), right))
            ids.append(0)
        return cls((*ids, sep), tuple(signs), tuple(results), tuple(operands))

    def __len__(self) -> int:
        return len(self.ids)


class Calls:
    """The programs of a reader: which are valid, what they give, and how they are printed."""

    def __init__(self, tools: Sequence[Calculator], calls: int, ids: SymbolIds, lines: Sequence[Line]):
        self.tools, self.calls, self.ids, self.lines = tuple(tools), calls, ids, tuple(lines)
        self.line = self.lines[0]  # results stand in the same places in all
        self.clauses = len(self.line.results)
        self._compute: list[tuple[Any, int, int]] = [
            (compute if symbol in "+-*" else np.frompyfunc(_guarded(compute), 2, 1), left, right)
            for tool in tools
            for symbol, compute, left, right in tool.clauses
        ]

    def stop(self, call: int, numbers: int) -> int:
        """The choice to stop at this call, in a batch with so many numbers."""
        return stop_of(numbers + call * self.clauses, len(self.tools))

    def run(self, values: np.ndarray, choices: Tensor) -> Run:
        """Run programs.

        Args:
            values: exact numbers (batch, numbers).
            choices: (batch, n, t), each program's choices.
        """
        b, n, length = choices.shape
        known = np.broadcast_to(values[:, None], (b, n, values.shape[1]))
        made = torch.ones(b, n, dtype=torch.bool, device=choices.device)
        all_pairs, all_tools, all_made, all_results, all_signs = [], [], [], [], []
        for t in range(length):
            possible = pairs(known.shape[2]).to(choices.device)
            made = made & (choices[..., t] < len(possible) * len(self.tools))
            choice = torch.where(made, choices[..., t], 0)
            pair = possible[choice // len(self.tools)] if len(possible) else choices.new_zeros(b, n, 2)
            tool = choice % len(self.tools)
            results, signs = self._call(known, pair.cpu().numpy(), tool.cpu().numpy(), made.cpu().numpy())
            known = np.concatenate([known, results], 2)
            all_pairs.append(torch.where(made[..., None], pair, 0))
            all_tools.append(tool)
            all_made.append(made)
            all_results.append(results)
            all_signs.append(torch.from_numpy(signs).to(choices.device))
        if not length:
            none = choices.new_zeros(b, n, 0, self.clauses)
            no_results = np.zeros(none.shape, values.dtype)
            return Run(choices.new_zeros(b, n, 0, 2), none[..., 0], none[..., 0].bool(), no_results, none)
        pairs_made, tools, made_at = torch.stack(all_pairs, 2), torch.stack(all_tools, 2), torch.stack(all_made, 2)
        return Run(pairs_made, tools, made_at, np.stack(all_results, 2), torch.stack(all_signs, 2))

    def _call(
        self, known: np.ndarray, pair: np.ndarray, tool: np.ndarray, made: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Results (batch, n, clauses) of one call, and their signs."""
        if not known.shape[2]:
            shape = (*made.shape, self.clauses)
            return np.zeros(shape, known.dtype), np.full(shape, _UNDEFINED)
        operands = np.take_along_axis(known, pair, 2)
        results = []
        for compute, left, right in self._compute:
            value = compute(operands[..., left], operands[..., right])
            results.append(value if value.dtype == known.dtype else value.astype(object))
        of_tool = self.clauses * tool[..., None] + np.arange(self.clauses)
        printed = np.take_along_axis(np.stack(results, -1), of_tool, -1)
        defined = np.broadcast_to(made[..., None], printed.shape)
        if printed.dtype == object:
            missing = printed == np.array(None)
            printed, defined = np.where(missing, 0, printed), defined & ~missing
        signs = np.where(printed > 0, _POSITIVE, np.where(printed < 0, _NEGATIVE, _ZERO)).astype(np.int64)
        return np.where(defined, printed, 0), np.where(defined, signs, _UNDEFINED)

    def valid(self, there: Tensor, constant: Tensor, room: Tensor, run: Run) -> Tensor:
        """The choices that can follow, bool (batch, n, pairs * tools + 1); the last is to stop, which always can.

        Args:
            there: bool (batch, numbers), False at padding.
            constant: bool (batch, numbers); a call on two constants is not valid.
            room: (batch,), how many rows fit behind each text.
            run: what has been run so far.
        """
        n, t = run.made.shape[1:]
        numbers, device = there.shape[1], there.device
        defined = run.made[..., None] & (run.signs != _UNDEFINED)
        values = torch.cat([there[:, None].expand(-1, n, -1), defined.flatten(2)], 2)
        fixed = torch.nn.functional.pad(constant, (0, t * self.clauses))[:, None]
        by = torch.cat([torch.full((numbers,), -1), torch.arange(t).repeat_interleave(self.clauses)]).to(device)
        possible = pairs(values.shape[2]).to(device)
        i, j = possible.unbind(-1)
        fine = values[..., i] & values[..., j] & ~(fixed[..., i] & fixed[..., j])
        fine &= ~((by[i] == by[j]) & (by[i] >= 0))  # two results of the same call
        fine &= (t < room)[:, None, None]
        fine = (fine & run.made.all(2, keepdim=True))[..., None].expand(-1, -1, -1, len(self.tools))
        tool = torch.arange(len(self.tools), device=device)
        for k in range(t):
            before, after = run.pairs[:, :, k, :1], run.pairs[:, :, k, 1:]
            later = (by[j] >= k) | (i > before) | ((i == before) & (j > after))  # by[j]: the later one of its results
            same = ((i == before) & (j == after))[..., None] & (tool > run.tools[:, :, k, None, None])
            fine = fine & (later[..., None] | same)
        return torch.nn.functional.pad(fine.flatten(2), (0, 1), value=True)

    def symbols(self, numbers: Tensor, calls: int) -> Tensor:
        """The symbol of every value (batch, values): those of the numbers (batch, numbers), then the results'."""
        made = [self.ids.result(k, c) for k in range(calls) for c in range(self.clauses)]
        return torch.cat([numbers, numbers.new_tensor(made).expand(len(numbers), -1)], 1)

    def rows(self, symbols: Tensor, run: Run) -> Tensor:
        """What programs print: token ids (n, t * length), -1 after the end of each.

        Args:
            symbols: (n, values), see `symbols`.
            run: one program of each example: of a batch of n.
        """
        n, _, t = run.made.shape
        tool = run.tools[:, 0]
        line = torch.tensor([each.ids for each in self.lines], device=symbols.device)[tool]
        pair = run.pairs[:, 0]
        if t:
            operands = symbols.gather(1, pair.flatten(1)).view(n, t, 2)
            arguments = torch.tensor([[a for _, a in each.operands] for each in self.lines], device=symbols.device)
            for k, (place, _) in enumerate(self.line.operands):
                line[:, :, place] = operands.gather(2, arguments[tool, k][..., None])[..., 0]
            for clause, (sign, result) in enumerate(zip(self.line.signs, self.line.results, strict=True)):
                line[:, :, sign] = self.ids.signs + run.signs[:, 0, :, clause]
                line[:, :, result] = symbols.new_tensor([self.ids.result(k, clause) for k in range(t)])
        return torch.where(run.made[:, 0, :, None], line, -1).flatten(1)


def _guarded(compute: Callable[[Any, Any], Value | None]) -> Callable[[Any, Any], Value | None]:
    """The same with None for a division by zero, and whole numbers as ints."""

    def guarded(a: Any, b: Any) -> Value | None:
        try:
            value = compute(a, b)
        except ZeroDivisionError:
            return None
        return value.numerator if value is not None and value.denominator == 1 else value

    return guarded
