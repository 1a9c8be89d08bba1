"""Which numbers of a passage a reader in training does without, so that it must get them through the calculator.

A number is stale where another sentence speaks of the same person or thing: `Anna has 5 pens` once `Anna gave 2 pens to
Grace` follows. What Anna owns then stands nowhere, it must be calculated. Where no number is stale, all are left out:
what the question compares must be fetched by the calculator. Only strings are matched, no label is used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_SENTENCE = re.compile(r"\S(?:[^.!?]|[.!?](?=\S))*[.!?]?")
_NAME = re.compile(r"(?<!\w)[^\W\d_a-z]\w*")


def blindfold(passage: str, starts: Sequence[int]) -> list[bool]:
    """Whether the numbers that start at these characters are left out: the stale ones, or all if none is stale."""
    sentences = [(m.start(), m.end(), set(_NAME.findall(m.group()))) for m in _SENTENCE.finditer(passage)]
    shared = Counter(name for *_, names in sentences for name in names)
    stale = [range(start, end) for start, end, names in sentences if any(shared[name] > 1 for name in names)]
    out = [any(start in place for place in stale) for start in starts]
    return out if any(out) else [True] * len(starts)
