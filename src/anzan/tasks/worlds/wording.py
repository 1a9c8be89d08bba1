"""From templates to text: choices, slots, pronouns, articles."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from anzan.tasks.worlds.kinds import SLOT, parse_slot
from anzan.tasks.worlds.vocabulary import Word

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_ARTICLE = re.compile(r"\b([Aa]) (?=(?!one\b)[aeio]|8|1[18](?!\d))")
_SPACES = re.compile(r" +(?=[ ,.?!])|^ +")
PRONOUN = 0.6
"""How often a person who was the last one named is named again by a pronoun."""
JOINED, SHORT = 0.2, 9
"""How often two sentences of fewer words become one."""
_LOWER = {
    "He",
    "She",
    "His",
    "Her",
    "The",
    "There",
    "A",
    "An",
    "Each",
    "Every",
    "One",
    "It",
    "They",
    "At",
    "In",
    "On",
    "Then",
    "Later",
    "Now",
    "Together",
    "Since",
    "By",
    "Next",
    "Some",
}  # else a name
_PRONOUNS = {"he": {"": "he", "his": "his", "him": "him"}, "she": {"": "she", "his": "her", "him": "her"}}


def choose(rng: random.Random, template: str) -> str:
    """One wording of a template: one of each `[a|b|c]`."""
    return _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)


@dataclass
class Teller:
    """Writes the sentences of one text in order, and knows who was named last.

    Attributes:
        cast: role -> word.
        write: a quantity as text.
        last: the person named last; None where a pronoun would not be understood.
    """

    rng: random.Random
    cast: Mapping[str, Word]
    write: Callable[[str], str]
    last: Word | None = None
    people: set[Word] = field(default_factory=set)
    others: bool = False

    def sentence(self, template: str) -> str:
        """A sentence of the passage."""
        text = SLOT.sub(lambda match: self._slot(match[1], PRONOUN), template)
        return finished(text)

    def interrupted(self) -> None:
        """Somebody else was named: the next pronoun would be theirs."""
        self.last = None
        self.others = True

    def question(self, template: str) -> str:
        """The question: a person is named by a pronoun only if no other was named."""
        if len(self.people) != 1 or self.others:
            self.last = None
        text = SLOT.sub(lambda match: self._slot(match[1], PRONOUN / 2), template)
        return finished(text)

    def _slot(self, slot: str, share: float) -> str:
        role, form, owns = parse_slot(slot)
        word = self.cast.get(role)
        if word is None:
            return self.write(slot)
        if word.gender is None:
            return word.one + "'s" if owns else word.one if form == "one" else word.many
        known, self.last = self.last == word, word
        self.people.add(word)
        if form != "name" and known and self.rng.random() < share:
            return _PRONOUNS[word.gender]["his" if owns else form]
        return word.one + "'s" if owns else word.one


def finished(text: str) -> str:
    """The text with the right articles, without spare spaces, its first letter large."""
    text = _SPACES.sub("", re.sub(r"  +", " ", text))
    text = _ARTICLE.sub(r"\1n ", text)
    return text[:1].upper() + text[1:]


def joined(rng: random.Random, sentences: Sequence[str]) -> str:
    """The sentences as one text. Two short ones in a row may become one."""
    out: list[str] = []
    for sentence in sentences:
        short = bool(out) and len(sentence.split()) < SHORT and len(out[-1].split()) < SHORT
        if short and ", and " not in out[-1] and rng.random() < JOINED:
            first = sentence.split()[0]
            rest = sentence[:1].lower() + sentence[1:] if first in _LOWER else sentence
            out[-1] = f"{out[-1][:-1]}, and {rest}"
        else:
            out.append(sentence)
    return " ".join(out)
