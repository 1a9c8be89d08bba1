"""Another problem's arguments in the place of a possession problem's own, and what is then the right answer.

Whoever answers from the calculator's result follows such a swap; whoever worked the answer out alone does not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from anzan.errors import AnzanError
from anzan.tasks.problem import Problem

_TRIES = 1000


@dataclass(frozen=True)
class Substitute:
    """Arguments for the calculator, in the order in which it prints them, and what an exact program then answers."""

    arguments: tuple[int, int]
    answer: str


def substitutes(problems: Sequence[Problem], seed: int = 0) -> list[Substitute | None]:
    """One for each problem, from another problem of the same role; on argmax one that turns the comparison round.

    None where no other problem does that, which is rare unless there are only a few, and for chains of calls.

    Raises:
        ValueError: a problem that `anzan.tasks.possession.generate` did not make.
    """
    rng = random.Random(f"substitute-{seed}")
    groups: dict[str | None, list[tuple[int, int]]] = {}
    for problem in problems:
        role = _role(problem)
        if not _is_chain(problem):
            groups.setdefault(role, []).append(_arguments(problem))
    return [None if _is_chain(p) else _substitute(p, groups[_role(p)], rng) for p in problems]


def _substitute(problem: Problem, others: Sequence[tuple[int, int]], rng: random.Random) -> Substitute | None:
    own = _arguments(problem)
    for _ in range(_TRIES):
        pair = rng.choice(others)
        quantities = _quantities(problem, pair)
        if pair == own or len(set(quantities.values())) < 2 or min(quantities.values()) < 0:
            continue
        winner = max(quantities, key=lambda name: quantities[name])
        if problem.kind == "max":
            return Substitute(pair, str(quantities[winner]))
        if winner != problem.meta["winner"]:
            return Substitute(pair, winner)
    return None


def answer_to_results(problem: Problem, results: Sequence[tuple[str, int]]) -> str | None:
    """What an exact program answers to a possession problem if the calculator prints these results.

    `results` are (operation, result) as it prints them. None without a transfer, where only signs matter, for a chain,
    and where the results leave nobody ahead.
    """
    if _role(problem) is None or _is_chain(problem):
        return None
    wanted = "+" if _role(problem) == "receiver" else "-"
    owns = next((result for operation, result in results if operation == wanted), None)
    if owns is None:
        return None
    quantities = _owning(problem, owns)
    if len(set(quantities.values())) < 2:
        return None
    winner = max(quantities, key=lambda name: quantities[name])
    return str(quantities[winner]) if problem.kind == "max" else winner


def _quantities(problem: Problem, pair: tuple[int, int]) -> dict[str, int]:
    """What the two asked people own if the calculator was given `pair`."""
    meta = problem.meta
    if meta["role"] is None:
        return dict(zip(meta["mentioned"], pair, strict=True))
    sign = 1 if meta["role"] == "receiver" else -1
    return _owning(problem, pair[0] + sign * pair[1])


def _owning(problem: Problem, amount: int) -> dict[str, int]:
    """What the two asked people own after a transfer that leaves its one of them this amount."""
    meta = problem.meta
    other = next(name for name in meta["asked"] if name != meta["owner"])
    return {meta["owner"]: amount, other: meta["quantities"][other]}


def _is_chain(problem: Problem) -> bool:
    return problem.arguments is not None and len(problem.arguments) > 1


def _arguments(problem: Problem) -> tuple[int, int]:
    if problem.arguments is None or len(problem.arguments) != 1 or len(problem.arguments[0]) != 2:
        raise AnzanError(f"{problem.id}: not a possession problem; use the output of generate")
    first, second = problem.arguments[0]
    return int(first), int(second)


def _role(problem: Problem) -> str | None:
    try:
        return problem.meta["role"]
    except KeyError:
        raise AnzanError(f"{problem.id}: not a possession problem; use the output of generate") from None
