"""The paper's synthetic problems: who owns how many grapes (Yoshikawa, Heinzerling and Inui, NLP2022).

A passage is one sentence a person and, with a transfer, a last sentence in which one of them gives some away:

    Anna has 5,903,204 grapes. Carl has 8,417,312 grapes. ... Anna gave 1,224,450 grapes to Grace.

The question compares what two of them own in the end, and exactly one of the two took part in the transfer:

    argmax: Who has more grapes: Anna or Carl?
    max:    What is the maximum number of grapes owned either by Anna or Carl?

What these problems are for is the control of bias. Numbers drawn freely leak the answer: in 80.6 % of such problems the
receiver's side wins, role and leading digits alone reach 95.3 %, and a perfect user of the calculator who is given the
result of *another* problem still scores 74.4 %. So with a transfer the numbers are drawn in this order: who gives; then
the *key*, that is the number of digits and the leading digit of the owner's number, of the amount and of the other
asked person's number, among the keys that leave either a fair chance to win; then, inside the key, the other's number
and a narrow gap; then the winner, by a fair coin; and only then the owner's number and the amount, inside the key, so
that they miss the other's number by that gap. So either wins with probability 1/2 given the role, the leading digits of
all three numbers, and all digits of the other's.

Given all digits of the owner's number and the amount it cannot be exactly 1/2 as well, for the least result of a key
always loses, but the narrower the gap the nearer: with gaps of at most a fifth of what a leading digit spans, whoever
knows the owner's numbers and the other's leading digit is right in 61 %. Without a gap that is 83 %, and readers then
learn to judge by the operands alone: they answer 80 % and never look at the result, nor at the other's number. But a
reader that has seen narrow gaps only does not learn to compare: shown numbers that lie apart, it answers at random.
Where the operands are hidden from it wide gaps leak nothing, and `Possession.gap` admits them. Beyond what a leading
digit spans, owner's number and amount keep only their numbers of digits: role and the other's number still leave the
winner to a fair coin, but all leading digits together tell him in nine of ten. Such problems are to begin with, not to
be tested on: numbers that lie apart are the first that a reader learns to compare.

With two transfers the owner takes part in both, and the above holds for the last one and what the owner has before it.
That is then taken apart in its turn: who gave, by a coin; a natural amount; and so what the owner has at first.

Two by two, the people who are not asked get numbers of the same origin. Without a transfer the comparison of two
printed numbers is the task itself, and numbers are natural draws. Names, order in the passage and order in the question
are always fair.

What cannot be balanced away is arithmetic itself: with two leading digits one computes eight answers in ten, and where
numbers differ in length (`max_digits`) many amounts are too small to matter. `guessing_scores` measures what is left to
guess, and `Possession.bias` takes one of the controls away on purpose.
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import lru_cache
from itertools import permutations, product
from math import comb
from typing import Any, Literal, NamedTuple, NoReturn

from anzan.errors import AnzanError
from anzan.tasks.problem import Problem

NAMES: tuple[str, ...] = tuple(
    """Aaron Adam Albert Alice Anna Arthur Barbara Bella Benjamin Bruce Carl Carol Charles Clara Daniel David Diana
    Donald Douglas Edith Edward Elena Emily Eric Fiona Frank Fred George Gloria Grace Hannah Harold Helen Henry Irene
    Isaac Jack James Jane Julia Karen Keith Laura Leonard Linda Louis Maria Martin Michael Nancy Nathan Oliver Olivia
    Oscar Paula Peter Rachel Richard Robert Rose Samuel Sarah Stella Thomas Victor Walter""".split()  # noqa: SIM905
)
OBJECTS: tuple[str, ...] = tuple(
    """apples balloons beads books bottles bricks buttons candles cards coins cookies cups dolls eggs flowers grapes
    lemons marbles melons mushrooms nuts onions oranges peaches pears pebbles pencils plums potatoes ribbons shells
    stamps stickers tomatoes""".split()  # noqa: SIM905
)

QUESTIONS = ("argmax", "max")
BIASES = ("asked-order", "mention-order", "name", "role", "leading-digits")
WIDEST = 10.0  # gap between numbers of the same length
MAX_DIGITS = 15  # below 2**53, so that every number is a JSON number and random() reaches it

# A key is admitted where either winner holds at least this share of its numbers. A smaller share would admit keys in
# which one winner needs a freak (599,999 + 2 against 600,000), to be had only from a handful of recognisable numbers.
_SMALLEST_SHARE = 1 / 20
_TRIES = 10_000

Role = Literal["giver", "receiver"]
_SIGNS: dict[Role, int] = {"giver": -1, "receiver": 1}


@dataclass(frozen=True)
class Possession:
    """What problems to generate.

    `people` a passage; each number has exactly `digits` digits or, where `max_digits` is given (Table 4 of the paper),
    d ~ U{1..max_digits} digits and is then uniform among the numbers of d digits, before the balance above selects.
    `questions` are drawn evenly. `bias` maps a kind to a probability p and tilts that one cue on purpose:

    - `asked-order`: the person whom the question names first wins with p;
    - `mention-order`: of the two asked, the one who comes first in the passage wins with p;
    - `name`: the sorted pool is halved, one name of each half is asked, and that of the first half wins with p;
    - `role` (transfer only): a receiver wins with p, a giver loses with p, whatever the leading digits;
    - `leading-digits` (transfer only, not with `role`): leading digits decide and are right with p. Below p = 1/2 this
      shows in the role too: for lack of numbers, as a giver's estimated defeat is hardly ever wrong.

    With a transfer the two compared numbers differ by at most `gap` times what the leading digit spans, from above 0 to
    10; above 1 leading digits are no longer balanced. `transfers`, 1 or 2, is how many there are where there is one.

    Raises ValueError, one line that names the option and the mend, for options without problems.
    """

    people: int = 10
    digits: int = 7
    max_digits: int | None = None
    transfer: bool = False
    questions: tuple[str, ...] = QUESTIONS
    bias: Mapping[str, float] = field(default_factory=dict, hash=False)
    names: tuple[str, ...] = NAMES
    objects: tuple[str, ...] = OBJECTS
    gap: float = 0.2
    transfers: int = 1

    def __post_init__(self) -> None:
        for name, pool in (("names", self.names), ("objects", self.objects)):
            if (
                not pool
                or len(set(pool)) < len(pool)
                or any(len(word.split()) != 1 or word != word.strip() for word in pool)
            ):
                _refuse(name, "not a pool of distinct single words", "give each word once and without spaces")
        if self.transfers not in (1, 2):
            _refuse("transfers", self.transfers, "choose 1 or 2")
        if self.transfers == 2 and not self.transfer:
            _refuse("transfers", "two of them need a transfer sentence", "turn transfer on or ask for 1")
        fewest = 2 + self._sentences
        if not fewest <= self.people <= len(self.names):
            _refuse("people", self.people, f"choose {fewest} to {len(self.names)} or give more names")
        name, digits = ("digits", self.digits) if self.max_digits is None else ("max_digits", self.max_digits)
        # With one digit the leading digits are the numbers: nothing is left to balance.
        least = 2 if self.transfer else 1
        if not least <= digits <= MAX_DIGITS:
            _refuse(name, digits, f"choose {least} to {MAX_DIGITS}")
        if self.people + self._sentences > self._range[1] - self._range[0] + 1:
            _refuse(name, f"{digits} give fewer distinct numbers than the passage needs", "choose more digits")
        if not self.questions or not set(self.questions) <= set(QUESTIONS):
            _refuse("questions", self.questions, "choose among argmax and max")
        if not 0 < self.gap <= WIDEST:
            _refuse("gap", self.gap, "give a share of what a leading digit spans, above 0 and up to 10")
        for kind, p in self.bias.items():
            if kind not in BIASES:
                _refuse(f"bias {kind}", "unknown kind", f"choose among {', '.join(BIASES)}")
            if not 0 <= p <= 1:
                _refuse(f"bias {kind}", p, f"give a probability from 0 to 1, for example {kind}=0.9")
            if kind in ("role", "leading-digits") and not self.transfer:
                _refuse(f"bias {kind}", "needs a transfer sentence", "turn transfer on or choose another kind")
        if "leading-digits" in self.bias and self.gap > 1:
            _refuse("gap", self.gap, "beyond 1 leading digits are free, so choose 1 at most with that bias")
        if {"role", "leading-digits"} <= set(self.bias):
            _refuse("bias", "role and leading-digits both decide the winner", "choose one of them")

    @property
    def _sentences(self) -> int:
        """How many sentences tell of a transfer."""
        return self.transfers if self.transfer else 0

    @property
    def _range(self) -> tuple[int, int]:
        """The least and the greatest number that may be printed."""
        if self.max_digits is None:
            return 10 ** (self.digits - 1), 10**self.digits - 1
        return 1, 10**self.max_digits - 1

    def _identity(self) -> str:
        """All options as text, equal for equal options whatever the order of the bias."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        if values["gap"] == 0.2 or not self.transfer:
            del values["gap"]  # which came later: problems that it does not touch stay the same
        if values["transfers"] == 1:
            del values["transfers"]
        values["bias"] = sorted((kind, float(p)) for kind, p in self.bias.items())
        return repr(values)


