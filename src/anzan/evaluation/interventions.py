"""Interventions on the calculator's output: what the reader sees instead of what was printed.

    reader.ask(passage, question, override=wrong_results(reader.text_encoder).override)

    called = reader.call_many(pairs)  # the calculator is called once for all interventions
    answers = {i.name: [t.answer for t in i.read(reader, called)] for i in (as_printed(), blanked())}

Importing this module loads neither torch nor transformers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anzan.reader import Override, Reader, Trace
    from anzan.reader.encode import TextEncoder
    from anzan.reader.sequence import Row, Text
    from anzan.tasks.possession import Substitute
    from anzan.tasks.problem import Problem

AS_PRINTED = "as_printed"
BLANKED = "blanked"
RANDOM_ARGUMENTS = "random_arguments"
OTHER_RESULTS = "other_results"
WRONG_RESULTS = "wrong_results"
EXCHANGED_OPERANDS = "exchanged_operands"

LABELS = {
    AS_PRINTED: "as printed",
    BLANKED: "blanked",
    RANDOM_ARGUMENTS: "random arguments",
    OTHER_RESULTS: "another example's result",
    WRONG_RESULTS: "wrong result",
    EXCHANGED_OPERANDS: "operands exchanged",
}
"""All interventions: their names, which are keys in JSON, and how they are displayed."""


@dataclass(frozen=True)
class Intervention:
    """A change to what the reader sees of its calculator.

    Attributes:
        name: a key of `LABELS`.
        override: what the reader sees instead of each printed row; None changes nothing.
        call_again: replaces the calls in a text by others; None keeps them.
    """

    name: str
    override: Override | None = None
    call_again: Callable[[Text], Text] | None = None

    @property
    def label(self) -> str:
        """The name for display."""
        return LABELS[self.name]

    def read(self, reader: Reader, called: Sequence[Text]) -> list[Trace]:
        """Answers to texts from `Reader.call_many`, under this intervention."""
        texts = called if self.call_again is None else [self.call_again(text) for text in called]
        return list(reader.read_many(texts, override=self.override))


def as_printed() -> Intervention:
    """No change."""
    return Intervention(AS_PRINTED)


def blanked() -> Intervention:
    """The reader sees no result at all."""
    return Intervention(BLANKED, lambda text, row: None)


def wrong_results(encoder: TextEncoder, seed: int = 0) -> Intervention:
    """Every result becomes a random number with as many digits; operands and signs stay.

    A reader that reads the results is then right only by chance. One that judges by the operands and only needs a line
    to be there stays right, which `blanked` does not show.
    """
    rng = random.Random(seed)

    def write(printed: str) -> str:
        return "".join(rng.choice("123456789" if i == 0 else "0123456789") for i in range(len(printed)))

    return Intervention(WRONG_RESULTS, lambda text, row: None if row is None else encoder.rewrite(row, write))


def exchanged_operands(encoder: TextEncoder) -> Intervention:
    """The same calculation with its operands exchanged, b - a for a - b: signs change, unlike under `wrong_results`."""

    def override(text: Text, row: Row | None) -> Row | None:
        if row is None:
            return None
        first, second, *_ = (value for value, _, operation in row.fields if operation is None)
        return encoder.row(encoder.calculator(second, first))

    return Intervention(EXCHANGED_OPERANDS, override)


def random_arguments(encoder: TextEncoder, rng: random.Random) -> Intervention:
    """The calculator is called as often as before, each time on a random pair for which F is defined."""

    def call_again(text: Text) -> Text:
        made = text.uncalled
        for _ in text.calls:
            pairs = made.candidates
            rng.shuffle(pairs)
            found = next(((pair, row) for pair in pairs if (row := encoder.result(made, pair)) is not None), None)
            if found is None:
                break
            made = encoder.extended(made, *found)
        return made

    return Intervention(RANDOM_ARGUMENTS, call_again=call_again)


def other_results(texts: Sequence[Problem | Text], rows: Sequence[Row | None], calls: int = 1) -> Intervention:
    """The last of `calls` calls prints these rows, one for each text; None keeps what was printed.

    Among equal texts the row of the last one is shown for all.
    """
    by_text = {(t.passage, t.question): row for t, row in zip(texts, rows, strict=True)}

    def override(text: Text, row: Row | None) -> Row | None:
        other = by_text.get((text.passage, text.question))
        last = calls == 1 or len(text.calls) + 1 == calls
        return other if row is not None and other is not None and last else row

    return Intervention(OTHER_RESULTS, override)


def substitute_row(encoder: TextEncoder, substitute: Substitute) -> Row | None:
    """The calculation of a substitute's arguments, for `other_results`."""
    return encoder.row(encoder.calculator(*map(Fraction, substitute.arguments)))
