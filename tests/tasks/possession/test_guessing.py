"""Guessers: near chance on balanced problems, and right where a cue is left."""

import pytest
from stories import CELLS, TRANSFERS, sample

from anzan.tasks.possession import Facts, Transfer, guessing_scores
from anzan.tasks.possession.wording import to_problem
from anzan.tasks.problem import Problem


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
        transfer = Transfer("Grace", t, "Anna") if role == "receiver" else Transfer("Anna", t, "Grace")
        facts = Facts({"Carl": c, "Grace": 99, "Anna": a}, (transfer,), "grapes", ("Anna", "Carl"), "argmax")
        problem = to_problem(facts, "1")
        assert problem.answers == (("Anna" if owner_wins else "Carl",),)
        return problem

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
