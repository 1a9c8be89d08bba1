"""The labels of a document: tags of mentions, links between them, and the digits and order of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from anzan.pretraining.documents.document import Document, Mention

TAGS: tuple[str, ...] = (
    "asked",  # the query names it or its owner
    "gives",
    "receives",
    "amount",  # the number that changes hands
    "asked_party",  # named in the query and part of the transfer
    "asked_outsider",  # named in the query, not part of the transfer
    "sum",  # printed lines: the result of x + y
    "difference",  # of x - y
    "reversed",  # of y - x
    "sum_of_giver",  # both a sum and the giver's, and so on for each combination
    "sum_of_receiver",
    "difference_of_giver",
    "difference_of_receiver",
    "looked_up",  # the printed result whose right-hand side is in the query
    "larger",
    "smaller",
)
EARLY_TAGS = TAGS.index("looked_up")
"""How many of the tags, the first ones, are also trained at an earlier layer. The others build on them."""
ORDER_TAGS = slice(TAGS.index("larger"), TAGS.index("smaller") + 1)
"""The tags of order. They are also trained before the last layer, where a name can still read them."""

PLACES = 4
"""How many leading digits are compared. A number's first token also predicts its length and digits 2 to `PLACES`."""

UNDEFINED = -100
"""A label that does not count, as in `torch.nn.functional.cross_entropy`."""


class Link(IntEnum):
    """What the first token of a mention should attend to; except for `PARTS`, first tokens of other mentions."""

    PARTS = 0
    """From a name or number to its other tokens (itself if it has one token)."""
    HOLDER = 1
    """From a number to its owner in the same sentence."""
    COPIES = 2
    """To all mentions of the same string."""
    OWNER = 3
    """From a number to all mentions of its owner."""
    HELD = 4
    """From a name to its number in the same sentence."""
    OPERANDS = 5
    """From a printed result to its operands in the same line."""
    SOURCES = 6
    """From a printed result to all mentions of its operands."""
    RIVALS = 7
    """From a number of one of the two things that the query compares to the numbers of the other."""
    RESULTS = 8
    """From a name to the results printed for its number."""


def links(document: Document) -> Iterator[tuple[int, Link, list[int]]]:
    """Yields (first token of a mention, kind of link, tokens to attend to with equal weight).

    The mentions of the same string include the mention itself: with rotary positions, a head that matches content
    cannot easily exclude the token it looks from.
    """
    places: dict[str, list[Mention]] = {}
    held: dict[tuple[str, int], list[Mention]] = {}
    shown = [m for m in document.mentions if not m.masked]
    for m in shown:
        places.setdefault(m.word, []).append(m)
        if m.owner:
            held.setdefault((m.owner, m.sentence), []).append(m)
    for m in shown:
        yield m.start, Link.PARTS, [*range(m.start + 1, m.end + 1)] or [m.start]
        yield m.start, Link.COPIES, [o.start for o in places[m.word]]
        if m.owner in places:
            owners = places[m.owner]
            yield m.start, Link.HOLDER, [o.start for o in owners if o.sentence == m.sentence] or [m.start]
            yield m.start, Link.OWNER, [o.start for o in owners]
        if (m.word, m.sentence) in held:
            yield m.start, Link.HELD, [o.start for o in held[m.word, m.sentence]]
        if operands := [o for o in m.operands if not o.masked]:
            yield m.start, Link.OPERANDS, [o.start for o in operands]
            yield m.start, Link.SOURCES, [p.start for o in operands for p in places[o.word]]
        if rivals := [p.start for word in m.rivals for p in places.get(word, ())]:
            yield m.start, Link.RIVALS, rivals
        if results := [p.start for word in m.results for p in places.get(word, ())]:
            yield m.start, Link.RESULTS, results


def digit_labels(document: Document) -> Iterator[tuple[int, list[int]]]:
    """Yields (first token, [length - 1 (at most 9), digit 2, digit 3, digit 4]) for every number that is not masked.

    Digits beyond the last are `UNDEFINED`.
    """
    for m in document.mentions:
        if m.word.isdigit() and not m.masked:
            digits = [int(d) for d in m.word[1:PLACES]]
            yield m.start, [min(len(m.word), 10) - 1, *digits, *[UNDEFINED] * (PLACES - 1 - len(digits))]


def order_labels(document: Document) -> Iterator[tuple[int, list[int]]]:
    """Yields (first token, 1 + `PLACES` comparisons) for every number that is compared with another and not masked.

    Each comparison is 0 (less), 1 (equal) or 2 (greater). The first compares the lengths, the others the first
    `PLACES` digits; these are `UNDEFINED` beyond the last digit, and where the lengths differ.
    """
    for m in document.mentions:
        if "larger" not in m.tags or m.masked:
            continue
        (rival,) = m.rivals
        digits = [1 + (a > b) - (a < b) for a, b in zip(m.word[:PLACES], rival, strict=False)]
        if len(m.word) != len(rival):
            digits = []
        length = 1 + (len(m.word) > len(rival)) - (len(m.word) < len(rival))
        yield m.start, [length, *digits, *[UNDEFINED] * (PLACES - len(digits))]
