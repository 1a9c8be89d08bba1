"""The shortest programs that give an answer: what an answer alone says about the choice.

A wrong program can give the right number. A text whose numbers are known in several draws, each with its answer, tells
programs apart: one counts only if it is right for all of them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from anzan.arithmetic import Calculator, Value, format_number

Program = list[tuple[int, int]]
"""The pairs that go in: numbers by index, results as -1 - k for the k-th result of all calls."""

MOST_NUMBERS = 12
"""In a text whose programs of three calls are looked for; with more, there are millions."""
MOST_PROGRAMS = 48
"""Of three calls; an answer that more of them give says nothing."""
CLOSE = 1e-4
"""How near a result comes, beside its exact value, before it is computed exactly."""

_COMPUTE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Draw(NamedTuple):
    """The numbers of a text, and the values of its answers."""

    numbers: Sequence[Fraction]
    wanted: Set[Value]


def shortest_programs(
    calculator: Calculator, draws: Sequence[Draw], pairs: Sequence[tuple[int, int]], calls: int
) -> list[Program]:
    """The programs that give a wanted value, of the fewest calls possible: one, two or three.

    Of more than one only where the text does not have the value itself, as a + x - x gives every a. The last call of
    those uses the results of all others.

    Args:
        draws: one or several for the same text; programs must be right for all.
        pairs: the numbers that may go into a call together, the earlier one first.
        calls: the most.
    """
    if not all(d.wanted for d in draws):
        return []
    made = [program for program in _of_one(calculator, draws, pairs)]
    said = any(all(among(d.numbers[i], d.wanted) for d in draws) for i in range(len(draws[0].numbers)))
    if made or said:
        return made
    search = _Search(calculator, draws[0], pairs)
    if calls > 1:
        made = [p for p in search.of_two() if _right(calculator, draws, p)]
    if calls > 2 and not made and len(draws[0].numbers) <= MOST_NUMBERS:
        made = [p for p in search.of_three() if _right(calculator, draws, p)]
        made = made if len(made) <= MOST_PROGRAMS else []
    return made


def among(value: Value, wanted: Set[Value]) -> bool:
    """Whether it is one of the values wanted, exactly or as it is printed (10/3 as 3.3333)."""
    return value in wanted or (value.denominator > 1 and _as_printed(value) in wanted)


@lru_cache(1 << 16)  # the pairs of one text come up again after each choice of an earlier call
def _as_printed(value: Value) -> Fraction:
    return Fraction(format_number(value))


def _of_one(calculator: Calculator, draws: Sequence[Draw], pairs: Sequence[tuple[int, int]]) -> Iterator[Program]:
    for i, j in pairs:
        right = [True] * len(calculator.clauses)
        for d in draws:
            results = _results(calculator, d.numbers[i], d.numbers[j])
            right = [r and v is not None and among(v, d.wanted) for r, v in zip(right, results, strict=True)]
        if any(right):
            yield [(i, j)]


def _right(calculator: Calculator, draws: Sequence[Draw], program: Program) -> bool:
    """Whether one result of the last call is a wanted value in all draws."""
    right = [True] * len(calculator.clauses)
    for d in draws:
        made: list[Value | None] = []
        for pair in program:
            a, b = (d.numbers[k] if k >= 0 else made[-1 - k] for k in pair)
            if a is None or b is None:
                return False
            results = _results(calculator, a, b)
            made += results
        right = [r and v is not None and among(v, d.wanted) for r, v in zip(right, results, strict=True)]
        if not any(right):
            return False
    return True


def _results(calculator: Calculator, a: Value, b: Value) -> list[Value | None]:
    """The results of a call by clause, None where undefined."""
    values = a, b
    return [
        None if symbol == "/" and not values[j] else compute(values[i], values[j])
        for symbol, compute, i, j in calculator.clauses
    ]


class _Search:
    """All programs of a text in floating point: those whose result comes close to a wanted value.

    Functions other than `+ - * /` are not looked for beyond the first call.
    """

    def __init__(self, calculator: Calculator, draw: Draw, pairs: Sequence[tuple[int, int]]):
        self.pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        self.numbers = np.array([float(n) for n in draw.numbers])
        self.wanted = [float(w) for w in draw.wanted]
        self.clauses = [(_COMPUTE.get(symbol), i) for symbol, _, i, _ in calculator.clauses]
        self.first = self.called(*self.numbers[self.pairs].T)

    def called(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The results (..., clauses) of calls on numbers (...), nan where undefined."""
        with np.errstate(all="ignore"):
            made = [
                np.full(np.broadcast(a, b).shape, np.nan) if f is None else f(a, b) if left == 0 else f(b, a)
                for f, left in self.clauses
            ]
        return np.where(np.isfinite(result := np.stack(made, -1)), result, np.nan)

    def close(self, a: np.ndarray, b: np.ndarray) -> Iterable[list[int]]:
        """Where a call on numbers (...) comes close to a wanted value: indexes."""
        found = np.zeros(np.broadcast(a, b).shape, dtype=bool)
        result = self.called(a, b)
        for w in self.wanted:
            found |= (np.abs(result - w) <= CLOSE * max(1.0, abs(w))).any(-1)
        return np.argwhere(found).tolist()

    def of_two(self) -> Iterator[Program]:
        """A call on the result of another."""
        for k, number in enumerate(self.numbers):
            for p, c in self.close(number, self.first):
                yield [self.pair(p), (k, -1 - c)]

    def of_three(self) -> Iterator[Program]:
        """A call on the result of two others, or of a second one on the first, and a number or the first once more."""
        n = len(self.clauses)
        for k, number in enumerate(self.numbers):
            second = self.called(number, self.first)  # (pairs, first clause, second clause)
            for m, other in enumerate(self.numbers):
                for p, c, d in self.close(other, second):
                    yield [self.pair(p), (k, -1 - c), (m, -1 - n - d)]
            for again in range(n):
                for p, c, d in self.close(self.first[:, again, None, None], second):
                    yield [self.pair(p), (k, -1 - c), (-1 - again, -1 - n - d)]
        for p in range(len(self.pairs)):
            for c, q, d in self.close(self.first[p, :, None, None], self.first[None, p + 1 :]):
                yield [self.pair(p), self.pair(p + 1 + q), (-1 - c, -1 - n - d)]

    def pair(self, p: int) -> tuple[int, int]:
        i, j = self.pairs[p].tolist()
        return i, j
