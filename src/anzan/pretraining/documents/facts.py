"""Documents that teach linking: a query, a story, and in most documents a printed calculation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from anzan.pretraining.documents.calculation import SLOTS, Calculation, put_lines
from anzan.pretraining.documents.designation import designate
from anzan.pretraining.documents.document import Document, Tags
from anzan.pretraining.documents.draft import Draft
from anzan.pretraining.documents.query import Query, designating_query, naming_query, restating_query
from anzan.pretraining.documents.story import Story
from anzan.pretraining.documents.words import Words


def facts_document(words: Words, people: int) -> Document:
    """A story about `people` people, with a query that names people, restates facts or designates two numbers."""
    rng, draft = words.rng, Draft(words)
    story = Story.draw(words, people)
    restate_all = rng.random() < 0.1
    calculation = _draw_calculation(words, story, printed=not restate_all and rng.random() < 0.7)
    if restate_all or rng.random() < 0.2:
        query = restating_query(words, story, restate_all)
    elif calculation is not None and rng.random() < 0.3:
        two, numbers = designate(words, calculation, story.numbers)
        story = replace(story, numbers=numbers)
        query = designating_query(words, two)
    else:
        query = naming_query(words, story)

    labels = _Labels(story, query, calculation)
    for word, masked in query.words:
        labels.put(draft, word, 1.0 if masked else 0.0)
    draft.end_segment()
    for sentence in story.sentences(words):
        for word in sentence.split():
            labels.put(draft, word)
    draft.end_segment()
    if calculation is not None:
        put_lines(draft, calculation, labels.tags, labels.slot_tags())
    labels.relate(draft.document)
    return draft.document


def _draw_calculation(words: Words, story: Story, printed: bool) -> Calculation | None:
    """A calculation on two numbers of the story, most often the amount and what somebody owns."""
    rng, amount = words.rng, story.amount
    numbers = [*story.numbers, amount]
    x, y = rng.sample(numbers if story.giver else story.numbers, 2)
    if story.giver and x != amount and rng.random() < 0.5:
        x, y = (amount, x) if rng.random() < 0.5 else (x, amount)
    if not printed:
        return None
    drawn = Calculation.draw(words, x, y, numbers)
    total, difference, _ = drawn.results
    return replace(drawn, results=(total, difference, difference))  # x - y and y - x have the same digits


@dataclass(frozen=True)
class _Labels:
    """The labels of a document's names and numbers."""

    story: Story
    query: Query
    calculation: Calculation | None

    def put(self, draft: Draft, word: str, mask: float = 0.0) -> None:
        """Appends a word of the query or of the passage."""
        known = word in self.story.names or word.isdigit()
        draft.put(word, self.tags(word) if known else None, mask, self.story.owners.get(word, ""))

    def tags(self, word: str) -> Tags:
        """The tags of a name or number."""
        story, two, owners = self.story, self.query.two, self.story.owners
        if word in story.names:
            return self._person(word)
        found = dict[str, bool]()
        if word == story.amount:
            parts = ("asked", "gives", "receives", "asked_party", "asked_outsider")
            found = {**dict.fromkeys(parts, False), "amount": True}
        elif word in owners:
            found = self._person(owners[word])
        if two:
            found.pop("asked", None)
            found |= two.tags(word)
        return found

    def _person(self, name: str) -> Tags:
        """The tags of a person, which are also those of what the person owns."""
        story, asked = self.story, name in self.query.people
        party = name in (story.giver, story.receiver)
        return {
            "asked": asked,
            "gives": name == story.giver,
            "receives": name == story.receiver,
            "amount": False,
            "asked_party": asked and party,
            "asked_outsider": asked and not party,
        }

    def _calculated_owner(self) -> str:
        """Whose number is added to or subtracted from the amount; empty if the calculation does not use the amount."""
        c, owners = self.calculation, self.story.owners
        if c is None or self.story.amount not in (c.x, c.y):
            return ""
        return owners[c.y if c.x == self.story.amount else c.x]

    def slot_tags(self) -> dict[str, Tags]:
        """The tags of printed results, by slot. They are defined where a result belongs to somebody."""
        owner = self._calculated_owner()
        if not owner:
            return {}
        roles = {"giver": self.story.giver, "receiver": self.story.receiver}
        pairs = [(slot, role) for slot in ("sum", "difference") for role in roles]
        return {
            printed: self._person(owner)
            | {f"{slot}_of_{role}": slot == printed and owner == roles[role] for slot, role in pairs}
            for printed in SLOTS
        }

    def relate(self, document: Document) -> None:
        """Sets the rivals of all mentions and the results of names."""
        owners, calculated = self.story.owners, self._calculated_owner()
        results = tuple(dict.fromkeys(self.calculation.results)) if self.calculation else ()
        if calculated:
            owners = owners | dict.fromkeys(results, calculated)
        two, pair = self.query.two, self.query.pair
        for m in document.mentions:
            if calculated and m.word == calculated:
                m.results = results
            if two:
                m.rivals = two.rivals(m.word)
            elif owners.get(m.word) in pair:
                other = pair[1 - pair.index(owners[m.word])]
                m.rivals = tuple(number for number, owner in owners.items() if owner == other)
