"""How much of worlds can be guessed: by position, by the commonest operation, by words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from anzan.arithmetic import find_numbers, parse_number
from anzan.tasks.problem import Problem

_WORD = re.compile(r"[a-z]+")
_APPLY: dict[str, Callable[[Fraction, Fraction], Fraction | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: abs(a - b),
    "*": lambda a, b: a * b,
    "/": lambda a, b: max(a, b) / min(a, b) if min(a, b) > 0 else None,
}
PLACES = {"first two": (0, 1), "last two": (-2, -1), "first and last": (0, -1)}
"""Which numbers of the text a guesser takes, in the order of passage and question."""


def guessing_scores(problems: Sequence[Problem]) -> dict[str, float]:
    """How often simple guessers are right, in percent.

    Of the questions for a number:

    - `first two: -` and so on: the operation that is best there on the numbers at these places;
    - `words`: the operations that a naive Bayes classifier names from the words of passage and question, trained on the
      other half of the problems, on the right numbers. With as many kinds of text as there are, some of it is honest:
      `each` and `altogether` say what to do in most texts, and nothing else says it in the others;
    - `question words`: the same from the question alone;

    and of the comparisons

    - `named first`: the answer that the question names first.
    """
    numeric = [p for p in problems if p.meta["form"] == "number"]
    named = [p for p in problems if p.meta["form"] != "number"]
    scores: dict[str, list[bool]] = {}
    values = [[n.value for text in (p.passage, p.question) for n in find_numbers(text)] for p in numeric]
    answers = [parse_number(p.answers[0][0]) for p in numeric]
    for place, (i, j) in PLACES.items():
        by_operation = {
            name: [len(v) > 1 and apply(v[i], v[j]) == answer for v, answer in zip(values, answers, strict=True)]
            for name, apply in _APPLY.items()
        }
        best = max(by_operation, key=lambda o: sum(by_operation[o]))
        scores[f"{place}: {best}"] = by_operation[best]
    halves = numeric[::2], numeric[1::2]
    for name, question_alone in (("words", False), ("question words", True)):
        guesses = [g for a, b in (halves, halves[::-1]) for g in _by_words(a, b, question_alone)]
        scores[name] = guesses
    scores["named first"] = [_named_first(p) for p in named]
    return {name: round(100 * sum(right) / len(right), 1) for name, right in scores.items() if right}


def _by_words(train: Sequence[Problem], test: Sequence[Problem], question_alone: bool) -> Iterator[bool]:
    def words(problem: Problem) -> set[str]:
        text = problem.question if question_alone else f"{problem.passage} {problem.question}"
        return set(_WORD.findall(text.lower()))

    labels = Counter(_operations(p) for p in train)
    counts = {label: Counter[str]() for label in labels}
    for problem in train:
        counts[_operations(problem)].update(words(problem))
    for problem in test:
        present = words(problem)

        def log_likelihood(label: str, present: set[str] = present) -> float:
            n = labels[label]
            return math.log(n) + sum(math.log((counts[label][w] + 0.1) / (n + 0.2)) for w in present)

        yield max(labels, key=log_likelihood) == _operations(problem)


def _operations(problem: Problem) -> str:
    return " ".join(problem.meta["operations"])


def _named_first(problem: Problem) -> bool:
    right, wrong = (problem.question.index(option) for option in problem.meta["options"])
    return right < wrong
