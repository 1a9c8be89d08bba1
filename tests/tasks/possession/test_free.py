"""The free draw: the paper's wording, and numbers as independent draws give them, read back from the text."""

import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import Story, assert_share

from anzan.errors import AnzanError
from anzan.tasks.possession import (
    NAMES,
    Facts,
    Possession,
    Transfer,
    check_disjoint,
    facts_of,
    generate,
    guessing_scores,
    shorten,
    substitutes,
    ten_times,
)
from anzan.tasks.possession.wording import to_problem
from anzan.tasks.problem import Problem, read_problems, write_problems

CELLS = {
    "plain": Possession(people=10, draw="free"),
    "transfer": Possession(people=4, transfers=1, draw="free"),
    "up to six digits": Possession(people=4, transfers=1, max_digits=6, draw="free"),
    "two transfers": Possession(people=5, transfers=2, draw="free"),
    "one digit": Possession(people=4, transfers=1, digits=1, draw="free"),
}
TRANSFERS = ["transfer", "up to six digits", "two transfers", "one digit"]


@cache
def sample(cell: str) -> list[Problem]:
    return generate(CELLS[cell], 1000, seed=1)


def read(problem: Problem) -> Story:
    """What the passage says, its clauses as sentences; the commas in numbers have no space after them."""
    assert ". " not in problem.passage
    return Story(replace(problem, passage=problem.passage.replace(", ", ". ")))


@cache
def stories(cell: str) -> list[Story]:
    return list(map(read, sample(cell)))


def owner_of(story: Story) -> str:
    (owner,) = (name for name in story.asked if name in story.parties[0])
    return owner


def test_the_words_of_the_paper() -> None:
    owned = {"Anna": 5_903_204, "Carl": 8_417_312, "Grace": 987}
    transfer = Transfer("Anna", 1_224_450, "Grace")
    problem = to_problem(Facts(owned, (transfer,), "grapes", ("Carl", "Anna"), "argmax", joined=True), "1")
    assert problem.passage == (
        "Anna has 5,903,204 grapes, Carl has 8,417,312 grapes, Grace has 987 grapes, "
        "Anna gave 1,224,450 grapes to Grace."
    )
    assert (problem.question, problem.answers) == ("Who has more grapes: Carl or Anna?", (("Carl",),))
    assert problem.meta["mentions"] == [
        {"where": "passage", "start": 9, "end": 18},
        {"where": "passage", "start": 86, "end": 95},
    ]


@pytest.mark.parametrize("cell", CELLS)
def test_problems_mean_what_they_say(cell: str) -> None:
    options = CELLS[cell]
    for problem, story in zip(sample(cell), stories(cell), strict=True):
        facts = facts_of(problem)
        assert facts.joined and problem.id.startswith("free-")
        assert (problem.answers, problem.kind) == (((story.answer,),), story.kind)
        assert len(story.things) == 1 and len(story.first) == options.people
        assert len(story.amounts) == options.transfers
        assert story.final[story.winner] > story.final[story.loser]
        assert story.least >= 0 and all(amount > 0 for amount in story.amounts)
        numbers = [*story.first.values(), *story.amounts]
        assert len(set(numbers)) == len(numbers)
        lengths = {len(str(number)) for number in story.first.values()}
        assert lengths <= ({options.digits} if options.max_digits is None else set(range(1, options.max_digits + 1)))
        if options.transfers:
            owner = owner_of(story)
            assert all(set(story.asked) & party == {owner} for party in story.parties)
            assert len(set.union(*story.parties)) == 1 + options.transfers  # another partner each time
            arguments = [story.first[owner], *story.amounts]
            steps = [(had[owner], amount) for had, amount in zip(story.before, story.amounts, strict=True)]
        else:
            arguments = [story.first[name] for name in story.first if name in story.asked]
            steps = [tuple(arguments)]
        assert list(problem.arguments or ()) == steps
        spans = [problem.passage[mention["start"] : mention["end"]] for mention in problem.meta["mentions"]]
        assert [int(span.replace(",", "")) for span in spans] == arguments