def generate(options: Possession, size: int, seed: int, split: str = "train") -> list[Problem]:
    """`size` problems, no two with the same passage and question.

    The same options, seed and split give the same problems everywhere, and fewer of them are a prefix of more. Another
    split is another stream: `check_disjoint` proves that two files share nothing.

    `meta` holds `asked` (the two names, in the order of the question), `mentioned` (the same, in that of the passage),
    `winner`, `quantities` (what the asked own in the end), `owner` and `role` (the asked person who took part in the
    transfer, and as what in the last one; None without one), `roles` (in all of them), `mentions`, the places of the
    numbers that go into the calculator, and `wide`, whether the two compared numbers may lie far apart.

    Raises ValueError where the options leave no further problem.
    """
    if size < 0:
        _refuse("size", size, "ask for 0 problems or more")
    # A string seeds through SHA-512, the same in every process.
    rng = random.Random(f"{options._identity()}, seed {int(seed)}, split {split!r}")
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    while len(problems) < size:
        for _ in range(_TRIES):
            problem = _problem(rng, options, f"{split}/{len(problems)}")
            text = problem.passage, problem.question
            if text not in seen:
                seen.add(text)
                problems.append(problem)
                break
        else:
            _give_up()
    return problems


def check_disjoint(a: Iterable[Problem], b: Iterable[Problem]) -> None:
    """Raise ValueError if a problem of `a` has the passage and the question of a problem of `b`."""
    known = {(problem.passage, problem.question): problem.id for problem in a}
    for problem in b:
        if (problem.passage, problem.question) in known:
            twin = known[problem.passage, problem.question]
            raise AnzanError(f"{twin} and {problem.id} are the same problem; generate one split with another seed")


