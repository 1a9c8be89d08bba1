"""Swapped quantities: the new text and answers, and the reasons for refusals."""

from collections import Counter
from pathlib import Path

import pytest

from anzan.arithmetic.numbers import find_numbers
from anzan.tasks.number_swap import NotSwappable, swap_numbers
from anzan.tasks.problem import Problem

DROP = Path(__file__).parents[3] / "shared/data/drop/drop_comparison_official_format.json.gz"


def problem(passage: str, question: str, answer: str) -> Problem:
    return Problem("p", passage, question, ((answer,),))


@pytest.mark.parametrize(
    ("passage", "question", "answer", "swapped", "answers"),
    [
        (
            "There were 9.5% Muslims, 7.7% Christians and 1.1% Jains.",
            "Which group is larger: Jains or Christians?",
            "Christians",
            "There were 9.5% Muslims, 1.1% Christians and 7.7% Jains.",
            ["Jains"],
        ),
        (  # asked for the smaller one; the option is in other case in the passage
            "Ages: 21.8% under the age of 18, 13.1% from 18 to 24, and 31% from 25 to 44.",
            "Which age group is smaller: Under the age of 18 or 18 to 24?",
            "18 to 24",
            "Ages: 13.1% under the age of 18, 21.8% from 18 to 24, and 31% from 25 to 44.",
            ["Under the age of 18", "under the age of 18"],
        ),
        (  # numbers after the options, in brackets; more question before the first, a phrase after the second
            "There live Serbs (14,298 inhabitants) and Turks (8,595).",
            "Were there more Turks or Serbs in Skopje in 2002?",
            "Serbs",
            "There live Serbs (8,595 inhabitants) and Turks (14,298).",
            ["Turks"],
        ),
        (  # number words, the article with its number, money
            "Ann kicked an 11-yard field goal. Later Bea Cole kicked a 35-yard field goal.",
            "Who kicked the longest field goal, Ann or Bea Cole?",
            "Bea Cole",
            "Ann kicked a 35-yard field goal. Later Bea Cole kicked an 11-yard field goal.",
            ["Ann"],
        ),
        (
            "They lost two Nizamiye divisions and four Redif divisions.",
            "Which did they lose more of, Nizamiye divisions or Redif divisions?",
            "four Redif divisions",
            "They lost four Nizamiye divisions and two Redif divisions.",
            ["Nizamiye divisions"],
        ),
        (
            "Men earn $32,429 and women $22,065 here.",
            "Who has the higher income, men or women?",
            "men",
            "Men earn $22,065 and women $32,429 here.",
            ["women"],
        ),
        (  # dates: the earlier year is the answer
            "The fort fell in 1611, a heavy blow. The treaty was signed in 1617.",
            "What happened first, the fort fell or the treaty?",
            "the fort fell",
            "The fort fell in 1617, a heavy blow. The treaty was signed in 1611.",
            ["treaty"],
        ),
        (
            "Ann Lee died on 7 June 1361; Eve Poe died on 17 June 1361.",
            "Who died later: Ann Lee or Eve Poe?",
            "Eve Poe",
            "Ann Lee died on 17 June 1361; Eve Poe died on 7 June 1361.",
            ["Ann Lee"],
        ),
    ],
)
def test_numbers_change_places_and_the_other_option_is_right(
    passage: str, question: str, answer: str, swapped: str, answers: list[str]
) -> None:
    given = problem(passage, question, answer)
    made = swap_numbers(given)
    assert made.passage == swapped
    assert [a for (a,) in made.answers] == answers
    assert made.question == question
    assert made.meta["bundle"] == "p"
    assert made.id == "p-swapped" and made.meta["swapped"]["answer"] == [answer]
    assert swap_numbers(made).passage == passage


