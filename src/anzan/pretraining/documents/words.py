"""The words of pre-training documents: random names, numbers, things, sentence patterns and filler."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anzan.pretraining.documents.labels import PLACES
from anzan.tasks.possession import NAMES, OBJECTS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

THINGS = tuple(
    """bells boats boots brushes chairs ducks forks gloves hats horses keys kites ladders lamps letters maps mirrors
    nails needles pens photos pots rings ropes scarves shirts spoons stones tickets wheels""".split()  # noqa: SIM905
)

OWNS = ("{x} has {n} {o} .", "{x} owns {n} {o} .", "{n} {o} are with {x} .")
GIVES = (
    "{x} gave {n} {o} to {y} .",
    "{x} gave {y} {n} {o} .",
    "{x} passed {n} {o} to {y} .",
    "{y} got {n} {o} from {x} .",
)
USUAL = 0.5
"""How often the first pattern is preferred. A common pattern is learned soon and helps to learn the others."""


class Words:
    """Draws words for one tokenizer; deterministic given `rng`.

    Args:
        tokenizer: A WordPiece tokenizer that splits digits, such as anzan-tiny's.
        rng: The source of all randomness.
        level: How difficult documents are, from 0 to 1: more people, longer names and numbers.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, rng: random.Random, level: float = 1.0):
        self.tokenizer, self.rng, self.level = tokenizer, rng, level
        vocabulary = tokenizer.get_vocab()
        self.cls, self.sep = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self._ids: dict[str, list[int]] = {}
        self._first = {d: vocabulary[d] for d in "0123456789"}
        self._next = {d: vocabulary[f"##{d}"] for d in "0123456789"}
        self._kept_out = {w.lower() for w in (*NAMES, *OBJECTS)}
        frame = set(" ".join((*OWNS, *GIVES, *THINGS)).split()) | self._kept_out
        pieces = sorted(vocabulary)  # the order of a vocabulary is not fixed
        plain = [w for w in pieces if w.isalpha() and w.islower()]
        self._heads = [w for w in plain if len(w) <= 4 and w not in frame]
        self._tails = [w[2:] for w in pieces if w.startswith("##") and w[2:].isalpha()]
        self._fillers = [w for w in plain if len(w) > 1 and w not in frame]

    def token_ids(self, word: str) -> list[int]:
        """Token ids of one word; a number has one token for each digit."""
        if word.isdigit():
            return [self._first[word[0]], *(self._next[d] for d in word[1:])]
        ids = self._ids.get(word)
        if ids is None:
            if len(self._ids) > 50_000:
                self._ids.clear()
            ids = self._ids[word] = self.tokenizer.encode(word, add_special_tokens=False)
        return ids

    def name(self) -> str:
        """A random string of word pieces."""
        rng = self.rng
        tails = min(rng.choice((0, 1, 1, 1, 2)), round(4 * self.level))
        return rng.choice(self._heads) + "".join(rng.choice(self._tails) for _ in range(tails))

    def names(self, count: int) -> list[str]:
        """`count` distinct names, none of them from the evaluation."""
        found: list[str] = []
        while len(found) < count:
            name = self.name()
            if name not in found and name not in self._kept_out:
                found.append(name)
        return found

    def numbers(self, count: int) -> list[str]:
        """`count` distinct numbers, of one length or of several.

        Many are close to one another, so that comparing them takes more than the first digit.
        """
        rng = self.rng
        most = 2 + round(7 * self.level)
        digits = min(rng.choice((1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 8, 9)), most)
        mixed = rng.random() < 0.3
        found: list[str] = []
        while len(found) < count:
            d = rng.randint(1, min(8, most)) if mixed else digits
            if count > 9 * 10 ** (d - 1) // 2:
                d += 2
            text = str(rng.randrange(10 ** (d - 1), 10**d))
            if found and rng.random() < 0.35:
                text = self.near(rng.choice(found))
            if text not in found:
                found.append(text)
        return found

    def near(self, number: str) -> str:
        """Another number of the same length that differs by at most twice the unit of one of its first digits.

        Two random digits differ by 1 in one case of five. Here the order depends on such differences.
        """
        rng, digits = self.rng, len(number)
        unit = 10 ** (digits - 1 - rng.randrange(min(PLACES, digits)))
        while True:
            found = str(int(number) + rng.choice((-1, 1)) * rng.randint(1, 2 * unit))
            if len(found) == digits and found[0] not in "-0":
                return found

    def pattern(self, patterns: Sequence[str]) -> str:
        """One of several sentence patterns, most often the first."""
        return patterns[0] if self.rng.random() < USUAL else self.rng.choice(patterns)

    def filler(self, most: int) -> list[str]:
        """At most `most` words without any bearing on the labels."""
        return [self.rng.choice(self._fillers) for _ in range(self.rng.randint(0, most))]
