"""Problems against a solver that reads their text as a person would."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from stories import CELLS, sample, stories

from anzan.errors import AnzanError
from anzan.tasks.possession import Possession, facts_of, generate, is_possession
from anzan.tasks.problem import read_problems, write_problems


@pytest.mark.parametrize("cell", CELLS)
def test_problems_mean_what_they_say(cell: str) -> None:
    options = CELLS[cell]
    for problem, story in zip(sample(cell), stories(cell), strict=True):
        facts = facts_of(problem)
        assert problem.answers == ((story.answer,),)
        assert problem.kind == story.kind
        assert len(story.things) == 1
        assert len(story.first) == options.people
        assert story.final[story.winner] > story.final[story.loser]
        assert story.least >= 0
        numbers = [*story.first.values(), *story.amounts]
        assert len(story.amounts) == options.transfers
        if options.transfers:
            [owner] = set(story.asked) & set.union(*story.parties)
            assert all(owner in party for party in story.parties)
            assert len(set.union(*story.parties)) == 1 + options.transfers  # with somebody else each time
            arguments = [story.first[owner], *story.amounts]
            steps = [(had[owner], amount) for had, amount in zip(story.before, story.amounts, strict=True)]
            assert facts.role == ("giver" if owner == story.giver else "receiver")
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
        assert facts.initial == story.first and list(facts.initial) == list(story.first)
        assert facts.final == {name: story.final[name] for name in story.asked}
        assert list(facts.asked) == story.asked
        assert facts.winner == story.winner
        assert list(facts.mentioned) == [name for name in story.first if name in story.asked]


def test_the_words_of_the_paper() -> None:
    options = Possession(people=3, transfers=1, names=("Anna", "Carl", "Grace"), objects=("grapes",))
    problem = next(each for each in generate(options, 50, seed=0) if "Anna gave" in each.passage)
    assert re.fullmatch(
        r"(\w+ has [1-9](,\d{3}){2} grapes\. ){3}Anna gave [1-9](,\d{3}){2} grapes to \w+\.", problem.passage
    )


@pytest.mark.parametrize("transfers", [0, 1, 2])
def test_facts_survive_a_file(transfers: int, tmp_path: Path) -> None:
    problems = generate(Possession(people=5, transfers=transfers), 20, seed=0)
    write_problems(problems, tmp_path / "data.jsonl")
    assert list(map(facts_of, read_problems(tmp_path / "data.jsonl"))) == list(map(facts_of, problems))


PROBLEM = generate(Possession(people=3, transfers=1), 1, seed=0)[0]
FACTS: dict[str, Any] = PROBLEM.meta["facts"]
FREE = generate(Possession(people=3, transfers=1, draw="free"), 1, seed=0)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"meta": {}},
        {"meta": {"facts": None}},
        {"meta": {"facts": []}},
        *({"meta": {"facts": {k: v for k, v in FACTS.items() if k != key}}} for key in FACTS),
        *(
            {"meta": {"facts": FACTS | {key: value}}}
            for key in FACTS
            for value in (None, "x", [], [["x", "y"]], {}, [{}], ["x", "y"], [[["x"], 1]])
        ),
        *({"meta": {"facts": FACTS | {"joined": value}}} for value in (True, None, 0, "x")),
        {"passage": FREE.passage, "meta": {"facts": FREE.meta["facts"] | {"joined": False}}},
        {"passage": PROBLEM.passage + " Anna is happy."},
        {"question": PROBLEM.question + "?"},
        {"answers": (("Zoe",),)},
        {"arguments": None},
        {"arguments": ((Fraction(1), Fraction(2)),)},
    ],
)
def test_a_problem_that_its_facts_do_not_give_is_refused(changes: dict[str, Any]) -> None:
    changed = replace(PROBLEM, **changes)
    assert is_possession(PROBLEM) and not is_possession(changed)
    with pytest.raises(AnzanError, match=rf"^{PROBLEM.id}: not a possession problem; use the output of generate$"):
        facts_of(changed)
