"""A printed calculation in its clauses, `95 = 72 + 23`, and which of them gave the answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # importing it loads torch
    from anzan.reader.reader import Answer, Step

_NUMBER = r"(?:- )?[\d.]+"
_CLAUSE = re.compile(rf"(?P<result>{_NUMBER}) = {_NUMBER} (?P<operation>[-+*/]|[^\W\d]\w*) {_NUMBER}")


class Clause(NamedTuple):
    """A clause, its result (what it begins with), and whether that became the answer."""

    text: str
    result: str
    used: bool


def clauses(step: Step, answer: Answer) -> list[Clause]:
    """The clauses that a call printed, in order; one of them at most gave the answer."""
    found = list(_CLAUSE.finditer(step.calculation))
    used = next(  # the first one: 0 = 7 - 7 is printed twice
        (
            clause
            for clause in found
            if answer.source == "calculator"
            and clause["operation"] == step.operation
            and clause["result"].replace(" ", "") == answer.answer
        ),
        None,
    )
    return [Clause(c[0], c["result"], c is used) for c in found]
