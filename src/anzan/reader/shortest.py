"""The shortest programs that give an answer: what an answer alone says about the choice.

A wrong program can give the right number. A text whose numbers are known in several draws, each with its answer, tells
programs apart: one counts only if it is right for all of them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np

from anzan.arithmetic import Calculator, Value, format_number

Program = list[tuple[int, int, int]]
"""As `anzan.reader.programs.Program`: the pair and the tool of each call."""
_Pairs = list[tuple[int, int]]
"""The pairs that go in: numbers by index, results as -1 - k for the k-th result of all calls, all clauses printed."""

MOST_NUMBERS = {2: 40, 3: 12}
"""In a text whose programs of two and of three calls are looked for; with more, there are millions."""
MOST_PROGRAMS = 48
"""Of two or three calls; an answer that more of them give says nothing."""
MOST_CLOSE = 50 * MOST_PROGRAMS
"""Programs of two or three calls that are computed exactly; where more come close, likewise."""
CLOSE = 1e-4
"""How near a result comes, beside its exact value, before it is computed exactly."""

_COMPUTE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Draw(NamedTuple):
    """The numbers of a text, and its answer.

    Attributes:
        wanted: the values of the answers; empty where they are no numbers.
        answer: the first one's words.
    """

    numbers: Sequence[Fraction]
    wanted: Set[Value]
    answer: str = ""


def shortest_programs(
    calculator: Calculator, draws: Sequence[Draw], pairs: Sequence[tuple[int, int]], calls: int, one: bool = False
) -> list[Program]:
    """The programs that give a wanted value, of the fewest calls possible: one, two or three.

    Where answers are words, such as one of two names: those of one call whose sign tells the answers apart.

    Of more than one only where the text does not have the value itself, as a + x - x gives every a. The last call of
    those uses the results of all others.

    Args:
        draws: one or several for the same text; programs must be right for all.
        pairs: the numbers that may go into a call together, the earlier one first.
        calls: the most.
        one: whether each clause is a tool of its own.
    """
    numbers = all(d.wanted for d in draws)
    if not pairs or (not numbers and any(d.wanted for d in draws)):
        return []
    right_clauses = _right_clauses if numbers else _telling_clauses

    def right(found: Iterable[_Pairs]) -> list[Program]:
        made = ((program, right_clauses(calculator, draws, program)) for program in found)
        each = (_with_tools(p, clauses, len(calculator.clauses), one) for p, clauses in made if clauses)
        return [program for programs in each for program in programs]

    made = right([pair] for pair in pairs)
    if made or calls == 1 or not numbers:
        return made
    said = any(all(among(d.numbers[i], d.wanted) for d in draws) for i in range(len(draws[0].numbers)))
    if said:
        return []
    search = _Search(calculator, draws[0], pairs)
    for length, look in ((2, search.of_two), (3, search.of_three)):
        if calls < length or len(draws[0].numbers) > MOST_NUMBERS[length]:
            break
        close = [*islice(look(), MOST_CLOSE + 1)]
        if len(close) > MOST_CLOSE:
            break
        if made := right(close):
            return made if len(made) <= MOST_PROGRAMS else []
    return []


def among(value: Value, wanted: Set[Value]) -> bool:
    """Whether it is one of the values wanted, exactly or as it is printed (10/3 as 3.3333)."""
    return value in wanted or (value.denominator > 1 and _as_printed(value) in wanted)


@lru_cache(1 << 16)  # the pairs of one text come up again after each choice of an earlier call
def _as_printed(value: Value) -> Fraction:
    return Fraction(format_number(value))


def _right_clauses(calculator: Calculator, draws: Sequence[Draw], program: _Pairs) -> list[int]:
    """The results of the last call that are a wanted value in all draws."""
    right = set(range(len(calculator.clauses)))
    for d in draws:
        made: list[Value | None] = []
        last: list[Value | None] = []
        for pair in program:
            a, b = (d.numbers[k] if k >= 0 else made[-1 - k] for k in pair)
            if a is None or b is None:
                return []
            last = _results(calculator, a, b)
            made += last
        right = {c for c in right if (v := last[c]) is not None and among(v, d.wanted)}
        if not right:
            break
    return sorted(right)


def _telling_clauses(calculator: Calculator, draws: Sequence[Draw], program: _Pairs) -> list[int]:
    """The results of its only call whose sign goes with the answer: another one with each sign, and more than one."""
    [pair] = program
    signs: list[set[tuple[int, str]]] = [set() for _ in calculator.clauses]
    for d in draws:
        for seen, value in zip(signs, _results(calculator, *(d.numbers[i] for i in pair)), strict=True):
            seen.add((2 if value is None else (value > 0) - (value < 0), d.answer))
    return [
        c
        for c, seen in enumerate(signs)
        if len(seen) > 1 and len({s for s, _ in seen}) == len({a for _, a in seen}) == len(seen)
    ]


def _with_tools(program: _Pairs, last: Sequence[int], clauses: int, one: bool) -> Iterator[Program]:
    """The same with tools. Where each clause is one: a program for every clause of the last call that is right."""
    if not one:
        yield [(i, j, 0) for i, j in program]
        return
    used = {(-1 - k) // clauses: (-1 - k) % clauses for pair in program for k in pair if k < 0}
    if len({k for pair in program for k in pair if k < 0}) > len(used):  # two results of one call
        return
    calls = [tuple(k if k >= 0 else -1 - (-1 - k) // clauses for k in pair) for pair in program]
    for clause in last:
        tools = [used.get(call, clause) for call in range(len(program))]
        yield [(i, j, tool) for (i, j), tool in zip(calls, tools, strict=True)]


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

    def of_two(self) -> Iterator[_Pairs]:
        """A call on the result of another."""
        for k, number in enumerate(self.numbers):
            for p, c in self.close(number, self.first):
                yield [self.pair(p), (k, -1 - c)]

    def of_three(self) -> Iterator[_Pairs]:
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