@pytest.mark.parametrize("cell", CELLS)
def test_words_are_fair(cell: str) -> None:
    def mentioned(name: str, story: Story) -> int:
        return list(story.first).index(name)

    assert_share(s.winner == s.asked[0] for s in stories(cell))
    assert_share(mentioned(s.winner, s) < mentioned(s.loser, s) for s in stories(cell))
    assert_share(mentioned(s.asked[0], s) < mentioned(s.asked[1], s) for s in stories(cell))
    assert_share(s.winner < s.loser for s in stories(cell))
    assert_share(s.kind == "max" for s in stories(cell))
    if CELLS[cell].transfers:
        owners = [(owner_of(s), s) for s in stories(cell)]
        assert_share(name == s.asked[0] for name, s in owners)
        assert_share(mentioned(name, s) < mentioned(next(n for n in s.asked if n != name), s) for name, s in owners)
        assert_share(name == s.giver for name, s in owners)
        # The partner is any of the others, wherever the passage mentions them.
        partners = [next(iter(s.parties[-1] - {name})) for name, s in owners]
        others = [[n for n in s.first if n not in s.asked] for s in stories(cell)]
        assert_share((names[0] == each for names, each in zip(others, partners, strict=True)), 1 / len(others[0]))


def test_roles_of_two_transfers_are_independent() -> None:
    problems = map(facts_of, sample("two transfers"))
    assert_share((facts.changes[0] > 0) == (facts.changes[1] > 0) for facts in problems)


def chi_square(shares: Iterable[float], bins: int = 20) -> float:
    """Of shares between 0 and 1 in bins of equal width, against even ones."""
    counts = Counter(min(bins - 1, int(bins * share)) for share in shares)
    expected = counts.total() / bins
    return sum((counts[i] - expected) ** 2 / expected for i in range(bins))


LIMIT = 19 + 4 * 38**0.5
"""Of `chi_square` for even draws: its mean and 4 standard deviations, with 19 degrees of freedom."""


@pytest.mark.parametrize("cell", ["transfer", "two transfers"])
@pytest.mark.parametrize("role", ["giver", "receiver"])
def test_amounts_are_uniform_up_to_what_the_giver_has(cell: str, role: str) -> None:
    for i in range(CELLS[cell].transfers):
        shares = []
        for facts, story in zip(map(facts_of, sample(cell)), stories(cell), strict=True):
            transfer = facts.transfers[i]
            if (transfer.giver == owner_of(story)) == (role == "giver"):
                shares.append(story.amounts[i] / story.before[i][transfer.giver])
        assert len(shares) > 400 and min(shares) > 0 and max(shares) <= 1
        assert chi_square(shares) < LIMIT


def test_results_are_of_any_length() -> None:
    """Within those of seven digits, a share of amounts and of results is shorter, and sums have one digit more."""
    amounts, results = Counter[int](), Counter[int]()
    for story in stories("transfer"):
        amounts[len(str(story.amount))] += 1
        results[len(str(story.final[owner_of(story)]))] += 1
    assert min(amounts) <= 5 and max(amounts) == 7
    assert min(results) <= 6 and max(results) == 8


@pytest.mark.parametrize("cell", ["plain", "transfer"])
def test_what_people_have_is_uniform(cell: str) -> None:
    numbers = [number for story in stories(cell) for number in story.first.values()]
    assert chi_square((number - 10**6) / (9 * 10**6) for number in numbers) < LIMIT
    asked = [story.first[name] for story in stories(cell) for name in story.asked]
    assert chi_square((number - 10**6) / (9 * 10**6) for number in asked) < LIMIT


def test_lengths_are_even_without_a_transfer() -> None:
    problems = generate(Possession(people=2, max_digits=6, draw="free"), 2000, seed=0)
    numbers = [number for problem in problems for number in read(problem).first.values()]
    for digits in range(2, 7):  # numbers of one digit are redrawn a little more often
        assert_share((len(str(number)) == digits for number in numbers), 1 / 6)


def test_nothing_is_balanced() -> None:
    """The leak is that of independent draws, counted here by a simulation that knows no problems."""
    rng, wins = random.Random(0), 0
    for _ in range(20_000):
        owner, other, partner = (rng.randrange(10**6, 10**7) for _ in range(3))
        gives = rng.random() < 0.5
        change = -rng.randint(1, owner) if gives else rng.randint(1, partner)
        wins += (owner + change > other) != gives
    assert wins / 20_000 == pytest.approx(0.76, abs=0.01)
    assert_share((s.winner == s.receiver or s.loser == s.giver for s in stories("transfer")), wins / 20_000)
    assert guessing_scores(sample("transfer"))["leading_digits"] > 90


