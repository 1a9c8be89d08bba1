"""Documents that teach order: pairs of numbers side by side, with `<` or `>` between them."""

from __future__ import annotations

from anzan.pretraining.documents.document import Document
from anzan.pretraining.documents.draft import Draft
from anzan.pretraining.documents.words import Words


def order_document(words: Words, pairs: int) -> Document:
    """`pairs` pairs of numbers, half of them close together, with most of the signs masked."""
    rng, draft = words.rng, Draft(words)
    draft.put_all(words.filler(2))
    draft.end_segment()
    for _ in range(pairs):
        a, b = words.numbers(2)
        if rng.random() < 0.5:
            a, b = rng.sample((a, words.near(a)), 2)
        draft.put_all(words.filler(1))
        draft.put(a, {"larger": int(a) > int(b), "smaller": int(a) < int(b)})
        draft.put("<" if int(a) < int(b) else ">", None, 0.8)
        draft.put(b, {"larger": int(b) > int(a), "smaller": int(b) < int(a)})
        one, other = draft.document.mentions[-2:]
        one.rivals, other.rivals = (b,), (a,)
        draft.put(rng.choice(",;."))
    draft.end_segment()
    return draft.document
