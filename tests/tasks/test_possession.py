"""Possession problems against a solver that reads them as a person would, and against the laws of chance."""

import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from anzan.tasks.possession import (
    _SIGNS,
    NAMES,
    OBJECTS,
    Possession,
    _keys,
    _numbers,
    _Plan,
    _shares,
    check_disjoint,
    generate,
    guessing_scores,
)
from anzan.tasks.problem import Problem, read_problems, write_problems

CELLS = {
    "plain": Possession(people=10),
    "transfer": Possession(people=4, transfer=True),
    "ten people": Possession(people=10, transfer=True),
    "table 4": Possession(people=4, max_digits=6, transfer=True),
    "table 4, plain": Possession(people=4, max_digits=6),
    "any gap": Possession(people=4, transfer=True, gap=1.0),
    "wide": Possession(people=4, transfer=True, gap=10),
    "two transfers": Possession(people=5, transfer=True, transfers=2),
    "two digits": Possession(people=3, digits=2, transfer=True),
    "up to two digits": Possession(people=3, max_digits=2, transfer=True),
}
TRANSFERS = ["transfer", "any gap", "table 4", "two transfers", "two digits", "up to two digits"]


@cache
def sample(cell: str) -> list[Problem]:
    return generate(CELLS[cell], 1000, seed=1)


class Story:
    """A problem as its text tells it, by regular expressions alone."""

    def __init__(self, problem: Problem) -> None:
        number = r"(\d{1,3}(?:,\d{3})*)"
        sentences = re.findall(r"[^.]+\.", problem.passage)
        transfers = [re.fullmatch(rf" (\w+) gave {number} (\w+) to (\w+)\.", each) for each in sentences]
        told = [each for each in transfers if each]
        assert told == transfers[len(transfers) - len(told) :]
        matches = [re.fullmatch(rf" ?(\w+) has {number} (\w+)\.", s) for s in sentences[: len(sentences) - len(told)]]
        assert all(matches)
        self.first = {match[1]: int(match[2].replace(",", "")) for match in matches if match}
        self.things = {match[3] for match in matches if match}
        self.final = dict(self.first)
        self.giver = self.receiver = None  # of the last transfer
        self.amounts, self.parties, self.before, self.least = [], [], [], 0
        for transfer in told:
            self.before.append(dict(self.final))
            self.giver, amount, thing, self.receiver = transfer.groups()
            self.amounts.append(int(amount.replace(",", "")))
            self.parties.append({self.giver, self.receiver})
            self.things.add(thing)
            self.final[self.giver] -= self.amounts[-1]
            self.final[self.receiver] += self.amounts[-1]
            self.least = min(self.least, *self.final.values())
        self.amount = self.amounts[-1] if told else 0
        argmax = re.fullmatch(r"Who has more (\w+): (\w+) or (\w+)\?", problem.question)
        maximum = re.fullmatch(
            r"What is the maximum number of (\w+) owned either by (\w+) or (\w+)\?", problem.question
        )
        question = argmax or maximum
        assert question
        self.kind = "argmax" if argmax else "max"
        self.things.add(question[1])
        self.asked = [question[2], question[3]]
        self.winner, self.loser = sorted(self.asked, key=lambda name: -self.final[name])
        self.answer = self.winner if argmax else str(self.final[self.winner])


@cache
def stories(cell: str) -> list[Story]:
    return [Story(problem) for problem in sample(cell)]


