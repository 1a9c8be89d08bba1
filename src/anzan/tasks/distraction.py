"""Distractions: word problems with irrelevant numbers added, and the same question and answer.

    Tom has 4 pens .   ->   Tom has 4 pens and 22 books .

Authors of word problems tend to write only what is needed, so a model learns to use every number. SVAMP's test problems
were varied by hand to catch that (Patel, Bhattamishra and Goyal, NAACL 2021). Here training problems are extended with
material from other problems:

- another thing next to one that the question asks about, as above;
- a sentence of another problem, with its numbers, before one of its own.

A number that would give the answer together with another one is not added, so that no wrong pair becomes right by
accident. Sentences that refer back, by a pronoun for instance, are not added either.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from anzan.arithmetic.calculator import Calculator, format_number
from anzan.arithmetic.numbers import find_numbers, parse_number
from anzan.tasks.problem import Problem

_THING = re.compile(
    r" ([a-z]{3,}s)\b(?= (?:[.,]|and|in|on|at|for|to|from|of|with|each|per|every|if|while|but)(?:\s|$))"
)
_SENTENCE = re.compile(r"\S(?:[^.?!]|[.?!](?!\s|$))*[.?!]+(?=\s|$)")
_WORD = re.compile(r"\w+")
_POINTS_BACK = {"he", "she", "it", "they", "him", "her", "them", "his", "hers", "its", "their"}
_POINTS_BACK |= {"more", "other", "another", "rest", "left", "remaining"}
_ALL = Calculator(("+", "-", "*", "/"))


class Distractions:
    """Distractions for problems, taken from a collection of problems.

    >>> distractions = Distractions(problems)
    >>> distractions.add(problems[0], random.Random(0))
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        things = Counter[str]()
        self._sentences: list[str] = []
        self._values: list[Fraction] = []
        for passage in dict.fromkeys(p.passage for p in problems):
            numbers = find_numbers(passage)
            things.update(match[1] for n in numbers if (match := _THING.match(passage, n.end)))
            self._values += [n.value for n in numbers]
            self._sentences += [m.group() for m in _SENTENCE.finditer(passage) if find_numbers(m.group())]
        self._things = sorted(thing for thing, count in things.items() if count > 1)

    def add(self, problem: Problem, rng: random.Random) -> Problem | None:
        """The problem with another thing or another sentence in its passage; None if neither fits."""
        ways = [self._another_thing, self._another_sentence]
        rng.shuffle(ways)
        return next((changed for way in ways if (changed := way(problem, rng))), None)

    def _another_thing(self, problem: Problem, rng: random.Random) -> Problem | None:
        asked = _words(problem.question)
        places = [
            match
            for n in find_numbers(problem.passage)
            if (match := _THING.match(problem.passage, n.end)) and match[1] in asked
        ]
        known = _words(problem.passage) | asked
        things = [thing for thing in self._things if thing not in known]
        if not places or not things:
            return None
        written = format_number(rng.choice(self._values))
        if not _harmless([Fraction(written)], problem):
            return None
        text = f" and {written} {rng.choice(things)}"
        return _inserted(problem, rng.choice(places).end(), text)

    def _another_sentence(self, problem: Problem, rng: random.Random) -> Problem | None:
        sentence = rng.choice(self._sentences) if self._sentences else ""
        starts = [m.start() for m in _SENTENCE.finditer(problem.passage)]
        words = _words(sentence)
        things = words & set(self._things)
        if not starts or not things or words & _POINTS_BACK or things & _words(f"{problem.passage} {problem.question}"):
            return None
        if not _harmless([n.value for n in find_numbers(sentence)], problem):
            return None
        return _inserted(problem, rng.choice(starts), f"{sentence} ")


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _harmless(values: Sequence[Fraction], problem: Problem) -> bool:
    """Whether no new number gives an answer together with another number."""
    answers = {format_number(v) for spans in problem.answers for s in spans if (v := parse_number(s)) is not None}
    own = [n.value for n in (*find_numbers(problem.passage), *find_numbers(problem.question))]
    made = (
        f.value for i, new in enumerate(values) for x in (*own, *values[:i]) for f in _ALL(x, new).fields if f.operation
    )
    return answers.isdisjoint(map(format_number, made))


def _inserted(problem: Problem, place: int, text: str) -> Problem:
    passage = problem.passage[:place] + text + problem.passage[place:]
    meta: dict[str, Any] = {**problem.meta, "distracted": True}
    if meta.get("mentions"):
        meta["mentions"] = [_shifted(m, place, len(text)) for m in meta["mentions"]]
    return replace(problem, id=f"{problem.id}-distracted", passage=passage, meta=meta)


def _shifted(mention: dict[str, Any], place: int, by: int) -> dict[str, Any]:
    if mention["where"] != "passage" or mention["start"] < place:
        return mention
    return mention | {"start": mention["start"] + by, "end": mention["end"] + by}
