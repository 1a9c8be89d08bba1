"""Longer numbers in a possession problem: the same sentences, with every number ten times as large."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from anzan.arithmetic.numbers import find_numbers, parse_number
from anzan.errors import AnzanError
from anzan.tasks.possession import is_possession
from anzan.tasks.problem import Problem


def ten_times(problem: Problem) -> Problem:
    """The problem with all its numbers, answers and arguments ten times as large, written with commas as before.

    Raises:
        ValueError: a problem that `anzan.tasks.possession.generate` did not make.
    """
    if not is_possession(problem):
        raise AnzanError(f"{problem.id}: not a possession problem; use the output of generate")
    passage, done, moved = "", 0, dict[int, tuple[int, int]]()
    for n in find_numbers(problem.passage):
        passage += problem.passage[done : n.start]
        start, done = len(passage), n.end
        passage += _longer(n.text, n.value)
        moved[n.start] = start, len(passage)
    meta: dict[str, Any] = problem.meta | {
        "quantities": {name: 10 * amount for name, amount in problem.meta["quantities"].items()},
        "mentions": [m | dict(zip(("start", "end"), moved[m["start"]], strict=True)) for m in problem.meta["mentions"]],
    }
    answers = tuple(
        tuple(s if (value := parse_number(s)) is None else _longer(s, value) for s in spans)
        for spans in problem.answers
    )
    arguments = tuple(tuple(10 * value for value in step) for step in problem.arguments or ())
    return replace(problem, passage=passage + problem.passage[done:], answers=answers, arguments=arguments, meta=meta)


def _longer(text: str, value: Fraction) -> str:
    return f"{10 * int(value):,}" if "," in text else str(10 * int(value))