# Numbers. The owner is the asked person who took part in the transfer (without one, either of the asked): `a` is what
# the owner has before the last transfer, `t` the amount, `c` what the other asked person has.


class _Key(NamedTuple):
    a: range
    t: range
    c: range


class _Plan(NamedTuple):
    """What is fixed before numbers are drawn, so that a redraw cannot shift it.

    With a role but without a key, numbers are natural draws whose leading digits name the winner.
    """

    role: Role | None
    owner_wins: bool
    key: _Key | None = None


class _Transfer(NamedTuple):
    role: Role  # the owner's
    amount: int


class _Numbers(NamedTuple):
    a: int
    t: int
    c: int
    result: int  # what the owner has in the end
    earlier: _Transfer | None = None

    @property
    def first(self) -> int:
        """What the owner has at first."""
        return self.a if self.earlier is None else self.a - _SIGNS[self.earlier.role] * self.earlier.amount

    def transfers(self, role: Role | None) -> tuple[_Transfer, ...]:
        """All transfers in order, given the owner's role in the last one."""
        if role is None:
            return ()
        last = _Transfer(role, self.t)
        return (last,) if self.earlier is None else (self.earlier, last)


def _plan(rng: random.Random, options: Possession) -> _Plan:
    if not options.transfer:
        return _Plan(None, _coin(rng))
    role: Role = "giver" if _coin(rng) else "receiver"
    if "leading-digits" not in options.bias:
        receiver_wins = _coin(rng, options.bias.get("role", 0.5))
        return _Plan(role, receiver_wins == (role == "receiver"), rng.choice(_keys(role, *options._range)))
    # A wrong estimate overrates a giver and underrates a receiver, nearly always. So only a giver's defeat and a
    # receiver's victory can be made to come with a wrong one, and both winners stay even as long as those suffice.
    p = options.bias["leading-digits"]
    if _coin(rng, min(p, 0.5)):
        return _Plan(role, role == "giver")
    if _coin(rng, max(0.0, 2 * p - 1)):
        return _Plan(role, role == "receiver")
    return _Plan(role, role == "receiver", rng.choice(_keys(role, *options._range, overrated=role == "giver")))


