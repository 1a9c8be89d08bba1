"""Documents that teach recall: facts as clozes, then the same facts in full."""

from __future__ import annotations

from anzan.pretraining.documents.document import Document
from anzan.pretraining.documents.draft import Draft
from anzan.pretraining.documents.words import OWNS, THINGS, Words


def recall_document(words: Words, people: int) -> Document:
    """Facts with the name or the number masked, and a passage that states them in another order."""
    rng, draft = words.rng, Draft(words)
    names, numbers = words.names(people), words.numbers(people)
    thing = rng.choice(THINGS)
    pattern = words.pattern(OWNS)
    owner = dict(zip(numbers, names, strict=True))
    for cloze in (True, False):
        for i in rng.sample(range(people), people):
            masked = rng.choice((names[i], numbers[i])) if cloze else ""
            for w in pattern.format(x=names[i], n=numbers[i], o=thing).split():
                tags = {} if w in names or w in owner else None
                draft.put(w, tags, 1.0 if w == masked else 0.0, owner.get(w, ""))
        draft.end_segment()
    return draft.document
