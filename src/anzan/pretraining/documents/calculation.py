"""A calculation as the calculator prints it, with random results: `R1 = x + y , R2 = x - y , - R3 = y - x`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from anzan.pretraining.documents.document import Tags
from anzan.pretraining.documents.draft import Draft
from anzan.pretraining.documents.words import Words

SLOTS = ("sum", "difference", "reversed")


class Line(NamedTuple):
    """One printed line, `result = left sign right`."""

    slot: str
    result: str
    left: str
    sign: str
    right: str


@dataclass(frozen=True)
class Calculation:
    """Two operands and the results printed for them, one for each of `SLOTS`."""

    x: str
    y: str
    results: tuple[str, str, str]

    @classmethod
    def draw(cls, words: Words, x: str, y: str, others: Sequence[str]) -> Calculation:
        """Random results that differ from each other, from the operands and from `others`.

        None is the true sum or difference: the printed lines must not teach arithmetic.
        """
        true = {int(x) + int(y), abs(int(x) - int(y))}
        while True:
            one, two, three = words.numbers(3)
            if true.isdisjoint(map(int, (one, two, three))) and {one, two, three}.isdisjoint({x, y, *others}):
                return cls(x, y, (one, two, three))

    def lines(self) -> tuple[Line, Line, Line]:
        """The lines in the order in which they are printed."""
        x, y, results = self.x, self.y, self.results
        return (
            Line("sum", results[0], x, "+", y),
            Line("difference", results[1], x, "-", y),
            Line("reversed", results[2], y, "-", x),
        )


def put_lines(
    draft: Draft, calculation: Calculation, tags: Callable[[str], Tags], slot_tags: Mapping[str, Tags]
) -> None:
    """Appends the printed lines as a segment.

    Args:
        draft: The document.
        calculation: What is printed.
        tags: The tags of an operand or result.
        slot_tags: More tags of the result in a slot, by slot. They are overridden by `tags`.
    """
    negative = "difference" if draft.rng.random() < 0.5 else "reversed"
    for i, line in enumerate(calculation.lines()):
        if i:
            draft.put(",")
        if line.slot == negative:
            draft.put("-")
        slots = {slot: slot == line.slot for slot in SLOTS}
        draft.put(line.result, {**slots, **slot_tags.get(line.slot, {}), **tags(line.result)})
        result = draft.document.mentions[-1]
        draft.put("=")
        draft.put(line.left, tags(line.left), 0.12)
        draft.put(line.sign, None, 0.15)
        draft.put(line.right, tags(line.right), 0.12)
        result.operands = tuple(draft.document.mentions[-2:])
    draft.end_segment()
