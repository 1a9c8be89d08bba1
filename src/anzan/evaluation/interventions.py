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
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anzan.arithmetic import Printed, Value
    from anzan.reader import Override, Reader, Trace
    from anzan.reader.encode import TextEncoder
    from anzan.reader.sequence import Text
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
        override: what the reader sees instead of what each call printed; None changes nothing.
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
    return Intervention(BLANKED, lambda text, printed: None)


def wrong_results(encoder: TextEncoder, seed: int = 0) -> Intervention:
    """Every result becomes a random number with as many digits.

    Operands stay, and signs too where numbers are digits. Where they are symbols, a sign is all that is seen of a
    result, so operands are exchanged in half of the calls before the results are replaced.

    A reader that reads the results is then right only by chance. One that judges by the operands and only needs a line
    to be there stays right, which `blanked` does not show.
    """
    rng = random.Random(seed)

    def write(digits: str) -> str:
        return "".join(rng.choice("123456789" if i == 0 else "0123456789") for i in range(len(digits)))

    def override(text: Text, printed: Printed) -> Printed:
        if encoder.symbols is not None and rng.random() < 0.5:
            printed = encoder.again(printed, reversed(_operands(printed)))
        return encoder.rewrite(printed, write)

    return Intervention(WRONG_RESULTS, override)


def exchanged_operands(encoder: TextEncoder) -> Intervention:
    """The same calculation with its operands exchanged, b - a for a - b: signs change, unlike under `wrong_results`."""
    return Intervention(EXCHANGED_OPERANDS, lambda text, printed: encoder.again(printed, reversed(_operands(printed))))


def _operands(printed: Printed) -> tuple[Value, Value]:
    given = {field.argument: field.value for field in printed.fields if field.argument is not None}
    return given[0], given[1]


def random_arguments(encoder: TextEncoder, rng: random.Random) -> Intervention:
    """The calculator is called as often as before, each time on a random pair for which F is defined."""

    def call_again(text: Text) -> Text:
        made = text.uncalled
        for _ in text.calls:
            pairs = [*combinations(range(len(made.mentions)), 2)] if made.calls else made.candidates
            rng.shuffle(pairs)
            tool = rng.randrange(len(encoder.tools))
            found = next(((pair, row) for pair in pairs if (row := encoder.result(made, pair, tool)) is not None), None)
            if found is None:
                break
            made = encoder.extended(made, *found)
        return made

    return Intervention(RANDOM_ARGUMENTS, call_again=call_again)


def other_results(texts: Sequence[Problem | Text], printed: Sequence[Printed | None], call: int = 0) -> Intervention:
    """The given call prints these calculations, one for each text; None keeps what was printed.

    Among equal texts the calculation of the last one is shown for all.
    """
    by_text = {(t.passage, t.question): p for t, p in zip(texts, printed, strict=True)}

    def override(text: Text, own: Printed) -> Printed:
        other = by_text.get((text.passage, text.question))
        return own if other is None or len(text.calls) != call else other

    return Intervention(OTHER_RESULTS, override)


def substitute_printed(encoder: TextEncoder, substitute: Substitute, own: Printed | None = None) -> Printed:
    """The calculation of a substitute's arguments, for `other_results`; by the tool that printed `own`."""
    if own is None:
        return encoder.calculator(*map(Fraction, substitute.arguments))
    return encoder.again(own, map(Fraction, substitute.arguments))
