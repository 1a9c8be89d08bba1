"""Distracted problems against their originals, and against all that the calculator makes of every pair of numbers."""

import random
import re
from dataclasses import replace
from fractions import Fraction

import pytest

from anzan.arithmetic.calculator import Calculator
from anzan.arithmetic.numbers import find_numbers
from anzan.tasks.distraction import Distractions
from anzan.tasks.problem import Problem


def problem(id: str, passage: str, question: str, answer: str, *mentioned: str) -> Problem:
    mentions = [{"where": "passage", "start": passage.index(m), "end": passage.index(m) + len(m)} for m in mentioned]
    arguments = (tuple(Fraction(m) for m in mentioned),)
    return Problem(id, passage, question, ((answer,),), arguments, "addition", {"mentions": mentions})


PROBLEMS = [
    problem("1", "Tom has 4 pens . Ann has 17 pens .", "How many pens do they have ?", "21", "4", "17"),
    problem("2", "Zoe ate 3.5 cakes . Kim ate 50 cakes .", "How many cakes were eaten ?", "53.5", "3.5", "50"),
    problem(
        "3", "A box holds 12 books . Bea has 7 boxes . The 30 books are old .", "How many books ?", "84", "12", "7"
    ),
    problem("4", "Sue saw 9 boxes . Dan saw 31 boxes .", "How many boxes did they see ?", "40", "9", "31"),
]


def results_of_pairs(p: Problem) -> list[tuple[Fraction, Fraction]]:
    """The pairs of numbers of which the calculator makes the answer."""
    values = [n.value for text in (p.passage, p.question) for n in find_numbers(text)]
    answer = Fraction(p.answers[0][0])
    calculator = Calculator(("+", "-", "*", "/"))
    return [
        (a, b)
        for i, a in enumerate(values)
        for b in values[i + 1 :]
        if any(f.operation and f.value == answer for f in calculator(a, b).fields)
    ]


@pytest.mark.parametrize("original", PROBLEMS)
def test_something_is_put_in_and_nothing_else_changes(original: Problem) -> None:
    made = Distractions(PROBLEMS)
    found = [p for seed in range(60) if (p := made.add(original, random.Random(seed)))]
    assert len({p.passage for p in found}) > 5
    for p in found:
        place = next(i for i in range(len(p.passage)) if p.passage[i] != original.passage[i : i + 1])
        put_in = len(p.passage) - len(original.passage)
        assert any(  # the text before and after it are the two halves of the original
            p.passage[:i] + p.passage[i + put_in :] == original.passage
            for i in range(max(0, place - put_in), place + 1)
        )
        assert len(find_numbers(p.passage)) > len(find_numbers(original.passage))
        assert (p.question, p.answers, p.arguments, p.kind) == (
            original.question,
            original.answers,
            original.arguments,
            original.kind,
        )
        assert p.meta["distracted"] and p.id != original.id
        assert original.arguments is not None
        for mention, value in zip(p.meta["mentions"], original.arguments[0], strict=True):
            assert Fraction(p.passage[mention["start"] : mention["end"]]) == value
        assert results_of_pairs(p) == results_of_pairs(original)


def test_another_thing_stands_beside_one_that_is_asked_for() -> None:
    made = Distractions(PROBLEMS)
    found = [p.passage for seed in range(60) if (p := made.add(PROBLEMS[0], random.Random(seed)))]
    assert {m[1] for p in found if (m := re.search(r" pens and [0-9.]+ (\w+) [.]", p))} == {"cakes", "boxes"}


def test_a_problem_without_a_place_is_left_alone() -> None:
    nothing = problem("5", "how tall he is", "How tall ?", "2")
    assert Distractions(PROBLEMS).add(nothing, random.Random(0)) is None
    assert Distractions([]).add(PROBLEMS[0], random.Random(0)) is None


def test_what_could_change_the_question_is_not_put_in() -> None:
    others = [
        problem("6", "He gives him 80 more . Bea has 70 cups . Dan has 75 cups .", "How many ?", "10", "80", "70"),
        problem("7", "Bob has 600 pens . Bob has 500 pens .", "How many pens ?", "100", "600", "500"),
        problem("8", "There are 800 . There are 900 .", "How many ?", "100", "800", "900"),
    ]
    made = Distractions([PROBLEMS[0], *others])
    found = [p.passage for seed in range(300) if (p := made.add(PROBLEMS[0], random.Random(seed)))]
    assert any("Bea has 70 cups ." in passage for passage in found)
    for wrong in ("He gives", "Bob has", "There are"):  # a pronoun, what is asked for, nothing known
        assert not any(wrong in passage for passage in found)


def test_rounded_answers_are_not_made_either() -> None:
    thirds = problem("9", "Tom has 3 pens . Sue has 5 pens .", "How many pens each ?", "3.3333")
    made = Distractions([thirds, problem("10", "A has 10 cups . B has 10 cups .", "How many ?", "20")])
    found = [p for seed in range(100) if (p := made.add(thirds, random.Random(seed)))]
    assert not any("10" in p.passage for p in found)  # 10 / 3 prints 3.3333


def test_mentions_may_be_null() -> None:
    bare = replace(PROBLEMS[0], meta={"mentions": None})
    assert any(Distractions(PROBLEMS).add(bare, random.Random(seed)) for seed in range(9))
