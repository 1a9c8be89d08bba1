"""A document of pre-training with its labels: what is asked of which token, and where which head should look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

TAGS = (
    "asked",  # its person, or the number itself, is named in the query
    "gives",
    "receives",
    "amount",  # the number that changed hands
    "asked_party",  # named in the query and part of the transfer
    "asked_outsider",  # named in the query, not part of the transfer
    "sum",  # printed lines: the result in the slot of +, of -, and of - reversed
    "difference",
    "reversed",
    "sum_of_giver",  # slot and owner's part together, every combination
    "sum_of_receiver",
    "difference_of_giver",
    "difference_of_receiver",
    "looked_up",  # the printed result whose right-hand side the query names
    "larger",
    "smaller",
)
EARLY_TAGS = TAGS.index("looked_up")
"""How many of the tags, the first ones, are asked of an earlier layer as well: what they say is used by the others."""
ORDER_TAGS = slice(TAGS.index("larger"), TAGS.index("smaller") + 1)
"""These are asked of the layer before the last as well, where a name can still read them."""

PLACES = 4
"""What a number's first token is asked: how many digits it has (at most ten), and its second, third, fourth digit."""

LINKS = ("parts", "holder", "copies", "owner", "held", "operands", "sources", "rivals", "results")
PARTS, HOLDER, COPY, OWNER, HELD, OPERANDS, SOURCES, RIVAL, RESULTS = range(len(LINKS))
"""Kinds of link: from a word's first token to its other tokens; from a number to its owner beside it; to all places
of the same string; from a number to all places of its owner's name; from a name to the number beside it; from a printed
result to the operands of its own line; to all places of these; where the query designates two things, from the
numbers that concern one to those that concern the other; and from a name to the results printed of its number."""


@dataclass
class Mention:
    """A name or number in a document: its first and last token, the tags that are defined for it, what it says, its
    owner if it is a number that belongs to somebody, the numbers that concern what the query names beside this one's,
    its operands if it is a printed result, and the results printed of its number if it is a name.
    """

    start: int
    end: int
    tags: dict[str, bool]
    word: str = ""
    owner: str = ""
    sentence: int = 0
    hidden: bool = False
    rivals: tuple[str, ...] = ()
    operands: tuple[Mention, ...] = ()
    results: tuple[str, ...] = ()


@dataclass
class Document:
    """Token ids, the positions to mask (their ids are the targets), and the tagged mentions."""

    ids: list[int] = field(default_factory=list)
    masked: list[int] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    sentence: int = 0
    separator: int = 0

    def links(self) -> Iterator[tuple[int, int, list[int]]]:
        """(first token of a mention, kind, first tokens linked to, all alike).

        A string is linked to all its places, its own included: with rotary positions a head that matches content cannot
        easily spare the token that it looks from.
        """
        places: dict[str, list[Mention]] = {}
        held: dict[tuple[str, int], list[Mention]] = {}
        shown = [m for m in self.mentions if not m.hidden]
        for m in shown:
            places.setdefault(m.word, []).append(m)
            if m.owner:
                held.setdefault((m.owner, m.sentence), []).append(m)
        for m in shown:
            yield m.start, PARTS, [*range(m.start + 1, m.end + 1)] or [m.start]
            yield m.start, COPY, [o.start for o in places[m.word]]
            if m.owner in places:
                owners = places[m.owner]
                yield m.start, HOLDER, [o.start for o in owners if o.sentence == m.sentence] or [m.start]
                yield m.start, OWNER, [o.start for o in owners]
            if (m.word, m.sentence) in held:
                yield m.start, HELD, [o.start for o in held[m.word, m.sentence]]
            if operands := [o for o in m.operands if not o.hidden]:
                yield m.start, OPERANDS, [o.start for o in operands]
                yield m.start, SOURCES, [p.start for o in operands for p in places[o.word]]
            if rivals := [p.start for word in m.rivals for p in places.get(word, ())]:
                yield m.start, RIVAL, rivals
            if results := [p.start for word in m.results for p in places.get(word, ())]:
                yield m.start, RESULTS, results

    def places(self) -> Iterator[tuple[int, list[int]]]:
        """(first token, answers to the questions of `PLACES`, -100 beyond the last digit) of every number shown."""
        for m in self.mentions:
            if m.word.isdigit() and not m.hidden:
                digits = [int(d) for d in m.word[1:PLACES]]
                yield m.start, [min(len(m.word), 10) - 1, *digits, *[-100] * (PLACES - 1 - len(digits))]

    def orders(self) -> Iterator[tuple[int, list[int]]]:
        """(first token, answers) of every number shown that is ordered against another: is it shorter (0), as long (1)
        or longer (2); then, of two of one length, for each of the first `PLACES` digits, is its own smaller, equal or
        larger (-100 beyond the last digit).
        """
        for m in self.mentions:
            if "larger" not in m.tags or m.hidden:
                continue
            (rival,) = m.rivals
            digits = [1 + (a > b) - (a < b) for a, b in zip(m.word[:PLACES], rival, strict=False)]
            if len(m.word) != len(rival):
                digits = []
            length = 1 + (len(m.word) > len(rival)) - (len(m.word) < len(rival))
            yield m.start, [length, *digits, *[-100] * (PLACES - len(digits))]


def collate(documents: Sequence[Document], pad: int, mask: int) -> dict[str, list]:
    """Pads to the longest: `input_ids`, `attention_mask`, `labels` (-100 where not masked), `tag_labels` (-1
    where undefined).

    `token_type_ids` count segments: query, passage, printed lines. `links` holds a line per link, row, position and
    kind, and `link_targets` a line per place it leads to, the link's number and a position. `tag_labels` holds a line
    per tagged token: row, position, then a value per tag. A mention is tagged at its first and at its last token.
    `place_labels` holds a line per number: row, position, then `PLACES` answers (-100 where undefined);
    `order_labels` a line per number that is ordered against another: row, position, then 1 + `PLACES` answers.
    """
    longest = max(len(d.ids) for d in documents)
    ids, types, attention, labels, tags, links, targets, places, orders = ([] for _ in range(9))
    separator = documents[0].separator
    for row, d in enumerate(documents):
        target = [-100] * longest
        shown = d.ids + [pad] * (longest - len(d.ids))
        for i in d.masked:
            target[i] = shown[i]
            shown[i] = mask
        ids.append(shown)
        segments, segment = [], 0
        for i in d.ids:
            segments.append(min(segment, 2))
            segment += i == separator
        types.append(segments + [0] * (longest - len(d.ids)))
        attention.append([1] * len(d.ids) + [0] * (longest - len(d.ids)))
        labels.append(target)
        for position, kind, ends in d.links():
            targets += [(len(links), end) for end in ends]
            links.append((row, position, kind))
        places += [(row, position, *answers) for position, answers in d.places()]
        orders += [(row, position, *answers) for position, answers in d.orders()]
        for m in d.mentions:
            for position in {m.start, m.end}:
                tags.append([row, position, *(int(m.tags.get(t, -1)) for t in TAGS)])
    return {
        "input_ids": ids,
        "attention_mask": attention,
        "token_type_ids": types,
        "labels": labels,
        "tag_labels": tags,
        "links": links,
        "link_targets": targets,
        "place_labels": places,
        "order_labels": orders,
    }