def _numbers(rng: random.Random, options: Possession, plan: _Plan) -> _Numbers:
    """Numbers within the plan, all of them distinct, without a tie and without debt."""
    if options._sentences < 2:
        return _last_numbers(rng, options, plan)
    for _ in range(_TRIES):
        numbers = _last_numbers(rng, options, plan)
        earlier = _Transfer("giver" if _coin(rng) else "receiver", _natural(rng, options))
        whole = numbers._replace(earlier=earlier)
        printed = {whole.first, earlier.amount, whole.t, whole.c}
        if options._range[0] <= whole.first <= options._range[1] and len(printed) == 4:
            return whole
    _give_up()


def _last_numbers(rng: random.Random, options: Possession, plan: _Plan) -> _Numbers:
    """As `_numbers`, for the last transfer alone."""
    if plan.key is not None:
        return _balanced(rng, options, plan, plan.key)
    sign = 0 if plan.role is None else _SIGNS[plan.role]
    for _ in range(_TRIES):
        a, t, c = (_natural(rng, options) for _ in range(3))
        if _winner(a, t, c, sign) is not plan.owner_wins:
            continue
        estimate = _estimate(a) + sign * _estimate(t) - _estimate(c)
        if plan.role is None or (estimate != 0 and (estimate > 0) == plan.owner_wins):
            return _Numbers(a, t, c, a + sign * t)
    _give_up()


def _balanced(rng: random.Random, options: Possession, plan: _Plan, key: _Key) -> _Numbers:
    """Numbers of a key, with a `c` that says nothing about the winner, and `a` and `t` that say little."""
    sign = _SIGNS[plan.role or "giver"]
    widest = max(1, int(len(key.c) * options.gap))
    if options.gap > 1:
        key = _Key(_as_long(key.a), _as_long(key.t), key.c)
    for _ in range(_TRIES):
        c, gap = rng.choice(key.c), rng.randint(1, widest)
        # Whether c is kept must not depend on who is to win, so either could.
        above, below = (_operands(rng, key, result, sign) for result in (c + gap, c - gap))
        if above and below and all(_winner(*pair, c, sign) is not None for pair in (above, below)):
            a, t = above if plan.owner_wins else below
            return _Numbers(a, t, c, a + sign * t)
    _give_up()


def _as_long(block: range) -> range:
    """All numbers with as many digits as those of the block have."""
    least = 10 ** (len(str(block[0])) - 1)
    return range(least, 10 * least)


def _operands(rng: random.Random, key: _Key, result: int, sign: int) -> tuple[int, int] | None:
    """A pair `a`, `t` of the key with a + sign * t = result, all of them alike; None where there is none."""
    first, last = sorted((result - sign * key.t[0], result - sign * key.t[-1]))
    low, high = max(first, key.a[0]), min(last, key.a[-1])
    if result < 0 or low > high:
        return None
    a = rng.randint(low, high)
    return a, sign * (result - a)


def _winner(a: int, t: int, c: int, sign: int) -> bool | None:
    """Whether the owner wins; None for numbers that cannot be used: equal ones, a tie, a debt."""
    result = a + sign * t
    if result < 0 or result == c or a == t or a == c or t == c:  # noqa: SIM109, twice as fast in the innermost loop
        return None
    return result > c


