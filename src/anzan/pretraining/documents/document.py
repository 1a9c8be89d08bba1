"""A pre-training document: token ids, masked positions, and its names and numbers with their labels."""

from __future__ import annotations

from dataclasses import dataclass, field

Tags = dict[str, bool]
"""Values of the tags that are defined for a mention, by name; see `TAGS`."""


@dataclass
class Mention:
    """A name or number in a document.

    Attributes:
        start: Its first token.
        end: Its last token.
        tags: Its labels. Tags that are missing are undefined and not trained.
        word: Its text.
        owner: Of a number, the name of the person it belongs to; otherwise empty.
        sentence: The number of its sentence.
        masked: Whether tokens of it are masked. No link starts or ends at a masked mention.
        rivals: Of a number of one of two things that the query compares, the numbers of the other.
        operands: Of a printed result, the two operands in the same line.
        results: Of a name, the results printed for its number.
    """

    start: int
    end: int
    tags: Tags
    word: str = ""
    owner: str = ""
    sentence: int = 0
    masked: bool = False
    rivals: tuple[str, ...] = ()
    operands: tuple[Mention, ...] = ()
    results: tuple[str, ...] = ()


@dataclass
class Document:
    """Token ids and labels of one document.

    Attributes:
        ids: Token ids, unmasked.
        segments: Of each token, 0 (query), 1 (passage) or 2 (printed lines).
        masked: The positions to mask. Their ids are the targets.
        mentions: Names and numbers, in order.
    """

    ids: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    masked: list[int] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
