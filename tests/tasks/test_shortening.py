"""Shortened problems, read back from their own text."""

import random
import re

import pytest

from anzan.tasks.possession import Possession, generate
from anzan.tasks.shortening import shorten


@pytest.mark.parametrize("transfer", [False, True])
@pytest.mark.parametrize("people", [2, 3, 6, 12])
def test_a_shortened_problem_has_the_same_answer_and_arguments(transfer: bool, people: int) -> None:
    rng = random.Random(0)
    for problem in generate(Possession(people=6, digits=4, transfer=transfer), 50, seed=1):
        short = shorten(problem, people, rng)
        owned = re.findall(r"(\w+) has ([\d,]+)", short.passage)
        assert len(owned) == min(people, 6)
        assert set(problem.meta["asked"]) <= {name for name, _ in owned}
        assert set(owned) <= set(re.findall(r"(\w+) has ([\d,]+)", problem.passage))
        assert re.findall(r"\w+ gave .*", short.passage) == re.findall(r"\w+ gave .*", problem.passage)
        assert (short.question, short.answers, short.arguments) == (
            problem.question,
            problem.answers,
            problem.arguments,
        )
        for mention, value in zip(short.meta["mentions"], problem.arguments[0], strict=True):  # pyright: ignore
            assert short.passage[mention["start"] : mention["end"]].replace(",", "") == str(value)


def test_which_people_stay_is_drawn() -> None:
    problem = next(iter(generate(Possession(people=8, digits=4), 1, seed=1)))
    passages = {shorten(problem, 3, random.Random(i)).passage for i in range(60)}
    assert len(passages) == 6
