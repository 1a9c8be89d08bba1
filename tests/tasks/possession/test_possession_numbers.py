"""Numbers against the laws of chance: neither words nor roles nor digits give the winner away."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from stories import CELLS, TRANSFERS, Story, assert_fair, assert_share, sample, stories

from anzan.tasks.possession import generate, guessing_scores
from anzan.tasks.possession.keys import open_keys
from anzan.tasks.possession.numbers import Plan, draw_numbers

CUES: dict[str, Callable[[Story], bool]] = {
    "asked first": lambda story: story.winner == story.asked[0],
    "mentioned first": lambda story: list(story.first).index(story.winner) < list(story.first).index(story.loser),
    "earlier name": lambda story: story.winner < story.loser,
    "kind": lambda story: story.kind == "max",
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("cue", CUES)
def test_words_do_not_tell_the_winner(cell: str, cue: str) -> None:
    assert_share(map(CUES[cue], stories(cell)))


@pytest.mark.parametrize("cell", TRANSFERS)
def test_roles_do_not_tell_the_winner(cell: str) -> None:
    gave = [story.giver in story.asked for story in stories(cell)]
    assert_share(gave)
    for role in True, False:
        group = [story for story, giver in zip(stories(cell), gave, strict=True) if giver == role]
        assert_share(story.winner in (story.giver, story.receiver) for story in group)
        # The maximum is the calculated result as often as a printed number.
        assert_share(story.final[story.winner] != story.first[story.winner] for story in group if story.kind == "max")


def block(number: int) -> tuple[int, str]:
    return len(str(number)), str(number)[0]


@pytest.mark.parametrize("cell", TRANSFERS)
def test_leading_digits_do_not_tell_the_winner(cell: str) -> None:
    """Not even the best guesser by them: the excess of all keys' majorities is what fair coins give."""
    wins: dict[tuple, list[bool]] = defaultdict(list)
    for problem in generate(CELLS[cell], 2000, seed=2):
        story = Story(problem)
        (owner,) = (name for name in story.asked if name in (story.giver, story.receiver))
        (other,) = (name for name in story.asked if name != owner)
        key = owner == story.giver, *map(block, (story.first[owner], story.amount, story.first[other]))
        wins[key].append(story.winner == owner)
    assert_fair(wins)


def test_all_digits_of_the_other_number_do_not_tell_the_winner() -> None:
    wins: dict[int, list[bool]] = defaultdict(list)
    for story in stories("two digits"):
        (other,) = (name for name in story.asked if name not in (story.giver, story.receiver))
        wins[story.first[other]].append(story.loser == other)
    assert_fair(wins)


@pytest.mark.parametrize("cell", ["transfer", "ten people"])
def test_the_owners_numbers_hardly_tell_the_winner(cell: str) -> None:
    """Not even to a guesser who knows them exactly and the other's leading digit: the middle of what it spans."""
    right = []
    for story in stories(cell):
        (owner,) = (name for name in story.asked if name in (story.giver, story.receiver))
        (other,) = (name for name in story.asked if name != owner)
        digits = str(story.first[other])
        middle = int(digits[0] + "5" + "0" * (len(digits) - 2))
        right.append((story.final[owner] > middle) == (story.winner == owner))
    assert 0.5 < sum(right) / len(right) < 0.66  # 0.6 and 4 standard deviations; 0.83 with gaps of any width


@pytest.mark.parametrize(("cell", "gap"), [("transfer", 0.2), ("any gap", 1.0)])
def test_gaps_are_as_wide_as_asked(cell: str, gap: float) -> None:
    shares = []
    for story in stories(cell):
        (other,) = (name for name in story.asked if name not in (story.giver, story.receiver))
        span = 10 ** (len(str(story.first[other])) - 1)
        shares.append(abs(story.final[story.winner] - story.final[story.loser]) / span)
    assert 0.9 * gap < max(shares) <= gap
    assert sum(share < gap / 2 for share in shares) > len(shares) / 4


def test_wide_gaps_leave_role_and_the_other_number_fair() -> None:
    wins: dict[Any, list[bool]] = defaultdict(list)
    gaps = []
    for story in stories("wide"):
        (owner,) = (name for name in story.asked if name in (story.giver, story.receiver))
        (other,) = (name for name in story.asked if name != owner)
        wins[owner == story.giver, block(story.first[other])].append(story.winner == owner)
        gaps.append(abs(story.final[owner] - story.final[other]))
    assert_fair(wins)
    assert sum(gap > 10**6 for gap in gaps) > len(gaps) / 2  # beyond what a leading digit of seven spans
    assert guessing_scores(sample("wide"))["leading_digits"] > 80  # the price


def test_bystanders_have_numbers_like_everyone() -> None:
    asked, others = Counter[str](), Counter[str]()
    for story in stories("ten people"):
        for name, number in story.first.items():
            (asked if name in story.asked else others)[str(number)[0]] += 1
    for digit in "123456789":
        share, expected = asked[digit] / asked.total(), others[digit] / others.total()
        assert abs(share - expected) < 0.045  # 4 standard deviations of 2,000 draws


def test_every_key_has_numbers_for_either_winner() -> None:
    options = CELLS["up to two digits"]
    for sign in 1, -1:
        for key in open_keys(sign, 1, 99):
            for wins in True, False:
                first, [change], other = draw_numbers(random.Random(0), options, Plan(sign, wins, key))
                assert first in key.before and sign * change in key.amount and other in key.other
                assert (first + change > other) == wins