@pytest.mark.parametrize(
    ("passage", "question", "answer", "reason"),
    [
        ("War from 1903 and a truce in 1909.", "Which is older, the war or the truce?", "war", "times"),
        ("The war began in 1903, the truce in 1909.", "Which was first, the war or the truce?", "war", "more than one"),
        ("The war began. The truce was in 1909.", "Which was first, the war or the truce?", "war", "no date is next"),
        ("A war in 1903. Then a truce in 1909.", "Which was first, the war or the truce?", "war", "'Then' may say"),
        ("A war in 1903. A truce in 1909.", "Which was first, the war or the truce?", "truce", "do not give"),
        ("A war in 1903. A truce in May 1909.", "Which was first, the war or the truce?", "war", "written diff"),
        ("The war and the truce of 1903.", "Which was first, the war or the truce?", "war", "next to both"),
        ("5 cats, 7 dogs.", "How many animals are there?", "12", "whether the larger or the smaller"),
        ("5 cats, 7 dogs.", "Are there more cats, dogs or cows?", "dogs", "is not in the passage"),
        ("5 cats, 7 dogs.", "Are there more cats or more dogs or cows?", "dogs", "two options"),
        ("5 cats, 7 dogs.", "Is the total larger for cats or dogs?", "dogs", "more than a comparison"),
        ("5 cats, 7 dogs.", "Are there more cats or dogs?", "cats", "do not give the answer"),
        ("5 cats, 7 dogs.", "Are there more cats or dogs?", "yes", "not one of its options"),
        ("5 cats, 7 dogs. 9 cats are black.", "Are there more cats or dogs?", "dogs", "more than one number"),
        ("Cats and 7 dogs.", "Are there more cats or dogs?", "dogs", "no number is next to 'cats'"),
        ("5 cats. Dogs: there are dogs, say 7 dogs.", "Are there more cats or pigs?", "cats", "is not in the passage"),
        ("5 cats, dogs are 7.", "Are there more cats or dogs?", "dogs", "is before its number"),
        ("5% cats, 7 dogs.", "Are there more cats or dogs?", "dogs", "different units"),
        ("5 cats, 7 dogs, 7 cows.", "Are there more cats or dogs?", "dogs", "more than once"),
        ("Half of the cats and two dogs.", "Are there more cats or dogs?", "dogs", "'Half' is a fraction"),
        ("1 sheep, 7 dogs.", "Are there fewer sheep or dogs?", "sheep", "singular"),
        ("1950 cats, 2007 dogs.", "Are there more cats or dogs?", "dogs", "year"),
        ("5 cats, and 7 dogs, only 7 dogs.", "Are there more cats or dogs?", "dogs", "more than one number"),
        ("Only 5 cats, but 7 dogs.", "Are there more cats or dogs?", "dogs", "'Only' may say"),
        ("Ann made a 5-yard pass, Bea a 9-yard pass.", "Who made more passes, Ann or Bea?", "Bea", "no length"),
        (
            "In 2010 there were 5 cats and 9 in 2030. There were 7 dogs.",
            "In 2030, were there more cats or dogs?",
            "dogs",
            "another year",
        ),
    ],
)
def test_what_is_not_certain_is_refused_with_the_reason(passage: str, question: str, answer: str, reason: str) -> None:
    with pytest.raises(NotSwappable, match=reason):
        swap_numbers(problem(passage, question, answer))


def test_annotators_who_disagree_are_refused() -> None:
    both = Problem("p", "5 cats, 7 dogs.", "Are there more cats or dogs?", (("dogs",), ("cats",)))
    with pytest.raises(NotSwappable, match="do not agree"):
        swap_numbers(both)


@pytest.mark.skipif(not DROP.exists(), reason="needs ../shared/data, which only its makers have")
def test_on_drop_only_two_numbers_of_the_passage_change() -> None:
    from anzan.tasks.drop import read_drop

    made = 0
    for given in read_drop(DROP):
        try:
            swapped = swap_numbers(given)
        except NotSwappable as why:
            assert len(str(why).splitlines()) == 1
            continue
        made += 1
        before, after = (Counter(n.value for n in find_numbers(p.passage)) for p in (given, swapped))
        assert before == after and swapped.passage != given.passage
        assert not set(map(_said, swapped.answers)) & set(map(_said, given.answers))
    assert made > 500


def _said(spans: tuple[str, ...]) -> str:
    return " ".join(spans).lower()
