"""From templates to text: choices, slots, pronouns, articles."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from anzan.tasks.worlds.kinds import CHOICE, SLOT, parse_slot
from anzan.tasks.worlds.vocabulary import Word

_ARTICLE = re.compile(r"\b([Aa]) (?=(?!one\b)[aeio]|8|1[18](?!\d))")
_SPACES = re.compile(r" +(?=[ ,.?!])|^ +")
PRONOUN = 0.6
"""How often a person who was the last one named is named again by a pronoun."""
JOINED, SHORT = 0.2, 9
"""How often two sentences of fewer words become one."""
_PRONOUNS = {"he": {"": "he", "his": "his", "him": "him"}, "she": {"": "she", "his": "her", "him": "her"}}


def choose(rng: random.Random, template: str) -> str:
    """One wording of a template: one of each `[a|b|c]`."""
    return CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)


@dataclass
class Teller:
    """Writes the sentences of one text in order, and knows who was named last.

    Attributes:
        cast: role -> word.
        write: a quantity as text.
        last: the person named last; None where a pronoun would not be understood.
        people: who has been named.
        others: whether somebody was named who is not in the cast.
        here: who has been named in this sentence.
        before: who was named in the last one.
    """

    rng: random.Random
    cast: Mapping[str, Word]
    write: Callable[[str], str]
    last: Word | None = None
    people: set[Word] = field(default_factory=set)
    others: bool = False
    here: set[Word] = field(default_factory=set)
    before: set[Word] = field(default_factory=set)

    def sentence(self, template: str) -> str:
        """A sentence of the passage."""
        return self._filled(template, PRONOUN)

    def interrupted(self) -> None:
        """Somebody else was named: the next pronoun would be theirs."""
        self.last = None
        self.others = True

    def question(self, template: str) -> str:
        """The question: a person is named by a pronoun only if no other was named."""
        if len(self.people) != 1 or self.others:
            self.last = None
        return self._filled(template, PRONOUN / 2)

    def _filled(self, template: str, share: float) -> str:
        self.before, self.here = self.here, set()
        return finished(SLOT.sub(lambda match: self._slot(match[1], share), template))

    def _slot(self, slot: str, share: float) -> str:
        role, form, owns = parse_slot(slot)
        word = self.cast.get(role)
        if word is None:
            return self.write(slot)
        if word.gender is None:
            return word.one + "'s" if owns else word.one if form == "one" else word.many
        known, self.last = self.last == word, word
        self.people.add(word)
        again = word in self.here  # twice in a sentence, and nobody else between: never the name again
        self.here.add(word)
        clear = all(other == word or other.gender != word.gender for other in self.before | self.here)
        if form != "name" and known and (again or (clear and self.rng.random() < share)):
            return _PRONOUNS[word.gender]["his" if owns else form]
        return word.one + "'s" if owns else word.one


def finished(text: str) -> str:
    """The text with the right articles, without spare spaces, its first letter large."""
    text = _SPACES.sub("", re.sub(r"  +", " ", text))
    text = _ARTICLE.sub(r"\1n ", text)
    return text[:1].upper() + text[1:]


def joined(rng: random.Random, sentences: Sequence[str], names: Collection[str]) -> str:
    """The sentences as one text. Two short ones in a row may become one.

    Args:
        names: words that begin with a capital anywhere.
    """
    out: list[str] = []
    for sentence in sentences:
        short = bool(out) and len(sentence.split()) < SHORT and len(out[-1].split()) < SHORT
        if short and ", and " not in out[-1] and rng.random() < JOINED:
            name = sentence.split()[0].removesuffix("'s").strip(",") in names
            rest = sentence if name else sentence[:1].lower() + sentence[1:]
            out[-1] = f"{out[-1][:-1]}, and {rest}"
        else:
            out.append(sentence)
    return " ".join(out)
