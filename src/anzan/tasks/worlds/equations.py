"""Equations between the quantities of a world, and the shortest program that finds one quantity from others.

An equation `end = start + more` is three steps: `end = start + more`, `start = end - more`, `more = end - start`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

_EXPRESSION = re.compile(r"(\w+) ([-+*/]) (\w+)", re.ASCII)
_COMPUTE = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
_INVERSES = {"+": ("-", "-"), "-": ("+", "-"), "*": ("/", "/"), "/": ("*", "/")}


@dataclass(frozen=True)
class Step:
    """`result = left operation right`; operands are quantities, or numbers such as 100."""

    result: str
    operation: str
    left: str
    right: str

    @property
    def operands(self) -> tuple[str, str]:
        """Left, then right."""
        return self.left, self.right

    def value(self, values: Mapping[str, Fraction]) -> Fraction:
        """The result.

        Raises:
            ZeroDivisionError: a division by zero.
        """
        a, b = (Fraction(x) if x.isdigit() else values[x] for x in self.operands)
        return _COMPUTE[self.operation](a, b)


def parse_step(result: str, text: str) -> Step | None:
    """`left operation right` as a step; None for anything else."""
    match = _EXPRESSION.fullmatch(text)
    return Step(result, match[2], match[1], match[3]) if match else None


def directions(step: Step) -> list[Step]:
    """The same equation solved for each of its quantities."""
    for_left, for_right = _INVERSES[step.operation]
    c, a, b = step.result, step.left, step.right
    solved = [step, Step(a, for_left, c, b)]
    solved.append(Step(b, for_right, c, a) if step.operation in "+*" else Step(b, for_right, a, c))
    return [s for s in solved if not s.result.isdigit()]


def shortest_program(
    told: Iterable[str], wanted: Iterable[str], equations: Sequence[Step], most: int
) -> tuple[Step, ...] | None:
    """The fewest steps, at most `most`, from the told quantities to the wanted ones; None if there are none."""
    start, wanted = frozenset(told), frozenset(wanted)
    solved = [s for equation in equations for s in directions(equation)]
    layer: dict[frozenset[str], tuple[Step, ...]] = {start: ()}
    for _ in range(most + 1):
        for known, steps in layer.items():
            if wanted <= known:
                return steps
        following: dict[frozenset[str], tuple[Step, ...]] = {}
        for known, steps in layer.items():
            for s in solved:
                if s.result not in known and all(x.isdigit() or x in known for x in s.operands):
                    following.setdefault(known | {s.result}, (*steps, s))
        layer = following
    return None
