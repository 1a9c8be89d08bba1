"""Table 1, with readers whose behaviour is known: one that compares the numbers, one that knows the answer."""

import re
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from anzan.evaluation import original_and_swapped
from anzan.reader import Answer
from anzan.tasks.problem import Problem


class Known:
    """Answers comparison questions from the passage or from memory, and every other one with 200."""

    def __init__(self, compares: bool):
        self.compares = compares
        self.text_encoder = SimpleNamespace(
            calculator=SimpleNamespace(operations=("-",)), text=lambda passage, question: None
        )

    def call_many(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return list(pairs)

    def read_many(self, called: list[tuple[str, str]], override: Any) -> Iterable[Any]:
        for passage, question in called:
            answer = "200"
            if question.startswith("Which"):
                live = {name: int(n) for name, n in re.findall(r"(\w+) \((\d+)", passage)}
                answer = max(live, key=lambda name: live[name]) if self.compares else "Serbs"
            yield SimpleNamespace(answer=Answer("" if override else answer, None, None, 1.0))


def problem(kind: str, question: str, answer: str, passage: str) -> Problem:
    return Problem(question, passage, question, ((answer,),), kind=kind)


LIVE = "There live Serbs (500 inhabitants) and Turks (300)."
PROBLEMS = [
    problem("comparison", "Which group is larger: Serbs or Turks?", "Serbs", LIVE),
    problem("comparison", "Which group is smaller: Serbs or Turks?", "Turks", LIVE),  # both readers are wrong
    problem("comparison", "Which came first: Serbs or Turks?", "Serbs", LIVE),  # cannot be swapped
    problem("difference", "How many more Serbs than Turks?", "200", LIVE),
    problem("difference", "How many more Turks than Huns?", "7", LIVE),
]


def test_who_compares_and_who_remembers() -> None:
    expected = {"n": 3, "em": 66.67, "f1": 66.67, "f1_blanked": 0, "n_swappable": 2, "f1_swappable": 50}
    expected |= {"n_difference": 2, "f1_difference": 50, "n_complement": 0}
    # Who remembers the Serbs is right on the swapped question for the smaller group, and on no pair of questions.
    for compares, found in (
        (True, {"f1_swapped": 50, "consistency": 50}),
        (False, {"f1_swapped": 50, "consistency": 0}),
    ):
        assert original_and_swapped(Known(compares), PROBLEMS) == expected | found  # pyright: ignore[reportArgumentType]
    nothing = original_and_swapped(Known(True), PROBLEMS[-1:])  # pyright: ignore[reportArgumentType]
    assert nothing["n"] == nothing["n_swappable"] == 0 and "f1" not in nothing and "f1_swapped" not in nothing
