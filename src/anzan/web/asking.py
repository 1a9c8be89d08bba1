"""What the page shows of one question: the answer with its reasons, and whether it hangs on the calculator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anzan.evaluation.explanation import Explanation, explain
from anzan.reader.answers import Answer, Reader, blank, wrong_results
from anzan.reader.numbers import find_numbers, parse_number
from anzan.reader.text import PASSAGE, QUESTION

LONGEST_NUMBER = 40
"""Characters of a number that is typed in the place of another."""
WRONG = 8
"""How many random results a reader is shown in the place of the true ones."""


class CannotAnswer(ValueError):
    """What was sent cannot be answered; the message is for the person who sent it."""


@dataclass(frozen=True)
class Place:
    """A number of the text: `where` it stands (passage or question), its offsets there, and as it is written."""

    where: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Asked:
    """An answer as the page shows it.

    `places` are all numbers of the text; `blanked` is what the reader answers without its results, `tampered` with
    random ones: what it was shown, and the answer. None and nothing where it has not called its calculator.
    """

    explanation: Explanation
    places: list[Place]
    blanked: Answer | None
    tampered: list[tuple[str, Answer]]

    @property
    def used(self) -> set[tuple[str, int]]:
        """Where the numbers stand that went into the calculator."""
        return {(m.where, m.start) for step in self.explanation.answer.steps for m in step.arguments}


def ask(reader: Reader, passage: str, question: str, most_numbers: int) -> Asked:
    """Answer a question with all that the page shows.

    Raises:
        CannotAnswer: an empty passage or question, more numbers than `most_numbers`, a text that is too long.
    """
    for name, content in (("passage", passage), ("question", question)):
        if not content.strip():
            raise CannotAnswer(f"The {name} is empty: type some text.")
    places = find_places(passage, question)
    if len(places) > most_numbers:
        raise CannotAnswer(
            f"There are {len(places):,} numbers in this text and this page takes {most_numbers:,}: shorten the passage."
        )
    try:
        explanation = explain(reader, passage, question)
    except ValueError as error:  # written for the person who asks
        raise CannotAnswer(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    if not explanation.candidates:
        return Asked(explanation, places, None, [])
    called = reader.call_many([(passage, question)])
    [blanked] = reader.read_many(called, override=blank)
    wrong = reader.read_many(called * WRONG, override=wrong_results(reader.features))
    tampered = [(trace.row.printed.text if trace.row else "", trace.answer) for trace in wrong]
    return Asked(explanation, places, blanked.answer, tampered)


def find_places(passage: str, question: str) -> list[Place]:
    """The numbers of passage and question, in that order."""
    return [
        Place(where, number.start, number.end, number.text)
        for where, source in ((PASSAGE, passage), (QUESTION, question))
        for number in find_numbers(source)
    ]


def edited(passage: str, question: str, edits: Mapping[int, str]) -> tuple[str, str]:
    """The text with other numbers; `edits` has what is typed for some of `find_places`, by their place in the list.

    Raises:
        CannotAnswer: what was typed is no number.
    """
    places = find_places(passage, question)
    texts = {PASSAGE: passage, QUESTION: question}
    for i, place in reversed(list(enumerate(places))):
        new = edits.get(i, place.text).strip()
        if new == place.text:
            continue
        if len(new) > LONGEST_NUMBER or parse_number(new) is None:
            shown = new[:LONGEST_NUMBER]
            raise CannotAnswer(f"In the place of {place.text} stands {shown!r}: type a number, for example 42.")
        source = texts[place.where]
        texts[place.where] = source[: place.start] + new + source[place.end :]
    return texts[PASSAGE], texts[QUESTION]


def changed(before: Sequence[Place], after: Sequence[Place]) -> list[tuple[str, str]]:
    """The numbers that differ between two versions of a text, as they were and as they are."""
    return [(a.text, b.text) for a, b in zip(before, after, strict=False) if a.text != b.text]
