"""Keys: the leading digits of a problem's three numbers, and which of them leave the winner open.

A problem with a transfer is decided by three numbers: what the owner has *before* the (last) transfer, its *amount*,
and what the *other* asked person has. Its key is the number of digits and the leading digit of each. Role and key must
not give the winner away, so problems are drawn from keys under which either can win.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import comb
from typing import NamedTuple

# A key is admitted if either winner has at least this share of its numbers. With a smaller share, one winner would need
# a rare accident (599,999 + 2 against 600,000), drawn from a handful of recognisable numbers.
_SMALLEST_SHARE = 1 / 20


class Key(NamedTuple):
    """For each of the three numbers, the range of all numbers with the same leading digit and length."""

    before: range
    amount: range
    other: range


def truncate(number: int, digits: int = 1) -> int:
    """The number with all but its first digits set to 0: all that a guesser by leading digits sees of it."""
    scale = 10 ** max(0, len(str(abs(number))) - digits)
    size = abs(number) // scale * scale
    return size if number >= 0 else -size


@lru_cache(maxsize=16)
def open_keys(sign: int, lowest: int, highest: int, owner_leads: bool | None = None) -> tuple[Key, ...]:
    """All keys of numbers from `lowest` to `highest` under which either asked person has a fair chance to win.

    Args:
        sign: 1 if the owner receives, -1 if the owner gives.
        lowest: A power of ten.
        highest: One less than a power of ten.
        owner_leads: If given, only keys under which the owner wins (True) or loses (False) by the leading digits.
    """
    blocks = []
    scale = lowest
    while scale <= highest:
        blocks += [range(digit * scale, (digit + 1) * scale) for digit in range(1, 10)]
        scale *= 10
    starts, ends = [block[0] for block in blocks], [block[-1] for block in blocks]
    keys = []
    for before, amount in product(blocks, repeat=2):
        if len(before) == len(amount) == 1:
            continue  # two single digits have one result, so the other number alone would decide
        if sign > 0:
            low, high = before[0] + amount[0], before[-1] + amount[-1]
        else:
            low, high = before[0] - amount[-1], before[-1] - amount[0]
        # Only blocks that meet the range of results leave the winner open.
        for other in blocks[bisect_left(ends, low) : bisect_right(starts, high)]:
            if len(other) == 1 and other in (before, amount):
                continue  # the numbers of a passage are distinct
            lead = before[0] + sign * amount[0] - other[0]
            if owner_leads is not None and (lead == 0 or owner_leads != (lead > 0)):
                continue
            key = Key(before, amount, other)
            if min(win_shares(sign, key)) >= _SMALLEST_SHARE:
                keys.append(key)
    return tuple(keys)


def win_shares(sign: int, key: Key) -> tuple[float, float]:
    """The shares of a key's numbers with which the owner wins and loses, counted exactly.

    Ties and debts (a negative result) count as neither.
    """
    before, amount, other = key
    sizes = (len(before), len(amount), len(other))
    total = sizes[0] * sizes[1] * sizes[2]
    if sign > 0:
        # before + amount - other is its least value plus three offsets, each from 0 to the size of its block.
        least, debts = before[0] + amount[0] - other[-1], 0
    else:
        least = before[0] - amount[-1] - other[-1]
        debts = _points_below(amount[-1] - before[0] + 1, sizes[:2]) * sizes[2]
    wins = total - _points_below(1 - least, sizes)
    losses = _points_below(-least, sizes) - debts
    return wins / total, losses / total


def _points_below(bound: int, sizes: Sequence[int]) -> int:
    """The number of integer points of the box [0, size) x ... whose coordinate sum is below `bound`."""
    count, k = 0, len(sizes)
    # By inclusion and exclusion: points of the whole orthant, less those beyond one side, plus those beyond two, ...
    for beyond in product((0, 1), repeat=k):
        rest = bound - 1 - sum(size for size, out in zip(sizes, beyond, strict=True) if out)
        if rest >= 0:
            count += (-1) ** sum(beyond) * comb(rest + k, k)
    return count