@pytest.mark.parametrize("cell", CELLS)
def test_problems_mean_what_they_say(cell: str) -> None:
    options = CELLS[cell]
    for problem, story in zip(sample(cell), stories(cell), strict=True):
        assert problem.answers == ((story.answer,),)
        assert problem.kind == story.kind
        assert len(story.things) == 1
        assert len(story.first) == options.people
        assert story.final[story.winner] > story.final[story.loser]
        assert story.least >= 0
        numbers = [*story.first.values(), *story.amounts]
        assert len(story.amounts) == (options.transfers if options.transfer else 0)
        if options.transfer:
            [owner] = set(story.asked) & set.union(*story.parties)
            assert all(owner in party for party in story.parties)
            assert len(set.union(*story.parties)) == 1 + options.transfers  # with somebody else each time
            arguments = [story.first[owner], *story.amounts]
            steps = [(had[owner], amount) for had, amount in zip(story.before, story.amounts, strict=True)]
            assert problem.meta["role"] == ("giver" if owner == story.giver else "receiver")
        else:
            arguments = [story.first[name] for name in story.asked]
            steps = [arguments]
        assert len(set(numbers)) == len(numbers)
        if options.max_digits is None:
            assert {len(str(number)) for number in numbers} == {options.digits}
        else:
            assert max(len(str(number)) for number in numbers) <= options.max_digits
        assert problem.arguments and sorted(problem.arguments[0]) == sorted(steps[0])
        assert list(problem.arguments[1:]) == steps[1:]
        spans = [problem.passage[mention["start"] : mention["end"]] for mention in problem.meta["mentions"]]
        assert sorted(int(span.replace(",", "")) for span in spans) == sorted(arguments)
        assert problem.meta["asked"] == story.asked
        assert problem.meta["winner"] == story.winner
        assert problem.meta["mentioned"] == [name for name in story.first if name in story.asked]


def test_the_words_of_the_paper() -> None:
    options = Possession(people=3, transfer=True, names=("Anna", "Carl", "Grace"), objects=("grapes",))
    problem = next(each for each in generate(options, 50, seed=0) if "Anna gave" in each.passage)
    assert re.fullmatch(
        r"(\w+ has [1-9](,\d{3}){2} grapes\. ){3}Anna gave [1-9](,\d{3}){2} grapes to \w+\.", problem.passage
    )


def test_pools() -> None:
    assert len(NAMES) >= 60 and len(OBJECTS) >= 30
    for pool in NAMES, OBJECTS:
        assert len(set(pool)) == len(pool)
        assert all(word.isascii() and word.isalpha() for word in pool)


# Chance.


def assert_share(hits: Iterable[bool], p: float = 0.5) -> None:
    """Within 4 standard deviations (about 1 in 16,000 by chance; seeds are fixed)."""
    values = list(hits)
    assert len(values) >= 20
    assert abs(sum(values) - p * len(values)) <= 4 * (p * (1 - p) * len(values)) ** 0.5 + 1e-9


def assert_fair(groups: Mapping[Any, list[bool]]) -> None:
    """Half in every group, however small, judged all at once: no better than a fair coin for each."""
    # Under fair coins each term has mean 1 and variance 2 - 2 / n.
    terms = [(2 * sum(hits) - len(hits)) ** 2 / len(hits) for hits in groups.values()]
    variance = sum(2 - 2 / len(hits) for hits in groups.values())
    assert abs(sum(terms) - len(terms)) <= 4 * variance**0.5


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


def test_problems_say_whether_their_numbers_may_lie_far_apart() -> None:
    assert {cell for cell in CELLS if all(p.meta["wide"] for p in sample(cell))} == {"plain", "table 4, plain", "wide"}
    assert not any(p.meta["wide"] for p in sample("any gap"))


def test_bystanders_have_numbers_like_everyone() -> None:
    asked, others = Counter[str](), Counter[str]()
    for story in stories("ten people"):
        for name, number in story.first.items():
            (asked if name in story.asked else others)[str(number)[0]] += 1
    for digit in "123456789":
        share, expected = asked[digit] / asked.total(), others[digit] / others.total()
        assert abs(share - expected) < 0.045  # 4 standard deviations of 2,000 draws