def _natural(rng: random.Random, options: Possession) -> int:
    digits = options.digits if options.max_digits is None else rng.randint(1, options.max_digits)
    return rng.randrange(10 ** (digits - 1), 10**digits)


def _bystanders(rng: random.Random, options: Possession, taken: set[int]) -> list[int]:
    """The numbers of those who are not asked: the pairs of other problems, so that nothing tells who is asked."""
    size, numbers = options.people - 2, set[int]()
    for _ in range(_TRIES):
        if len(numbers) >= size:
            return rng.sample(sorted(numbers), size)
        pair = _numbers(rng, options, _plan(rng, options))
        numbers |= {pair.first, pair.c} - taken
    _give_up()


def _estimate(number: int, digits: int = 1) -> int:
    """The number with all digits but the first (or the first few) set to 0, what a guesser by leading digits sees."""
    scale = 10 ** max(0, len(str(number)) - digits)
    return number // scale * scale


@lru_cache(maxsize=16)
def _keys(role: Role, lowest: int, highest: int, overrated: bool | None = None) -> tuple[_Key, ...]:
    """All keys between the two numbers in which either winner has a fair chance.

    Where asked for, only those in which the owner wins (True) or loses (False) by the leading digits.
    """
    blocks = []
    scale = lowest
    while scale <= highest:
        blocks += [range(digit * scale, (digit + 1) * scale) for digit in range(1, 10)]
        scale *= 10
    starts, ends = [block[0] for block in blocks], [block[-1] for block in blocks]
    keys = []
    for a, t in product(blocks, repeat=2):
        if a[0] == a[-1] and t[0] == t[-1]:
            continue  # two single digits have one result, and c alone would decide
        low, high = (a[0] + t[0], a[-1] + t[-1]) if role == "receiver" else (a[0] - t[-1], a[-1] - t[0])
        # Only blocks that meet the range of results leave the winner open.
        for c in blocks[bisect_left(ends, low) : bisect_right(starts, high)]:
            if c[0] == c[-1] and c in (a, t):
                continue  # the numbers of a passage are distinct
            estimate = a[0] + _SIGNS[role] * t[0] - c[0]
            if overrated is not None and (estimate == 0 or overrated != (estimate > 0)):
                continue
            if min(_shares(role, _Key(a, t, c))) >= _SMALLEST_SHARE:
                keys.append(_Key(a, t, c))
    return tuple(keys)


def _shares(role: Role, key: _Key) -> tuple[float, float]:
    """Which parts of a key's numbers let the owner win and lose, counted exactly; ties and debts are neither."""
    a, t, c = key
    sizes = (len(a), len(t), len(c))
    whole = sizes[0] * sizes[1] * sizes[2]
    if role == "receiver":
        # a + t - c is its least value plus three offsets, each from 0 to the size of its block.
        least, debts = a[0] + t[0] - c[-1], 0
    else:
        least, debts = a[0] - t[-1] - c[-1], _points_below(t[-1] - a[0] + 1, sizes[:2]) * sizes[2]
    wins = whole - _points_below(1 - least, sizes)
    losses = _points_below(-least, sizes) - debts
    return wins / whole, losses / whole


def _points_below(bound: int, sizes: Sequence[int]) -> int:
    """How many integer points of the box [0, size) x ... have a coordinate sum below the bound."""
    count, k = 0, len(sizes)
    # Points of the whole orthant, less those beyond one side, plus those beyond two, ...
    for beyond in product((0, 1), repeat=k):
        rest = bound - 1 - sum(size for size, out in zip(sizes, beyond, strict=True) if out)
        if rest >= 0:
            count += (-1) ** sum(beyond) * comb(rest + k, k)
    return count


# Words.


