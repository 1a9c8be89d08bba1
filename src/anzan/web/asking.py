"""What the page shows about one question: the answer, its explanation, and whether it depends on the calculator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anzan.arithmetic.numbers import find_numbers, parse_number
from anzan.errors import AnzanError
from anzan.evaluation import Explanation, Intervention, NoAnswer, explain
from anzan.evaluation.interventions import blanked, exchanged_operands, wrong_results
from anzan.reader import Answer, Reader
from anzan.reader.encode import TextTooLong
from anzan.reader.sequence import PASSAGE, QUESTION

LONGEST_NUMBER = 40
"""Characters in a number that replaces another, at most."""
WRONG_RESULTS_SHOWN = 8
"""How many times the reader is shown wrong results."""


class CannotAnswer(AnzanError):
    """The input cannot be answered; the message is shown on the page."""


@dataclass(frozen=True)
class Place:
    """A number in the text: `where` (passage or question), its character offsets there, and how it is written."""

    where: str
    start: int
    end: int
    text: str

    @property
    def shown(self) -> str:
        """The number on one line."""
        return " ".join(self.text.split())


@dataclass(frozen=True)
class Outcome:
    """The answer under an intervention on the calculator's output, and what the reader was shown instead."""

    intervention: Intervention
    printed: str
    answer: Answer


@dataclass(frozen=True)
class Asked:
    """An answer as the page shows it.

    Attributes:
        places: all numbers in the text.
        outcomes: none if the calculator was not called.
    """

    explanation: Explanation
    places: list[Place]
    outcomes: list[Outcome]

    @property
    def used(self) -> set[tuple[str, int]]:
        """The source and start of each number that went into the calculator."""
        return {(m.where, m.start) for step in self.explanation.answer.steps for m in step.arguments}


def check_length(passage: str, question: str, most: int) -> None:
    """Raise CannotAnswer for an empty text, or one longer than `most` characters (a tenth of that for the question)."""
    for name, content, limit in (
        ("passage", passage, most),
        ("question", question, most // 10),
    ):
        if not content.strip():
            raise CannotAnswer(f"The {name} is empty: type some text.")
        if len(content) > limit:
            raise CannotAnswer(f"The {name} has {len(content):,} characters and this page takes {limit:,}: shorten it.")


def check_numbers(passage: str, question: str, most: int) -> None:
    """Raise CannotAnswer for a text with more than `most` numbers."""
    if (count := len(find_places(passage, question))) > most:
        raise CannotAnswer(
            f"There are {count:,} numbers in this text and this page takes {most:,}: shorten the passage."
        )


def ask(reader: Reader, passage: str, question: str) -> Asked:
    """Answer a question, with everything that the page shows about it.

    Raises:
        CannotAnswer: the text is too long, or the reader marks no answer.
    """
    try:
        explanation = explain(reader, passage, question)
    except (TextTooLong, NoAnswer) as error:  # their messages are for the person who asks
        raise CannotAnswer(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    outcomes, called = [], [explanation.called]
    if explanation.candidates:
        for intervention, times in (
            (blanked(), 1),
            (exchanged_operands(reader.text_encoder), 1),
            (wrong_results(reader.text_encoder), WRONG_RESULTS_SHOWN),
        ):
            for trace in intervention.read(reader, called * times):
                printed = trace.row.printed.text if trace.row else ""
                outcomes.append(Outcome(intervention, printed, trace.answer))
    return Asked(explanation, find_places(passage, question), outcomes)


def find_places(passage: str, question: str) -> list[Place]:
    """The numbers in the passage, then those in the question."""
    return [
        Place(where, number.start, number.end, number.text)
        for where, source in ((PASSAGE, passage), (QUESTION, question))
        for number in find_numbers(source)
    ]


def edited(passage: str, question: str, edits: Mapping[int, str]) -> tuple[str, str]:
    """The text with some numbers replaced; `edits` maps indices of `find_places` to what was typed there.

    Raises:
        CannotAnswer: what was typed is not a number, or is not read as one in its context.
    """
    places = find_places(passage, question)
    texts = {PASSAGE: passage, QUESTION: question}
    wanted = [place.shown for place in places]
    for i, place in reversed(list(enumerate(places))):
        new = edits.get(i, place.shown).strip()
        if new == place.shown:
            continue
        wanted[i] = new
        if len(new) > LONGEST_NUMBER or parse_number(new) is None:
            raise CannotAnswer(_no_number(place, new))
        source = texts[place.where]
        texts[place.where] = source[: place.start] + new + source[place.end :]
    made = find_places(texts[PASSAGE], texts[QUESTION])
    for old, new, now in zip(places, wanted, made, strict=False):
        if now.shown != new:
            raise CannotAnswer(_no_number(old, new))
    if len(made) != len(places):
        raise CannotAnswer("The edit changes other numbers in the text: type digits, for example 42.")
    return texts[PASSAGE], texts[QUESTION]


def _no_number(place: Place, typed: str) -> str:
    typed = f"“{typed[:LONGEST_NUMBER]}”" if typed else "nothing"
    return f"{place.shown} cannot be replaced by {typed}: type digits, for example 42."


def changed(before: Sequence[Place], after: Sequence[Place]) -> list[tuple[str, str]]:
    """The numbers that differ between two versions of a text, as (old, new)."""
    return [(a.shown, b.shown) for a, b in zip(before, after, strict=True) if a.shown != b.shown]
