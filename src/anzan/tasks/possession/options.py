"""Options for generating possession problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from anzan.errors import AnzanError
from anzan.tasks.possession.vocabulary import NAMES, OBJECTS

QUESTIONS = ("argmax", "max")
DRAWS = ("balanced", "free")
BIASES = ("asked-order", "mention-order", "name", "role", "leading-digits")
GAP = 0.2
"""The default of `gap`."""
WIDEST = 10.0
"""The largest `gap`: the two compared numbers only have the same length."""
MAX_DIGITS = 15  # below 2**53, so that every number is a JSON number and within the precision of random()


@dataclass(frozen=True)
class Possession:
    """Options for `generate`.

        Possession(people=4, transfers=1)                            # balanced
        Possession(people=4, transfers=1, bias={"role": 0.9})        # biased on purpose
        Possession(people=4, transfers=1, draw="free")               # worded as in the paper, not balanced

    Attributes:
        people: People per passage.
        digits: Digits of each number.
        max_digits: If given, replaces `digits` (Table 4 of the paper): a number has d ~ U{1..max_digits} digits and is
            uniform among the numbers of d digits, before balancing selects.
        transfers: Sentences in which one person gives some to another: 0, 1 or 2.
        questions: Kinds of question, `argmax` and `max`, drawn evenly.
        bias: Cues to bias on purpose, each with a probability p:

            - `asked-order`: the person named first in the question wins with p.
            - `mention-order`: of the two asked, the one who comes first in the passage wins with p.
            - `name`: the sorted names are halved, one of each half is asked, and the one of the first half wins with p.
            - `role` (needs a transfer): a receiver wins with p and a giver loses with p, whatever the leading digits.
            - `leading-digits` (needs a transfer, excludes `role`): the leading digits name a winner, who is right with
              p. Below p = 1/2 the role becomes a cue too, for lack of numbers: leading digits that say a giver loses
              are hardly ever wrong.
        names: Names to draw from, single words.
        objects: Things to draw from, single words.
        gap: With a transfer, the largest difference between the two compared numbers, in units of what the leading
            digit spans; above 0 and up to 10. Above 1, leading digits are no longer balanced.
        draw: `balanced`, or `free`: one sentence with commas, and numbers that nothing balances (see
            `anzan.tasks.possession.free`). The free draw takes neither `bias` nor `gap`.

    Raises:
        AnzanError: Options for which there are no problems.
    """

    people: int = 10
    digits: int = 7
    max_digits: int | None = None
    transfers: int = 0
    questions: tuple[str, ...] = QUESTIONS
    bias: Mapping[str, float] = field(default_factory=dict, hash=False)
    names: tuple[str, ...] = NAMES
    objects: tuple[str, ...] = OBJECTS
    gap: float = GAP
    draw: str = "balanced"

    def __post_init__(self) -> None:
        self._check_draw()
        self._check_words()
        self._check_numbers()
        self._check_bias()

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest number that a person can own at first."""
        if self.max_digits is None:
            return 10 ** (self.digits - 1), 10**self.digits - 1
        return 1, 10**self.max_digits - 1

    def _check_draw(self) -> None:
        if self.draw not in DRAWS:
            refuse("draw", repr(self.draw), f"choose {' or '.join(DRAWS)}")
        if self.draw == "free":
            for name, changed in (("bias", bool(self.bias)), ("gap", self.gap != GAP)):
                if changed:
                    refuse(name, "needs balanced problems", "leave it out or choose draw=balanced")

    def _check_words(self) -> None:
        for name, pool in (("names", self.names), ("objects", self.objects)):
            single_words = all(len(word.split()) == 1 and word == word.strip() for word in pool)
            if not pool or len(set(pool)) < len(pool) or not single_words:
                refuse(name, "not a pool of distinct single words", "give each word once and without spaces")
        if not self.questions or not set(self.questions) <= set(QUESTIONS):
            refuse("questions", self.questions, "choose among argmax and max")

    def _check_numbers(self) -> None:
        if self.transfers not in (0, 1, 2):
            refuse("transfers", self.transfers, "choose 0, 1 or 2")
        fewest = 2 + self.transfers
        if not fewest <= self.people <= len(self.names):
            refuse("people", self.people, f"choose {fewest} to {len(self.names)} or give more names")
        name, digits = ("digits", self.digits) if self.max_digits is None else ("max_digits", self.max_digits)
        # A number of one digit is its leading digit, which leaves nothing to balance.
        least = 2 if self.transfers and self.draw == "balanced" else 1
        if not least <= digits <= MAX_DIGITS:
            refuse(name, digits, f"choose {least} to {MAX_DIGITS}")
        lowest, highest = self.bounds
        if self.people + self.transfers > highest - lowest + 1:
            refuse(name, f"{digits} give fewer distinct numbers than the passage needs", "choose more digits")
        if not 0 < self.gap <= WIDEST:
            refuse("gap", self.gap, "give a share of what a leading digit spans, above 0 and up to 10")

    def _check_bias(self) -> None:
        for kind, p in self.bias.items():
            if kind not in BIASES:
                refuse(f"bias {kind}", "unknown kind", f"choose among {', '.join(BIASES)}")
            if not 0 <= p <= 1:
                refuse(f"bias {kind}", p, f"give a probability from 0 to 1, for example {kind}=0.9")
            if kind in ("role", "leading-digits") and not self.transfers:
                refuse(f"bias {kind}", "needs a transfer sentence", "add a transfer or choose another kind")
        if "leading-digits" in self.bias and self.gap > 1:
            refuse("gap", self.gap, "beyond 1 leading digits are free, so choose 1 at most with that bias")
        if {"role", "leading-digits"} <= set(self.bias):
            refuse("bias", "role and leading-digits both decide the winner", "choose one of them")


def refuse(name: str, fault: object, fix: str) -> NoReturn:
    """Raise AnzanError for an option: its name, what is wrong, how to fix it."""
    raise AnzanError(f"{name}: {fault}; {fix}")