def _problem(rng: random.Random, options: Possession, name: str) -> Problem:
    plan, kind = _plan(rng, options), rng.choice(options.questions)
    numbers, rest = _quantities(rng, options, plan)
    transfers = numbers.transfers(plan.role)
    partner_numbers = rng.choice(_partners(rest, transfers)) if transfers else ()

    winner, loser, *others = _names(rng, options)
    owner, other = (winner, loser) if plan.owner_wins else (loser, winner)
    if plan.role:
        quantities = {owner: numbers.result, other: numbers.c}
        has = {owner: numbers.first, other: numbers.c}
    else:
        low, high = sorted((numbers.a, numbers.c))
        quantities = has = {winner: high, loser: low}
    mentioned = [winner, loser] if _coin(rng, options.bias.get("mention-order", 0.5)) else [loser, winner]
    asked = [winner, loser] if _coin(rng, options.bias.get("asked-order", 0.5)) else [loser, winner]

    people = list(zip(others, rest, strict=True))
    for place, person in zip(sorted(rng.sample(range(options.people), 2)), mentioned, strict=True):
        people.insert(place, (person, has[person]))
    thing = rng.choice(options.objects)
    text = _Passage()
    for person, number in people:
        text.add(f"{person} has ", number, f" {thing}.", person)
    steps, places = [tuple(has[person] for person in mentioned)], list(mentioned)
    if transfers:
        steps, places, now = [], [owner], has[owner]
        for i, (transfer, number) in enumerate(zip(transfers, partner_numbers, strict=True)):
            partner = next(person for person, theirs in people if theirs == number)
            giver, receiver = (owner, partner) if transfer.role == "giver" else (partner, owner)
            places.append(f"transfer {i}")  # a name has no space
            text.add(f"{giver} gave ", transfer.amount, f" {thing} to {receiver}.", places[-1])
            steps.append((now, transfer.amount))
            now += _SIGNS[transfer.role] * transfer.amount

    first, second = asked
    meta: dict[str, Any] = {
        "asked": asked,
        "mentioned": mentioned,
        "winner": winner,
        "quantities": quantities,
        "owner": owner if plan.role else None,
        "role": plan.role,
        "roles": [transfer.role for transfer in transfers],
        "mentions": [text.mentions[place] for place in places],
        "wide": plan.role is None or options.gap > 1,
    }
    return Problem(
        id=f"{'transfer' if plan.role else 'plain'}/{kind}/{name}",
        passage=" ".join(text.sentences),
        question=f"Who has more {thing}: {first} or {second}?"
        if kind == "argmax"
        else f"What is the maximum number of {thing} owned either by {first} or {second}?",
        answers=((winner if kind == "argmax" else str(quantities[winner]),),),
        arguments=tuple(tuple(map(Fraction, step)) for step in steps),
        kind=kind,
        meta=meta,
    )


