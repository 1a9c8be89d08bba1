"""The wording of possession problems: facts to a problem, and a problem back to its facts.

Anna has 5,903,204 grapes. Carl has 8,417,312 grapes. Anna gave 1,224,450 grapes to Grace.
joined: Anna has 5,903,204 grapes, Carl has 8,417,312 grapes, Anna gave 1,224,450 grapes to Grace.
argmax: Who has more grapes: Anna or Carl?
max:    What is the maximum number of grapes owned either by Anna or Carl?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from anzan.errors import AnzanError
from anzan.tasks.possession.facts import Facts
from anzan.tasks.problem import Problem

_STATED = ("passage", "question", "answers", "arguments")


def to_problem(facts: Facts, id: str, meta: Mapping[str, Any] | None = None) -> Problem:
    """The problem that states the facts.

    Its `meta` has two more keys than the given one: `facts` (plain JSON, read by `facts_of`) and `mentions`, the places
    of the numbers that are arguments of the calculator.
    """
    passage, mentions = _passage(facts)
    return Problem(
        id=id,
        passage=passage,
        question=_question(facts),
        answers=((facts.answer,),),
        arguments=tuple(tuple(map(Fraction, step)) for step in facts.steps),
        kind=facts.kind,
        meta={**(meta or {}), "facts": facts.to_json(), "mentions": mentions},
    )


def reworded(problem: Problem, facts: Facts) -> Problem:
    """The problem with other facts; its id, its kind and the rest of its `meta` stay the same."""
    return replace(to_problem(facts, problem.id, problem.meta), kind=problem.kind)


def facts_of(problem: Problem) -> Facts:
    """The facts from which `generate` made a problem.

    Raises:
        AnzanError: A problem without facts, or one whose text, answers or arguments differ from what its facts say.
    """
    try:
        facts = Facts.from_json(problem.meta["facts"])
        stated = to_problem(facts, problem.id)
        if all(getattr(stated, name) == getattr(problem, name) for name in _STATED):
            return facts
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise AnzanError(f"{problem.id}: not a possession problem; use the output of generate")


def is_possession(problem: Problem) -> bool:
    """Whether `generate` made the problem, see `facts_of`."""
    try:
        facts_of(problem)
    except AnzanError:
        return False
    return True


def _passage(facts: Facts) -> tuple[str, list[dict[str, Any]]]:
    """The passage, and where it mentions the calculator's arguments, in order."""
    passage, mentions = "", []
    for before, number, after, is_argument in _clauses(facts):
        if passage:
            passage += ", " if facts.joined else ". "
        passage += before
        start = len(passage)
        passage += f"{number:,}" if number >= facts.commas_from else str(number)
        if is_argument:
            mentions.append({"where": "passage", "start": start, "end": len(passage)})
        passage += after
    return f"{passage}.", mentions


def _clauses(facts: Facts) -> Iterator[tuple[str, int, str, bool]]:
    """Each clause as the text before its number, the number, the text after it, and whether it is an argument."""
    arguments = facts.asked if facts.owner is None else (facts.owner,)
    for name, number in facts.initial.items():
        yield f"{name} has ", number, f" {facts.thing}", name in arguments
    for transfer in facts.transfers:
        yield f"{transfer.giver} gave ", transfer.amount, f" {facts.thing} to {transfer.receiver}", True


def _question(facts: Facts) -> str:
    first, second = facts.asked
    if facts.kind == "argmax":
        return f"Who has more {facts.thing}: {first} or {second}?"
    return f"What is the maximum number of {facts.thing} owned either by {first} or {second}?"
