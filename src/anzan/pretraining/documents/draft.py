"""Writes a document word by word."""

from __future__ import annotations

from collections.abc import Iterable

from anzan.pretraining.documents.document import Document, Mention, Tags
from anzan.pretraining.documents.words import Words


class Draft:
    """A document in the making; it starts with `[CLS]`."""

    def __init__(self, words: Words):
        self.words, self.rng = words, words.rng
        self.document = Document([words.cls], [0])
        self._segment = self._sentence = 0

    def put(self, word: str, tags: Tags | None = None, mask: float = 0.0, owner: str = "") -> None:
        """Appends a word.

        Args:
            word: The word.
            tags: The tags of a name or number; None for any other word.
            mask: The probability of masking it.
            owner: Whom a number belongs to.
        """
        doc, rng = self.document, self.rng
        ids, start = self.words.token_ids(word), len(doc.ids)
        doc.ids += ids
        doc.segments += [self._segment] * len(ids)
        if tags is not None:
            doc.mentions.append(Mention(start, start + len(ids) - 1, tags, word, owner, self._sentence))
        if word in ".,;":
            self._sentence += 1
        if mask and rng.random() < mask:
            if tags is not None:
                doc.mentions[-1].masked = True
            # Half of the numbers keep some of their digits, so that every digit is worth attending to.
            keep = 0.3 if word.isdigit() and rng.random() < 0.5 else 0.0
            doc.masked += [start + i for i in range(len(ids)) if rng.random() >= keep]

    def put_all(self, words: Iterable[str]) -> None:
        """Appends words that are neither names nor numbers."""
        for word in words:
            self.put(word)

    def end_segment(self) -> None:
        """Appends `[SEP]`. The query is followed by the passage, the passage by the printed lines."""
        self.document.ids.append(self.words.sep)
        self.document.segments.append(self._segment)
        self._segment += 1
        self._sentence += 1
