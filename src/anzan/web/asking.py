"""What the page shows of one question: the answer with its reasons, and whether it hangs on the calculator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anzan.arithmetic.numbers import find_numbers, parse_number
from anzan.evaluation.explanation import Explanation, explain
from anzan.evaluation.saliency import NoAnswer
from anzan.reader.encode import Features, TextTooLong
from anzan.reader.reader import Answer, Reader, blank, wrong_results
from anzan.reader.sequence import PASSAGE, QUESTION, Row

LONGEST_NUMBER = 40
"""Characters of a number that is typed in the place of another."""
WRONG = 8
"""How many random results a reader is shown in the place of the true ones."""


class CannotAnswer(Exception):
    """What was sent cannot be answered; the message is for the person who sent it."""


@dataclass(frozen=True)
class Place:
    """A number of the text: `where` it stands (passage or question), its offsets there, and as it is written."""

    where: str
    start: int
    end: int
    text: str

    @property
    def shown(self) -> str:
        """On one line."""
        return " ".join(self.text.split())


@dataclass(frozen=True)
class Tampering:
    """What the reader answers with another output of its calculator: of what kind it is, the line, and the answer."""

    kind: str
    printed: str
    answer: Answer


@dataclass(frozen=True)
class Asked:
    """An answer as the page shows it, and all numbers of the text; no `tampered` where it called no calculator.

    `hidden`: the reader sees random digits in the place of what went into the calculator.
    """

    explanation: Explanation
    places: list[Place]
    tampered: list[Tampering]
    hidden: bool

    @property
    def used(self) -> set[tuple[str, int]]:
        """Where the numbers stand that went into the calculator."""
        return {(m.where, m.start) for step in self.explanation.answer.steps for m in step.arguments}


def check_length(passage: str, question: str, most: int) -> None:
    """Raise CannotAnswer for an empty text, or one of more characters; a question may have a tenth of them."""
    for name, content, limit in (
        ("passage", passage, most),
        ("question", question, most // 10),
    ):
        if not content.strip():
            raise CannotAnswer(f"The {name} is empty: type some text.")
        if len(content) > limit:
            raise CannotAnswer(f"The {name} has {len(content):,} characters and this page takes {limit:,}: shorten it.")


def check_numbers(passage: str, question: str, most: int) -> None:
    """Raise CannotAnswer for a text with more numbers."""
    if (count := len(find_places(passage, question))) > most:
        raise CannotAnswer(
            f"There are {count:,} numbers in this text and this page takes {most:,}: shorten the passage."
        )


def ask(reader: Reader, passage: str, question: str) -> Asked:
    """Answer a question with all that the page shows.

    Raises:
        CannotAnswer: a text that is too long, or no answer.
    """
    try:
        explanation = explain(reader, passage, question)
    except (TextTooLong, NoAnswer) as error:  # written for the person who asks
        raise CannotAnswer(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    tampered, called, features = [], [explanation.called], reader.features
    if explanation.candidates:
        exchanged = lambda _, row: _exchanged(features, row)  # noqa: E731
        for kind, texts, override in (
            ("nothing", called, blank),
            ("the operands exchanged", called, exchanged),
            ("random digits", called * WRONG, wrong_results(features)),
        ):
            for trace in reader.read_many(texts, override=override):
                tampered.append(Tampering(kind, trace.row.printed.text if trace.row else "", trace.answer))
    return Asked(explanation, find_places(passage, question), tampered, reader.model.config.hide_arguments)


def _exchanged(features: Features, row: Row | None) -> Row | None:
    """The same calculation, a - b for b - a: random digits leave every sign as it is."""
    if row is None:
        return None
    first, second, *_ = (value for value, _, operation in row.fields if operation is None)
    return features.row(features.calculator(second, first))


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
        CannotAnswer: what was typed is no number, or not one number where it stands.
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
        raise CannotAnswer("What was typed makes other numbers of the text: type digits, for example 42.")
    return texts[PASSAGE], texts[QUESTION]


def _no_number(place: Place, typed: str) -> str:
    typed = f"“{typed[:LONGEST_NUMBER]}”" if typed else "nothing"
    return f"In the place of {place.shown} stands {typed}, which is no number there: type digits, for example 42."


def changed(before: Sequence[Place], after: Sequence[Place]) -> list[tuple[str, str]]:
    """The numbers that differ between two versions of a text, as they were and as they are."""
    return [(a.shown, b.shown) for a, b in zip(before, after, strict=True) if a.shown != b.shown]