def _quantities(rng: random.Random, options: Possession, plan: _Plan) -> tuple[_Numbers, list[int]]:
    """The numbers of the asked and of the others, one of whom can be the other party of the transfer."""
    for _ in range(_TRIES // 100):
        numbers = _numbers(rng, options, plan)
        transfers = numbers.transfers(plan.role)
        taken = {numbers.first, numbers.c, *(transfer.amount for transfer in transfers)}
        # The others are redrawn first: redrawing all would prefer small amounts, and with them a winner.
        for _ in range(_TRIES // 100):
            rest = _bystanders(rng, options, taken)
            if not transfers or _partners(rest, transfers):
                return numbers, rest
    _give_up()


def _partners(rest: list[int], transfers: Sequence[_Transfer]) -> list[tuple[int, ...]]:
    """Who can be the other party of each transfer, by their numbers: who gives owns at least the amount."""
    return [
        numbers
        for numbers in permutations(rest, len(transfers))
        if all(t.role == "giver" or number > t.amount for t, number in zip(transfers, numbers, strict=True))
    ]


class _Passage:
    """Sentences joined by spaces, and where the number of each stands."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.mentions: dict[str, dict[str, Any]] = {}
        self._length = 0

    def add(self, before: str, number: int, after: str, label: str) -> None:
        printed = f"{number:,}"
        start = self._length + len(before)
        self.mentions[label] = {"where": "passage", "start": start, "end": start + len(printed)}
        self.sentences.append(before + printed + after)
        self._length += len(self.sentences[-1]) + 1


def _names(rng: random.Random, options: Possession) -> list[str]:
    """The winner's name, the loser's and everyone else's."""
    if "name" not in options.bias:
        return rng.sample(options.names, options.people)
    pool = sorted(options.names)
    halves = pool[: len(pool) // 2], pool[len(pool) // 2 :]
    asked = [rng.choice(half) for half in halves]
    if not _coin(rng, options.bias["name"]):
        asked.reverse()
    return asked + rng.sample([name for name in pool if name not in asked], options.people - 2)


def _coin(rng: random.Random, p: float = 0.5) -> bool:
    return rng.random() < p


def _give_up() -> NoReturn:
    _refuse(
        "people and digits", f"no further problem in {_TRIES} draws", "ask for less, for fewer people or more digits"
    )


def _refuse(name: str, fault: object, mend: str) -> NoReturn:
    raise AnzanError(f"{name}: {fault}; {mend}")


# What is left to guess.


def is_possession(problem: Problem) -> bool:
    """Whether `generate` made the problem: its `meta` tells who owns what."""
    return {"asked", "mentioned", "mentions", "quantities", "role", "winner"} <= problem.meta.keys()


def guessing_scores(problems: Iterable[Problem]) -> dict[str, float]:
    """How often guessers without a working calculator name the winner, in percent; a guesser without a clue gets half.

    - `asked_order`: the person whom the question names first;
    - `mention_order`: of the asked, the one who comes first in the passage;
    - `leading_digits`: who owns more if every number is cut down to its leading digit;

    and over problems with a transfer

    - `role`: the receiver, never the giver (of the last transfer);
    - `other_result`: a perfect user of the calculator who is given the result of the next problem;
    - `two_digits`: as `leading_digits`, with two digits, which is rough arithmetic rather than a guess;
    - `before_transfer`: who owned more at first;
    - `rounded_other`: the calculated result against the middle of what the other's leading digit spans.

    50 is what no bias looks like; balanced problems with a transfer come near it in all but the last three, and those
    without are legitimately open to `leading_digits`. Raises ValueError for problems that `generate` did not make.
    """
    right: dict[str, list[float]] = {}

    def guess(name: str, margin: float) -> None:
        """Note a guess; the margin is positive if it is right, 0 if the guesser cannot tell."""
        right.setdefault(name, []).append(0.5 if margin == 0 else float(margin > 0))

    transfers = []
    for problem in problems:
        try:
            meta = problem.meta
            first, second = meta["asked"]
            winner, role, quantities = meta["winner"], meta["role"], meta["quantities"]
            guess("asked_order", 1 if first == winner else -1)
            guess("mention_order", 1 if meta["mentioned"][0] == winner else -1)
            if role is None:
                guess("leading_digits", _estimate(max(quantities.values())) - _estimate(min(quantities.values())))
                continue
            owner = meta["owner"]
            other = second if owner == first else first
            assert problem.arguments is not None
            first_had = int(problem.arguments[0][0])
            signed = [(_SIGNS[r], int(step[1])) for r, step in zip(meta["roles"], problem.arguments, strict=True)]
        except (KeyError, TypeError, ValueError, AssertionError):
            raise AnzanError(f"{problem.id}: not a possession problem; use the output of generate") from None
        side, c, result = 1 if owner == winner else -1, quantities[other], quantities[owner]
        for name, digits in ("leading_digits", 1), ("two_digits", 2):
            estimate = _estimate(first_had, digits) + sum(sign * _estimate(t, digits) for sign, t in signed)
            guess(name, side * (estimate - _estimate(c, digits)))
        guess("role", side * _SIGNS[role])
        guess("before_transfer", side * (first_had - c))
        span = 10 ** (len(str(c)) - 1)
        guess("rounded_other", side * (2 * result - (2 * _estimate(c) + span - 1)))
        transfers.append((side, result, c))
    if len(transfers) > 1:
        for (side, _, c), (_, result, _) in zip(transfers, transfers[1:] + transfers[:1], strict=True):
            guess("other_result", side * (result - c))
    return {name: round(100 * sum(shares) / len(shares), 2) for name, shares in right.items()}
