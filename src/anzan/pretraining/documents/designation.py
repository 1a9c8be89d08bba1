"""Queries that designate two numbers, verbatim or by the right-hand side of a printed line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anzan.pretraining.documents.calculation import Calculation
from anzan.pretraining.documents.document import Tags
from anzan.pretraining.documents.words import Words


@dataclass(frozen=True)
class Designation:
    """Two numbers that a query designates.

    Attributes:
        one: The first number, verbatim or a printed result.
        other: The second number, always verbatim.
        written: What the query contains for `one`: the number, `x + y`, or `x +`.
        slot: The slot of `one`, if `written` is a whole right-hand side; otherwise empty.
        words: The words of the query.
    """

    one: str
    other: str
    written: tuple[str, ...]
    slot: str
    words: tuple[str, ...]

    def tags(self, number: str) -> Tags:
        """Whether a number is designated, and whether it is the larger or the smaller of the two."""
        if number in (self.one, self.other):
            larger = int(number) == max(int(self.one), int(self.other))
            return {"asked": True, "larger": larger, "smaller": not larger}
        return {} if number in self.written else {"asked": False}  # an operand is in the query but is not designated

    def rivals(self, number: str) -> tuple[str, ...]:
        """The number that a designated number is compared with."""
        return {self.one: (self.other,), self.other: (self.one,)}.get(number, ())


def designate(words: Words, calculation: Calculation, numbers: Sequence[str]) -> tuple[Designation, list[str]]:
    """Designates two numbers; returns them with `numbers`, one of which may have been replaced.

    The first number is named verbatim, or it is a printed result and named by its right-hand side `x + y` or by the
    operand and sign `x +`. In that case the query does not contain it. The second number is one of `numbers`, often
    replaced by a number close to the first.
    """
    rng, operands, results = words.rng, (calculation.x, calculation.y), calculation.results
    line = calculation.lines()[rng.randrange(3)]
    way, slot = rng.random(), ""
    written: tuple[str, ...]
    if way < 0.3:
        one = rng.choice([*results, *numbers])
        written = (one,)
    elif way < 0.45:
        one, slot = line.result, line.slot
        written = (line.left, line.sign, line.right)
    else:
        one = line.result
        written = (line.left, line.sign)
    other = rng.choice([n for n in numbers if n not in (one, *operands)] or [n for n in numbers if n != one])
    numbers = list(numbers)
    if rng.random() < 0.7 and other not in operands:
        near = words.near(one)
        if near not in (*results, *numbers, *operands):
            numbers[numbers.index(other)] = near
            other = near
    named = [written, (other,)]
    rng.shuffle(named)
    query = [*words.filler(2), *named[0], rng.choice(("and", "or", ",", "with")), *words.filler(1), *named[1]]
    return Designation(one, other, written, slot, (*query, *words.filler(1))), numbers
