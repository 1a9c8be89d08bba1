"""Splits a printed calculation, `95 = 72 + 23 , 49 = 72 - 23`, into clauses and finds the one that gave the answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # importing it loads torch
    from anzan.reader import Answer, Step

_NUMBER = r"(?:- )?[\d.]+"
_CLAUSE = re.compile(rf"(?P<result>{_NUMBER}) = {_NUMBER} (?P<operation>[-+*/]|[^\W\d]\w*) {_NUMBER}")


class Clause(NamedTuple):
    """A clause such as `95 = 72 + 23`, its result, with which it begins, and whether this result became the answer."""

    text: str
    result: str
    used: bool


def clauses(step: Step, answer: Answer) -> list[Clause]:
    """The clauses of a call's calculation, in order. At most one is `used`."""
    found = list(_CLAUSE.finditer(step.calculation))
    used = next(  # the first match, because 0 = 7 - 7 is printed twice
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
