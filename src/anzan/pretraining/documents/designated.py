"""Documents that teach look-up and order: the query designates two of the numbers in passage and printed lines."""

from __future__ import annotations

from anzan.pretraining.documents.calculation import SLOTS, Calculation, put_lines
from anzan.pretraining.documents.designation import Designation, designate
from anzan.pretraining.documents.document import Document
from anzan.pretraining.documents.draft import Draft
from anzan.pretraining.documents.words import GIVES, OWNS, THINGS, Words


def designated_document(words: Words) -> Document:
    """A query that designates two numbers, numbers in a passage, and printed lines."""
    rng, draft = words.rng, Draft(words)
    numbers = words.numbers(rng.randint(3, 5))
    x, y = rng.sample(numbers, 2) if rng.random() < 0.7 else words.numbers(2)
    two, numbers = designate(words, calculation := Calculation.draw(words, x, y, numbers), numbers)
    for w in two.words:
        draft.put(w, two.tags(w) if w in (two.one, two.other) else {} if w.isdigit() else None)
    draft.end_segment()
    _put_passage(draft, numbers, two)
    draft.end_segment()
    put_lines(draft, calculation, two.tags, {slot: {"looked_up": slot == two.slot} for slot in SLOTS})
    for m in draft.document.mentions:
        m.rivals = two.rivals(m.word)
    return draft.document


def _put_passage(draft: Draft, numbers: list[str], two: Designation) -> None:
    """The numbers in random order, among filler words or as facts about people who are not in the query."""
    rng, words = draft.rng, draft.words
    shuffled = rng.sample(numbers, len(numbers))
    if rng.random() < 0.5:
        for n in shuffled:
            draft.put_all(words.filler(2))
            draft.put(n, two.tags(n))
            draft.put(rng.choice(",;."))
        return
    names, thing = words.names(max(2, len(shuffled))), rng.choice(THINGS)
    for i, (name, n) in enumerate(zip(names, shuffled, strict=False)):
        given = i > 0 and i + 1 == len(shuffled) and rng.random() < 0.8
        if given:
            sentence = words.pattern(GIVES).format(x=names[0], y=names[1], n=n, o=thing)
        else:
            sentence = words.pattern(OWNS).format(x=name, n=n, o=thing)
        for w in sentence.split():
            if w == n:
                draft.put(w, two.tags(w), 0.0, "" if given else name)
            else:
                draft.put(w, {} if w in names else None)