@given(
    people=st.integers(4, 12),
    transfers=st.integers(0, 2),
    digits=st.integers(2, 15),
    up_to=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_nobody_owes_anything_and_no_number_comes_twice(
    people: int, transfers: int, digits: int, up_to: bool, seed: int
) -> None:
    size = {"max_digits": digits} if up_to else {"digits": digits}
    for problem in generate(Possession(people=people, transfers=transfers, draw="free", **size), 3, seed):
        story = read(problem)
        numbers = [*story.first.values(), *story.amounts]
        assert story.least >= 0 and min(numbers) > 0 and len(set(numbers)) == len(numbers)
        assert len(set(story.final[name] for name in story.asked)) == 2
        assert facts_of(problem).final == {name: story.final[name] for name in story.asked}


def test_crowded_passages() -> None:
    crowded = {"people": len(NAMES), "digits": 2}, {"people": 9, "digits": 1}
    for options in ({"transfers": 1, **crowded[0]}, {"transfers": 2, **crowded[0]}, crowded[1]):
        assert len(generate(Possession(draw="free", **options), 2, seed=0)) == 2


def test_streams() -> None:
    options = CELLS["transfer"]
    assert generate(options, 20, 1) == sample("transfer")[:20] != generate(options, 20, 2)
    test = generate(options, 1000, 1, "eval")
    check_disjoint(sample("transfer"), test)
    balanced = generate(replace(options, draw="balanced"), 1000, seed=1)
    assert not {p.id for p in balanced} & {p.id for p in sample("transfer")}


def test_facts_survive_a_file(tmp_path: Path) -> None:
    problems = sample("two transfers")[:20]
    write_problems(problems, tmp_path / "data.jsonl")
    assert read_problems(tmp_path / "data.jsonl") == problems
    assert list(map(facts_of, read_problems(tmp_path / "data.jsonl"))) == list(map(facts_of, problems))


@pytest.mark.parametrize("cell", ["plain", "transfer", "two transfers"])
def test_variants_keep_the_wording(cell: str) -> None:
    rng = random.Random(0)
    for problem in sample(cell)[:50]:
        clauses = problem.passage[:-1].split(", ")
        short = shorten(problem, 3, rng).passage
        assert short.endswith(".") and [c for c in clauses if c in short[:-1].split(", ")] == short[:-1].split(", ")
        assert sum(" has " in clause for clause in short.split(", ")) == 3
        assert shorten(problem, 3, rng).answers == problem.answers
        long = ten_times(problem)
        assert re.sub(r"\d[\d,]*\d|\d", "#", long.passage) == re.sub(r"\d[\d,]*\d|\d", "#", problem.passage)
        assert read(long).final == {name: 10 * number for name, number in read(problem).final.items()}


def with_arguments(problem: Problem, arguments: tuple[int, int]) -> Story:
    """The problem as its text reads with other numbers in the arguments' places."""
    passage = problem.passage
    places = zip(problem.meta["mentions"], arguments, strict=True)
    for mention, value in sorted(places, key=lambda pair: -pair[0]["start"]):
        passage = f"{passage[: mention['start']]}{value:,}{passage[mention['end'] :]}"
    return read(replace(problem, passage=passage))


@pytest.mark.parametrize("cell", ["plain", "transfer"])
def test_substitutes_answer_as_the_text_with_their_arguments(cell: str) -> None:
    problems = sample(cell)[:200]
    known = [(facts_of(p).role, facts_of(p).steps[0]) for p in problems]
    without = 0
    for problem, swap in zip(problems, substitutes(problems), strict=True):
        if swap is not None:
            assert with_arguments(problem, swap.arguments).answer == swap.answer
            assert problem.kind == "max" or swap.answer != problem.answers[0][0]
            continue
        # The other has so much, or so little, that no arguments of the same role reverse the comparison.
        without += 1
        role = facts_of(problem).role
        answers = {with_arguments(problem, arguments).answer for each, arguments in known if each == role}
        assert problem.kind == "argmax" and answers == {problem.answers[0][0]}
    assert without < 10


def test_running_out_of_problems_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anzan.tasks.possession.generator.TRIES", 500)
    with pytest.raises(AnzanError, match="no further problem"):
        generate(Possession(people=2, digits=1, names=("Anna", "Carl"), objects=("nuts",), draw="free"), 1000, seed=0)