def test_the_table_of_keys_is_what_counting_gives() -> None:
    for role, sign in _SIGNS.items():
        keys = _keys(role, 1, 99)
        assert keys
        for key in keys[:: max(1, len(keys) // 40)]:
            results = [(a + sign * t, c) for a in key.a for t in key.t for c in key.c]
            wins = sum(result > c for result, c in results) / len(results)
            losses = sum(0 < result < c for result, c in results) / len(results)
            assert _shares(role, key) == (pytest.approx(wins), pytest.approx(losses))
            assert min(wins, losses) >= 0.05


def test_every_key_has_numbers_for_either_winner() -> None:
    options = CELLS["up to two digits"]
    for role, sign in _SIGNS.items():
        for key in _keys(role, 1, 99):
            for wins in True, False:
                numbers = _numbers(random.Random(0), options, _Plan(role, wins, key))
                assert numbers.result == numbers.a + sign * numbers.t
                assert (numbers.result > numbers.c) == wins


# Bias on purpose.


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("kind", ["asked-order", "mention-order", "role", "leading-digits"])
def test_bias_tilts_its_cue(kind: str, p: float) -> None:
    scores = guessing_scores(generate(Possession(people=3, transfer=True, bias={kind: p}), 600, seed=3))
    assert scores[kind.replace("-", "_")] == pytest.approx(100 * p, abs=400 * (p * (1 - p) / 600) ** 0.5)
    if p >= 0.5:
        for fair in {"asked_order", "mention_order", "role"} - {kind.replace("-", "_")}:
            assert scores[fair] == pytest.approx(50, abs=8.2)


@pytest.mark.parametrize("transfer", [True, False])
def test_bias_of_names(transfer: bool) -> None:
    half = sorted(NAMES)[: len(NAMES) // 2]
    stories = [Story(each) for each in generate(Possession(people=4, transfer=transfer, bias={"name": 0.8}), 1000, 4)]
    assert all((story.winner in half) != (story.loser in half) for story in stories)
    assert_share((story.winner in half for story in stories), 0.8)


def test_biases_combine() -> None:
    problems = generate(Possession(people=3, transfer=True, bias={"role": 1, "asked-order": 0}), 200, seed=0)
    scores = guessing_scores(problems)
    assert (scores["role"], scores["asked_order"]) == (100, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people": 1}, "people: 1; choose 2 to"),
        ({"people": 2, "transfer": True}, "people: 2; choose 3 to"),
        ({"people": 100}, "people: 100; choose 2 to"),
        ({"digits": 0}, "digits: 0; choose 1 to"),
        ({"digits": 1, "transfer": True}, "digits: 1; choose 2 to"),
        ({"max_digits": 1, "transfer": True, "people": 3}, "max_digits: 1; choose 2 to"),
        ({"max_digits": 99}, "max_digits: 99; choose 1 to"),
        ({"digits": 1}, "digits: 1 give fewer distinct numbers"),
        ({"questions": ()}, "questions: "),
        ({"questions": ("min",)}, "questions: "),
        ({"transfer": True, "transfers": 3}, "transfers: 3; choose 1 or 2"),
        ({"transfers": 2}, "transfers: two of them need a transfer sentence"),
        ({"people": 3, "transfer": True, "transfers": 2}, "people: 3; choose 4 to"),
        ({"gap": 0}, "gap: 0; give a share of what a leading digit spans"),
        ({"gap": 11}, "gap: 11; give a share of what a leading digit spans"),
        ({"gap": 2, "transfer": True, "bias": {"leading-digits": 0.9}}, "gap: 2; beyond 1 leading digits are free"),
        ({"names": ("Anna", "Anna")}, "names: "),
        ({"objects": ("green apples",)}, "objects: "),
        ({"bias": {"colour": 0.5}}, "bias colour: unknown kind; choose among asked-order"),
        ({"bias": {"name": 1.5}}, "bias name: 1.5; give a probability from 0 to 1"),
        ({"bias": {"name": float("nan")}}, "bias name: nan; give a probability"),
        ({"bias": {"role": 0.5}}, "bias role: needs a transfer sentence"),
        ({"bias": {"leading-digits": 0.5}}, "bias leading-digits: needs a transfer sentence"),
        ({"transfer": True, "bias": {"role": 1, "leading-digits": 1}}, "bias: role and leading-digits both decide"),
    ],
)
def test_impossible_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)) as error:
        Possession(**options)
    assert "\n" not in str(error.value)


def test_running_out_of_problems_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anzan.tasks.possession._TRIES", 500)
    tiny = Possession(people=2, digits=1, names=("Anna", "Carl"), objects=("grapes",))
    with pytest.raises(ValueError, match="no further problem"):
        generate(tiny, 1000, seed=0)


