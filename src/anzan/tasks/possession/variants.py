"""Variants of a possession problem: fewer people, longer numbers, other arguments of the calculator.

Each works on the problem's facts and words them anew.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from anzan.tasks.possession.facts import Facts
from anzan.tasks.possession.wording import facts_of, reworded
from anzan.tasks.problem import Problem

_TRIES = 1000


def shorten(problem: Problem, people: int, rng: random.Random) -> Problem:
    """The problem with only `people` people in its passage; question, answer and arguments stay the same.

    The people left out are drawn from those who are not asked. All transfers stay, even those with a person left out.
    A problem that has no more people than that stays the same.

    Raises:
        AnzanError: A problem that `generate` did not make.
    """
    facts = facts_of(problem)
    others = [name for name in facts.initial if name not in facts.asked]
    left_out = rng.sample(others, max(0, min(len(others), len(facts.initial) - people)))
    initial = {name: number for name, number in facts.initial.items() if name not in left_out}
    return reworded(problem, replace(facts, initial=initial))


def ten_times(problem: Problem) -> Problem:
    """The problem with all numbers ten times as large.

    Only numbers that had commas before have commas now: a reader of three digits meets no sign that is new to it.

    Raises:
        AnzanError: A problem that `generate` did not make.
    """
    facts = facts_of(problem)
    initial = {name: 10 * number for name, number in facts.initial.items()}
    transfers = tuple(replace(transfer, amount=10 * transfer.amount) for transfer in facts.transfers)
    return reworded(problem, replace(facts, initial=initial, transfers=transfers, commas_from=10 * facts.commas_from))


def exchanged(problem: Problem) -> Problem | None:
    """The problem in which the two asked people own each other's numbers at first.

    None where somebody would then give more than they own, or the two would be even.

    Raises:
        AnzanError: A problem that `generate` did not make.
    """
    facts = facts_of(problem)
    first, second = facts.asked
    initial = facts.initial | {first: facts.initial[second], second: facts.initial[first]}
    changed = replace(facts, initial=initial)
    owned = dict(initial)
    for transfer in facts.transfers:
        if owned.get(transfer.giver, transfer.amount) < transfer.amount:
            return None
        for name, change in ((transfer.giver, -transfer.amount), (transfer.receiver, transfer.amount)):
            owned[name] = owned.get(name, 0) + change
    return None if _is_tie(changed) else reworded(problem, changed)


@dataclass(frozen=True)
class Substitute:
    """Other arguments for the calculator.

    Attributes:
        arguments: In the order of the passage.
        answer: What an exact program answers if the calculator is given these.
    """

    arguments: tuple[int, int]
    answer: str


def substitutes(problems: Sequence[Problem], seed: int = 0) -> list[Substitute | None]:
    """For each problem, the arguments of another problem with the same role, and the answer that follows from them.

    A reader that answers from the calculator's result follows such a substitution; one that works out the answer by
    itself does not. For argmax the substitute always reverses the comparison.

    None for chains of calls, and if no other problem fits, which is rare unless there are only a few.

    Raises:
        AnzanError: A problem that `generate` did not make.
    """
    rng = random.Random(f"substitute-{seed}")
    all_facts = [facts_of(problem) for problem in problems]
    groups: dict[str | None, list[tuple[int, int]]] = {}
    for facts in all_facts:
        if len(facts.steps) == 1:
            groups.setdefault(facts.role, []).append(facts.steps[0])
    return [_substitute(f, groups[f.role], rng) if len(f.steps) == 1 else None for f in all_facts]


def _substitute(facts: Facts, others: Sequence[tuple[int, int]], rng: random.Random) -> Substitute | None:
    for _ in range(_TRIES):
        arguments = rng.choice(others)
        changed = _with_arguments(facts, *arguments)
        if changed == facts or _is_tie(changed) or min(changed.final.values()) < 0:
            continue
        if facts.kind == "max" or changed.winner != facts.winner:
            return Substitute(arguments, changed.answer)
    return None


def _with_arguments(facts: Facts, first: int, second: int) -> Facts:
    """The facts if the arguments of their only call were these."""
    if facts.owner is None:
        return replace(facts, initial=facts.initial | dict(zip(facts.mentioned, (first, second), strict=True)))
    [transfer] = facts.transfers
    return replace(facts, initial=facts.initial | {facts.owner: first}, transfers=(replace(transfer, amount=second),))


def _is_tie(facts: Facts) -> bool:
    return len(set(facts.final.values())) < 2
