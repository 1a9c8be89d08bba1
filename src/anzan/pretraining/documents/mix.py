"""Draws documents of all kinds, in batches of similar length."""

from __future__ import annotations

from dataclasses import dataclass

from anzan.pretraining.documents.designated import designated_document
from anzan.pretraining.documents.document import Document
from anzan.pretraining.documents.facts import facts_document
from anzan.pretraining.documents.order import order_document
from anzan.pretraining.documents.recall import recall_document
from anzan.pretraining.documents.words import Words


@dataclass(frozen=True)
class Mix:
    """The share of each kind of document. The rest have queries that designate two numbers."""

    recall: float = 0.05
    facts: float = 0.5
    order: float = 0.2


def draw_document(words: Words, mix: Mix) -> Document:
    """One document of a random kind."""
    rng, kind = words.rng, words.rng.random()
    if kind < mix.recall:
        return recall_document(words, rng.randint(3, 5))
    if kind < mix.recall + mix.facts:
        people = rng.choice((2, 3, 3, 4, 4, 4, 5, 5, 6)) if rng.random() < 0.95 else rng.randint(7, 10)
        return facts_document(words, min(people, 2 + round(8 * words.level)))
    if kind < mix.recall + mix.facts + mix.order:
        return order_document(words, rng.randint(4, 7))
    return designated_document(words)


def draw_batches(words: Words, mix: Mix, size: int, pool: int = 8) -> list[list[Document]]:
    """`pool` batches of `size` documents, each batch of similar length, in random order."""
    documents = sorted((draw_document(words, mix) for _ in range(size * pool)), key=lambda d: len(d.ids))
    batches = [documents[i : i + size] for i in range(0, len(documents), size)]
    words.rng.shuffle(batches)
    return batches
