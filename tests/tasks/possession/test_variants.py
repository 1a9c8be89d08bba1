"""Variants of problems, read back from their own text."""

import random
import re
from dataclasses import replace
from fractions import Fraction

import pytest

from anzan.errors import AnzanError
from anzan.tasks.possession import (
    Facts,
    Possession,
    exchanged,
    facts_of,
    generate,
    shorten,
    substitutes,
    ten_times,
)
from anzan.tasks.possession.wording import to_problem
from anzan.tasks.problem import Problem


@pytest.mark.parametrize("transfers", [0, 1])
@pytest.mark.parametrize("people", [2, 3, 6, 12])
def test_a_shortened_problem_has_the_same_answer_and_arguments(transfers: int, people: int) -> None:
    rng = random.Random(0)
    for problem in generate(Possession(people=6, digits=4, transfers=transfers), 50, seed=1):
        short = shorten(problem, people, rng)
        owned = re.findall(r"(\w+) has ([\d,]+)", short.passage)
        assert len(owned) == min(people, 6)
        assert set(facts_of(problem).asked) <= {name for name, _ in owned}
        assert set(owned) <= set(re.findall(r"(\w+) has ([\d,]+)", problem.passage))
        assert re.findall(r"\w+ gave .*", short.passage) == re.findall(r"\w+ gave .*", problem.passage)
        assert (short.question, short.answers, short.arguments) == (
            problem.question,
            problem.answers,
            problem.arguments,
        )
        for mention, value in zip(short.meta["mentions"], problem.arguments[0], strict=True):  # pyright: ignore
            assert short.passage[mention["start"] : mention["end"]].replace(",", "") == str(value)


@pytest.mark.parametrize("draw", ["balanced", "free"])
@pytest.mark.parametrize("transfers", [0, 1, 2])
def test_the_two_asked_people_own_each_other_s_numbers(transfers: int, draw: str) -> None:
    """All else stays; what the text then says is the answer, and nobody gives what they have not."""
    found = 0
    for problem in generate(Possession(people=5, digits=4, transfers=transfers, draw=draw), 60, seed=2):
        other = exchanged(problem)
        before = facts_of(problem)
        if other is None:
            assert transfers  # it would be a tie, or somebody would give more than they own
            continue
        found += 1
        after, (a, b) = facts_of(other), before.asked
        assert after.initial == before.initial | {a: before.initial[b], b: before.initial[a]}
        assert (after.transfers, after.asked, after.kind) == (before.transfers, before.asked, before.kind)
        assert other.question == problem.question and other.answers == ((after.answer,),)
        assert other.passage != problem.passage and min(after.final.values()) >= 0
    assert found > 20


def test_which_people_stay_is_drawn() -> None:
    problem = next(iter(generate(Possession(people=8, digits=4), 1, seed=1)))
    passages = {shorten(problem, 3, random.Random(i)).passage for i in range(60)}
    assert len(passages) == 6


@pytest.mark.parametrize("transfers", [0, 1])
def test_every_number_is_ten_times_as_large(transfers: int) -> None:
    for problem in generate(Possession(people=4, digits=4, transfers=transfers), 30, seed=1):
        long = ten_times(problem)
        before, after = (re.findall(r"[\d,]*\d", p.passage) for p in (problem, long))
        assert [int(n.replace(",", "")) for n in after] == [10 * int(n.replace(",", "")) for n in before]
        assert re.sub(r"[\d,]*\d", "#", long.passage) == re.sub(r"[\d,]*\d", "#", problem.passage)
        [[answer]], [[old]] = long.answers, problem.answers
        assert (
            answer == old
            if problem.kind == "argmax"
            else int(answer.replace(",", "")) == 10 * int(old.replace(",", ""))
        )
        assert long.arguments is not None
        for mention, value in zip(long.meta["mentions"], long.arguments[0], strict=True):
            assert Fraction(long.passage[mention["start"] : mention["end"]].replace(",", "")) == value


def test_longer_numbers_have_commas_where_they_had_commas() -> None:
    problem = to_problem(Facts({"Anna": 847, "Carl": 1234}, (), "pens", ("Anna", "Carl"), "max"), "1")
    assert ten_times(problem).passage == "Anna has 8470 pens. Carl has 12,340 pens."
    assert ten_times(ten_times(problem)).passage == "Anna has 84700 pens. Carl has 123,400 pens."


@pytest.mark.parametrize("transfers", [0, 1])
def test_the_answer_is_what_the_text_says_with_the_other_arguments(transfers: int) -> None:
    problems = generate(Possession(people=5, digits=5, transfers=transfers), 200, seed=3)
    known = {p.arguments[0] for p in problems}  # pyright: ignore[reportOptionalSubscript]
    for problem, swap in zip(problems, substitutes(problems), strict=True):
        assert swap is not None and swap.arguments in known
        # Write the new numbers into the passage, in the old ones' places, and read it.
        passage = problem.passage
        places = zip(problem.meta["mentions"], swap.arguments, strict=True)
        for mention, value in sorted(places, key=lambda pair: -pair[0]["start"]):
            passage = passage[: mention["start"]] + str(value) + passage[mention["end"] :]
        owns = {name: int(n.replace(",", "")) for name, n in re.findall(r"(\w+) has ([\d,]+)", passage)}
        for giver, n, receiver in re.findall(r"(\w+) gave ([\d,]+) \w+ to (\w+)", passage):
            owns[giver] -= int(n.replace(",", ""))
            owns[receiver] += int(n.replace(",", ""))
        asked = sorted(facts_of(problem).asked, key=lambda name: owns[name])
        if problem.kind == "argmax":
            assert swap.answer == asked[1] != problem.answers[0][0]
        else:
            assert swap.answer == str(owns[asked[1]])


def test_problems_without_a_substitute() -> None:
    [problem] = generate(Possession(people=3, digits=3), 1, seed=0)
    assert substitutes([problem]) == [None]
    assert substitutes(generate(Possession(people=4, transfers=2), 9, seed=0)) == [None] * 9


def test_problems_of_other_origin_are_refused() -> None:
    made = generate(Possession(people=3, digits=3, transfers=1), 1, seed=0)[0]
    other = Problem("x", "Ann has 3 pens.", "How many?", (("3",),))
    for problem in other, replace(made, id="x", meta={}), replace(made, id="x", arguments=None):
        for use in (
            lambda p: substitutes([p]),
            ten_times,
            lambda p: shorten(p, 2, random.Random(0)),
            exchanged,
        ):
            with pytest.raises(AnzanError, match=r"^x: not a possession problem; use the output of generate$"):
                use(problem)
