"""Lengthened problems, read back from their own text."""

import re
from fractions import Fraction

import pytest

from anzan.tasks.lengthening import ten_times
from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import Problem


@pytest.mark.parametrize("transfer", [False, True])
def test_every_number_is_ten_times_as_large(transfer: bool) -> None:
    for problem in generate(Possession(people=4, digits=4, transfer=transfer), 30, seed=1):
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


def test_another_problem_is_refused() -> None:
    with pytest.raises(ValueError, match="x: not a possession problem"):
        ten_times(Problem("x", "Ann has 3 pens.", "How many?", (("3",),)))