def test_crowded_passages() -> None:
    for options in Possession(people=9, digits=1), Possession(people=len(NAMES), digits=2, transfer=True):
        assert len(generate(options, 2, seed=0)) == 2


# Seeds and splits.


def test_the_seed_decides(tmp_path) -> None:
    options = Possession(people=3, transfer=True, bias={"name": 0.5, "role": 0.5})
    problems = generate(options, 30, seed=5)
    assert generate(Possession(people=3, transfer=True, bias={"role": 0.5, "name": 0.5}), 20, seed=5) == problems[:20]
    assert generate(options, 30, seed=6) != problems
    write_problems(problems, tmp_path / "data.jsonl")
    assert read_problems(tmp_path / "data.jsonl") == problems


def test_hash_seeds_do_not_matter() -> None:
    code = "from anzan.tasks.possession import *; print(generate(Possession(transfer=True, bias={'name': 1}), 3, 0))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "12"
    }
    assert len(outputs) == 1


def test_splits_are_disjoint() -> None:
    train, test = (generate(Possession(people=3, digits=3), 1000, 0, split) for split in ("train", "eval"))
    check_disjoint(train, test)
    texts = {(problem.passage, problem.question) for problem in train}
    assert len(texts) == 1000
    with pytest.raises(ValueError, match="are the same problem"):
        check_disjoint(train, [*test, train[7]])


# Guessers.


@pytest.mark.parametrize("cell", [*TRANSFERS, "ten people"])
def test_nothing_is_left_to_guess(cell: str) -> None:
    scores = guessing_scores(sample(cell))
    # Rough arithmetic is no bias.
    assert scores.pop("two_digits") > 75
    # With blocks of a few numbers, even a gap of one is wide.
    narrow = CELLS[cell].digits > 2 and CELLS[cell].max_digits != 2 and CELLS[cell].gap < 1
    assert scores.pop("rounded_other") < (68 if narrow else 86)
    if CELLS[cell].max_digits is not None:
        assert scores.pop("before_transfer") > 50  # many amounts are too small to matter
    assert all(abs(score - 50) <= 6.3 for score in scores.values()), scores  # 4 standard deviations
    assert set(scores) >= {"asked_order", "mention_order", "leading_digits", "role", "other_result"}


def test_guessers_find_what_is_there() -> None:
    def problem(role: str, owner_wins: bool) -> Problem:
        a, t, c = {
            ("giver", True): (90, 11, 50),
            ("giver", False): (90, 60, 50),
            ("receiver", True): (40, 39, 70),  # 40 + 30 against 70: leading digits cannot tell
            ("receiver", False): (40, 11, 70),
        }[role, owner_wins]
        result = a + t if role == "receiver" else a - t
        meta = {
            "asked": ["Anna", "Carl"],
            "mentioned": ["Carl", "Anna"],
            "winner": "Anna" if owner_wins else "Carl",
            "quantities": {"Anna": result, "Carl": c},
            "owner": "Anna",
            "role": role,
            "roles": [role],
        }
        return Problem("1", "", "", (("",),), arguments=((Fraction(a), Fraction(t)),), meta=meta)

    problems = [problem("receiver", True), problem("giver", True), problem("giver", False), problem("receiver", False)]
    # Results 79, 79, 30, 51 against 70, 50, 50, 70, each with the result of the next: right, wrong, wrong, wrong.
    assert guessing_scores(problems) == {
        "asked_order": 50.0,
        "mention_order": 50.0,
        "leading_digits": 87.5,
        "two_digits": 100.0,
        "role": 50.0,
        "before_transfer": 50.0,
        "rounded_other": 100.0,  # 74.5, 54.5, 54.5, 74.5
        "other_result": 25.0,
    }


def test_guessers_know_their_problems() -> None:
    assert set(guessing_scores(sample("plain"))) == {"asked_order", "mention_order", "leading_digits"}
    assert guessing_scores([]) == {}
    with pytest.raises(ValueError, match=r"^7: not a possession problem"):
        guessing_scores([Problem("7", "", "", (("",),))])
