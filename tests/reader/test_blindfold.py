"""Which numbers are kept from the reader: worked out by hand, and from the roles that the generator knows."""

import pytest
from anzan.reader.blindfold import blindfold

from anzan.tasks.possession import Possession, facts_of, generate


@pytest.mark.parametrize(
    ("passage", "hidden"),
    [
        ("Anna has 5 pens. Carl has 7 pens.", "5 7"),
        ("Anna has 5 pens. Carl has 7 pens. Anna gave 2 pens to Grace.", "5 2"),
        ("Anna has 5 pens. Grace has 1.5 pens. Carl has 7 pens. Anna gave 2 pens to Grace.", "5 1.5 2"),
        ("Anna has 5.5 pens! Carl has 7.", "5.5 7"),
        ("anna has 5. anna has 6.", "5 6"),  # no name: none is stale
        ("", ""),
    ],
)
def test_stale_numbers(passage: str, hidden: str) -> None:
    import re

    numbers = list(re.finditer(r"\d+(\.\d+)?", passage))
    out = blindfold(passage, [n.start() for n in numbers])
    assert " ".join(n.group() for n, is_out in zip(numbers, out, strict=True) if is_out) == hidden


def test_the_rival_s_number_stays_and_the_gold_arguments_do_not() -> None:
    for problem in generate(Possession(people=5, digits=4, transfers=1), 50, seed=0):
        facts = facts_of(problem)
        other = next(name for name in facts.asked if name != facts.owner)
        start = problem.passage.index(f"{other} has ") + len(f"{other} has ")
        golds = [m["start"] for m in problem.meta["mentions"]]
        assert blindfold(problem.passage, [start, *golds]) == [False, True, True]
