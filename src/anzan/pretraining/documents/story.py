"""Stories: who owns how many of a thing, and who gives some of them to whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from anzan.pretraining.documents.words import GIVES, OWNS, THINGS, Words


@dataclass(frozen=True)
class Story:
    """People who each own some number of a thing; in most stories one of them gives some to another.

    Attributes:
        names: The people.
        numbers: What each of them owns.
        thing: What they own.
        giver: Who gives; empty if nothing changes hands.
        receiver: Who receives; empty if nothing changes hands.
        amount: How many change hands.
    """

    names: list[str]
    numbers: list[str]
    thing: str
    giver: str
    receiver: str
    amount: str

    @classmethod
    def draw(cls, words: Words, people: int) -> Story:
        """A random story about `people` people."""
        rng = words.rng
        names, (*numbers, amount) = words.names(people), words.numbers(people + 1)
        thing = rng.choice(THINGS) if rng.random() < 0.6 else words.name()
        giver, receiver = rng.sample(names, 2) if rng.random() < 0.8 else ("", "")
        return cls(names, numbers, thing, giver, receiver, amount)

    @cached_property
    def owners(self) -> dict[str, str]:
        """The owner of each number."""
        return dict(zip(self.numbers, self.names, strict=True))

    def ownership(self, words: Words, i: int) -> str:
        """A sentence that says what person `i` owns."""
        return words.pattern(OWNS).format(x=self.names[i], n=self.numbers[i], o=self.thing)

    def transfer(self, words: Words) -> str:
        """A sentence that says who gives how many to whom."""
        return words.pattern(GIVES).format(x=self.giver, y=self.receiver, n=self.amount, o=self.thing)

    def sentences(self, words: Words) -> list[str]:
        """The whole story; the transfer is last at least half the time, everything else is in random order."""
        rng, people = words.rng, len(self.names)
        sentences = [self.ownership(words, i) for i in range(people)]
        rng.shuffle(sentences)
        if self.giver:
            place = people if rng.random() < 0.5 else rng.randrange(people + 1)
            sentences.insert(place, self.transfer(words))
        return sentences
