"""The words of worlds, from `words.yaml`. A fifth of every list is held apart for evaluation."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

APART = 5
"""Every fifth word of a list is in evaluation problems alone; the others are in training problems alone."""


@dataclass(frozen=True)
class Word:
    """A word or a name.

    Attributes:
        one, many: singular and plural; the same for names.
        gender: `he` or `she` for people.
        held_out: whether it is for evaluation.
    """

    one: str
    many: str
    gender: str | None = None
    held_out: bool = False


@lru_cache(1)
def vocabulary() -> dict[str, dict[str, list[Word]]]:
    """Words by list and category: the list `thing` has the categories `thing/fruit`, `thing/toy` and so on."""
    lists: dict[str, dict[str, list[Word]]] = {}
    for name, entries in read_yaml("words.yaml").items():
        words = [_word(str(entry), name, i % APART == APART - 1) for i, entry in enumerate(entries)]
        lists.setdefault(name.partition("/")[0], {})[name] = words
    return lists


def draw_cast(rng: random.Random, cast: Mapping[str, str], held_out: bool) -> dict[str, Word]:
    """A different word for each role of a cast (role -> list).

    Things of one problem are of one category, so that they can be counted together; people are of both.
    """
    drawn: dict[str, Word] = {}
    categories: dict[str, list[Word]] = {}
    for role, name in cast.items():
        if name not in categories:
            lists = vocabulary()[name.partition("/")[0]]
            chosen = [lists[name]] if name in lists else list(lists.values())
            if name != "person":
                chosen = [rng.choice(chosen)]
            categories[name] = [word for words in chosen for word in words if word.held_out == held_out]
        drawn[role] = rng.choice([word for word in categories[name] if word not in drawn.values()])
    return drawn


def read_yaml(name: str) -> Any:
    """A file of this package."""
    return yaml.safe_load(resources.files("anzan.tasks.worlds").joinpath(name).read_text("utf-8"))


def _word(entry: str, name: str, held_out: bool) -> Word:
    one, _, many = entry.partition("|")
    gender = name.partition("/")[2] if name.startswith("person/") else None
    return Word(one, one if gender else many or plural(one), gender, held_out)


def plural(word: str) -> str:
    """The regular English plural."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"
