"""Queries about a story: some of its people, some of its facts with a word masked, or two numbers."""

from __future__ import annotations

from dataclasses import dataclass

from anzan.pretraining.documents.designation import Designation
from anzan.pretraining.documents.story import Story
from anzan.pretraining.documents.words import Words


@dataclass(frozen=True)
class Query:
    """A query about a story.

    Attributes:
        words: Its words, each with whether it is masked.
        people: The people it names.
        pair: The two people whose numbers it compares; empty if it compares none.
        two: The two numbers it designates, if it does.
    """

    words: list[tuple[str, bool]]
    people: frozenset[str] = frozenset()
    pair: tuple[str, ...] = ()
    two: Designation | None = None


def restating_query(words: Words, story: Story, everything: bool) -> Query:
    """A few facts of the story, or all of them, each with a name or number masked."""
    rng, people = words.rng, len(story.names)
    query = [(w, False) for w in words.filler(2)]
    facts = list(range(people + bool(story.giver)))  # the last one is the transfer
    rng.shuffle(facts)
    named: set[str] = set()
    for i in facts if everything else facts[: rng.choice((1, 2, 2, 3))]:
        fact = (story.transfer(words) if i == people else story.ownership(words, i)).split()
        masked = rng.choice([w for w in fact if w in (*story.names, *story.numbers, story.amount)])
        named.update(w for w in fact if w in story.names)
        query += [(w, w == masked) for w in fact]
    return Query(query, frozenset(named))


def naming_query(words: Words, story: Story) -> Query:
    """One to three people, most often two, among filler words."""
    rng = words.rng
    query = [(w, False) for w in words.filler(2)]
    people = rng.sample(story.names, min(len(story.names), rng.choice((1, 2, 2, 2, 2, 3))))
    if story.giver and len(people) == 2 and rng.random() < 0.5:  # one who takes part in the transfer, one who does not
        parties = (story.giver, story.receiver)
        if outsiders := [n for n in story.names if n not in parties]:
            people = [rng.choice(parties), rng.choice(outsiders)]
            rng.shuffle(people)
    for name in people:
        query += [(name, False), *((w, False) for w in words.filler(2))]
    if rng.random() < 0.5:
        query.insert(rng.randrange(len(query) + 1), (story.thing, False))
    query.append((rng.choice("?.:"), False))
    return Query(query, frozenset(people), tuple(people) if len(people) == 2 else ())


def designating_query(words: Words, two: Designation) -> Query:
    """Two numbers among filler words."""
    return Query([(w, False) for w in (*words.filler(2), *two.words)], two=two)
