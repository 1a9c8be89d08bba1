"""Numbers that words imply without writing them: `twice`, `half as many`, `a dozen`, `weeks` where days are asked for,
and dates and clock times (`anzan.arithmetic.dates`).

The words are in `implied.csv`: a pattern, its value, its kind, and for units a word that must be in the text as well,
as nobody converts weeks where no day is mentioned.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import resources

from anzan.arithmetic.dates import scan_dates
from anzan.arithmetic.numbers import Number, find_numbers


@dataclass(frozen=True, slots=True)
class Implied(Number):
    """A number that words imply. Its `kind` is `multiple`, `part`, `group`, `unit`, `coin`, `date`
    or `time`.
    """

    kind: str


@dataclass(frozen=True)
class _Entry:
    pattern: re.Pattern[str]
    value: Fraction
    kind: str
    beside: re.Pattern[str] | None


def find_implied(text: str, context: str = "") -> list[Implied]:
    """The numbers that words of `text` imply, in order and without overlap.

    A date or a time has written numbers in it; other words are none.

    Args:
        context: more text in which the word beside a unit may be, such as the question about a passage.

    >>> [(number.text, str(number.value)) for number in find_implied("She has twice as many, two dozen.")]
    [('twice', '2'), ('dozen', '12')]
    """
    around = f"{text}\n{context}"
    found = [Implied(value, text[start:end], start, end, kind) for value, start, end, kind in scan_dates(text)]
    taken = bytearray(len(text))  # characters
    for number in (*find_numbers(text), *found):
        taken[number.start : number.end] = b"\1" * (number.end - number.start)
    for entry in _entries():
        if entry.beside is not None and not entry.beside.search(around):
            continue
        for match in entry.pattern.finditer(text):
            start, end = match.span()
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(Implied(entry.value, match[0], start, end, entry.kind))
    return sorted(found, key=lambda number: number.start)


@cache
def _entries() -> list[_Entry]:
    file = resources.files("anzan.arithmetic").joinpath("implied.csv")
    return [
        _Entry(
            _word(row["pattern"]), Fraction(row["value"]), row["kind"], _word(row["beside"]) if row["beside"] else None
        )
        for row in csv.DictReader(file.read_text("utf-8").splitlines())
    ]


def _word(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)
