"""Swapped arguments: what the text then implies, worked out from its sentences."""

import re

import pytest

from anzan.tasks.possession import Possession, generate
from anzan.tasks.substitution import substitutes


@pytest.mark.parametrize("transfer", [False, True])
def test_the_answer_is_what_the_text_says_with_the_other_arguments(transfer: bool) -> None:
    problems = generate(Possession(people=5, digits=5, transfer=transfer), 200, seed=3)
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
        asked = sorted(problem.meta["asked"], key=lambda name: owns[name])
        if problem.kind == "argmax":
            assert swap.answer == asked[1] != problem.answers[0][0]
        else:
            assert swap.answer == str(owns[asked[1]])


def test_problems_of_other_origin_are_refused() -> None:
    from dataclasses import replace

    problem = generate(Possession(people=3, digits=3), 1, seed=0)[0]
    for broken in (replace(problem, meta={}), replace(problem, arguments=None)):
        with pytest.raises(ValueError, match="not a possession problem"):
            substitutes([broken])
    assert substitutes([problem]) == [None]
    assert substitutes(generate(Possession(people=4, transfer=True, transfers=2), 9, seed=0)) == [None] * 9
