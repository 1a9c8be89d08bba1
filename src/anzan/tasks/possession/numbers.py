"""Numbers that do not give the winner away.

Numbers drawn freely leak the answer: the receiver's side wins 80.6 % of such problems, role and leading digits alone
reach 95.3 %, and a perfect user of the calculator who is given the result of *another* problem still scores 74.4 %. So
a problem with a transfer is drawn in this order:

1. the role of the *owner*, the asked person who takes part in the transfer: giver or receiver, by a fair coin;
2. the *key* (`anzan.tasks.possession.keys`): number of digits and leading digit of what the owner has before, of the
   amount and of the other asked person's number, among the keys that leave either a fair chance to win;
3. within the key, the other's number and a narrow gap;
4. the winner, by a fair coin;
5. within the key, what the owner has before and the amount, such that the result misses the other's number by the gap.

Given the role, the leading digits of all three numbers and all digits of the other's, either wins with probability 1/2.

Given all digits of the owner's number and of the amount, it cannot be exactly 1/2 as well: the least result of a key
always loses. A narrower gap comes nearer. With gaps up to a fifth of what a leading digit spans, a guesser who knows
the owner's numbers and the other's leading digit is right in 61 %. Without that limit it is 83 %, and readers then
learn to judge by the operands alone: they answer 80 % without looking at the result or at the other's number. But a
reader that has only seen narrow gaps does not learn to compare, and answers at random when numbers lie far apart.

Where a reader sees symbols instead of numbers, wide gaps leak nothing, and `Possession.gap` allows them. Above 1 (what
a leading digit spans) the owner's number and the amount keep only their numbers of digits. Role and the other's number
still leave the winner to a fair coin, but all leading digits together name the winner in nine of ten problems. Such
problems are for training, not for tests: numbers far apart are the first that a reader learns to compare.

With two transfers the owner takes part in both. The above holds for the last one and what the owner has before it. The
earlier one is then undone: its role by a fair coin and a natural amount give what the owner has at first.

The people who are not asked get, in pairs, numbers of the same origin. Without a transfer the comparison of two printed
numbers is the task itself, and numbers are natural draws.

Arithmetic itself cannot be balanced away: two leading digits are enough to compute eight answers in ten, and with
numbers of different lengths (`max_digits`) many amounts are too small to matter.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple, NoReturn

from anzan.tasks.possession.keys import Key, open_keys, truncate
from anzan.tasks.possession.options import Possession, refuse

TRIES = 10_000


class Plan(NamedTuple):
    """What is decided before numbers are drawn, so that a redraw cannot shift it.

    Attributes:
        sign: 1 if the owner receives, -1 if the owner gives (in the last transfer), 0 without a transfer. Without a
            transfer the owner is either of the two asked.
        owner_wins: Whether the owner has more in the end.
        key: The key of the numbers. None for natural draws; with a transfer their leading digits name the winner.
    """

    sign: int
    owner_wins: bool
    key: Key | None = None


class Numbers(NamedTuple):
    """The numbers of the two asked people.

    Attributes:
        first: What the owner has at first.
        changes: What each transfer adds to it, negative if the owner gives.
        other: What the other asked person has.
    """

    first: int
    changes: tuple[int, ...]
    other: int

    @property
    def printed(self) -> set[int]:
        """The numbers as the passage prints them."""
        return {self.first, self.other, *map(abs, self.changes)}


def coin(rng: random.Random, p: float = 0.5) -> bool:
    """True with probability p."""
    return rng.random() < p


def draw_plan(rng: random.Random, options: Possession) -> Plan:
    """A plan, balanced except for the biases `role` and `leading-digits`."""
    if not options.transfers:
        return Plan(0, coin(rng))
    sign = -1 if coin(rng) else 1
    if "leading-digits" not in options.bias:
        receiver_wins = coin(rng, options.bias.get("role", 0.5))
        return Plan(sign, receiver_wins == (sign > 0), rng.choice(open_keys(sign, *options.bounds)))
    # A wrong estimate by leading digits nearly always overrates a giver and underrates a receiver. So only a giver's
    # defeat and a receiver's victory can come with a wrong one. As long as those suffice, both winners stay even.
    p = options.bias["leading-digits"]
    if coin(rng, min(p, 0.5)):
        return Plan(sign, sign < 0)
    if coin(rng, max(0.0, 2 * p - 1)):
        return Plan(sign, sign > 0)
    return Plan(sign, sign > 0, rng.choice(open_keys(sign, *options.bounds, owner_leads=sign < 0)))


def draw_numbers(rng: random.Random, options: Possession, plan: Plan) -> Numbers:
    """Numbers that follow the plan: all distinct, no tie, no debt."""
    if options.transfers < 2:
        return _draw_last(rng, options, plan)
    lowest, highest = options.bounds
    for _ in range(TRIES):
        before, changes, other = _draw_last(rng, options, plan)
        earlier = (-1 if coin(rng) else 1) * natural(rng, options)
        numbers = Numbers(before - earlier, (earlier, *changes), other)
        if lowest <= numbers.first <= highest and len(numbers.printed) == 4:
            return numbers
    give_up()


def draw_with_others(rng: random.Random, options: Possession, plan: Plan) -> tuple[Numbers, list[int]]:
    """Numbers of the two asked people and of everybody else, some of whom can be partners in the transfers."""
    for _ in range(TRIES // 100):
        numbers = draw_numbers(rng, options, plan)
        # The others are redrawn first: redrawing everything would favour small amounts, and with them a winner.
        for _ in range(TRIES // 100):
            others = _draw_others(rng, options, numbers.printed)
            if partners(others, numbers.changes):
                return numbers, others
    give_up()


def partners(others: Sequence[int], changes: Sequence[int]) -> list[tuple[int, ...]]:
    """All choices of a partner for each transfer, by their numbers: a giver has more than the amount.

    Without transfers the one choice is the empty one.
    """
    return [
        chosen
        for chosen in permutations(others, len(changes))
        if all(number > change for number, change in zip(chosen, changes, strict=True))
    ]


def give_up() -> NoReturn:
    """Raise AnzanError after too many draws."""
    refuse("people and digits", f"no further problem in {TRIES} draws", "ask for less, for fewer people or more digits")


def _draw_last(rng: random.Random, options: Possession, plan: Plan) -> Numbers:
    """Numbers for the last transfer alone, or for none."""
    sign = plan.sign
    if plan.key is not None:
        return _draw_in_key(rng, options, plan, plan.key)
    for _ in range(TRIES):
        before, amount, other = (natural(rng, options) for _ in range(3))
        if _owner_wins(before, amount, other, sign) is not plan.owner_wins:
            continue
        if sign == 0:
            return Numbers(before, (), other)
        lead = truncate(before) + truncate(sign * amount) - truncate(other)
        if lead != 0 and (lead > 0) == plan.owner_wins:
            return Numbers(before, (sign * amount,), other)
    give_up()


def _draw_in_key(rng: random.Random, options: Possession, plan: Plan, key: Key) -> Numbers:
    """Numbers of a key; `other` says nothing about the winner, `first` and the change say little."""
    sign = plan.sign
    widest = max(1, int(len(key.other) * options.gap))
    if options.gap > 1:
        key = Key(_same_length(key.before), _same_length(key.amount), key.other)
    for _ in range(TRIES):
        other, gap = rng.choice(key.other), rng.randint(1, widest)
        # Whether `other` is kept must not depend on the planned winner, so either must be possible.
        above, below = (_operands(rng, key, result, sign) for result in (other + gap, other - gap))
        if above and below and all(_owner_wins(*pair, other, sign) is not None for pair in (above, below)):
            before, amount = above if plan.owner_wins else below
            return Numbers(before, (sign * amount,), other)
    give_up()


def _same_length(block: range) -> range:
    """All numbers with as many digits as those of the block."""
    least = 10 ** (len(str(block[0])) - 1)
    return range(least, 10 * least)


def _operands(rng: random.Random, key: Key, result: int, sign: int) -> tuple[int, int] | None:
    """A pair (before, amount) of the key with before + sign * amount = result, uniform; None if there is none."""
    first, last = sorted((result - sign * key.amount[0], result - sign * key.amount[-1]))
    low, high = max(first, key.before[0]), min(last, key.before[-1])
    if result < 0 or low > high:
        return None
    before = rng.randint(low, high)
    return before, sign * (result - before)


def _owner_wins(before: int, amount: int, other: int, sign: int) -> bool | None:
    """Whether the owner wins; None for numbers that cannot be used: equal ones, a tie, a debt."""
    result = before + sign * amount
    # One chain of comparisons, as a set would take twice as long in this innermost loop.
    if result < 0 or result == other or before == amount or before == other or amount == other:  # noqa: SIM109
        return None
    return result > other


def natural(rng: random.Random, options: Possession) -> int:
    """A number by its options alone: uniform among those of `digits` digits, or of d ~ U{1..max_digits} digits."""
    digits = options.digits if options.max_digits is None else rng.randint(1, options.max_digits)
    return rng.randrange(10 ** (digits - 1), 10**digits)


def _draw_others(rng: random.Random, options: Possession, taken: set[int]) -> list[int]:
    """The numbers of people who are not asked: pairs of other problems, so that numbers do not show who is asked."""
    size, found = options.people - 2, set[int]()
    for _ in range(TRIES):
        if len(found) >= size:
            return rng.sample(sorted(found), size)
        pair = draw_numbers(rng, options, draw_plan(rng, options))
        found |= {pair.first, pair.other} - taken
    give_up()
