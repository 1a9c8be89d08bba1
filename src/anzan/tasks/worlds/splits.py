"""Worlds by name, where a file of problems could be given: `worlds:train:20000`."""

from __future__ import annotations

from anzan.tasks.fields import DataError
from anzan.tasks.problem import Problem
from anzan.tasks.worlds.generator import Worlds, generate_worlds
from anzan.tasks.worlds.kinds import held_out_kinds, training_kinds
from anzan.tasks.worlds.stories import STORIES

WORLDS = "worlds:"
"""The prefix of such a name."""
SPLITS = ("train", "dev", "eval", "new-kinds")
SEED = 0
OTHERS = 3
"""Other draws of the numbers of a training problem."""


def load_worlds(name: str) -> list[Problem]:
    """Draw the problems of a split, always the same ones: `worlds:SPLIT:SIZE`.

    `train` has the kinds and the words of training, and each problem with other numbers as well; `dev` and `eval` its
    kinds, with words that it never has; `new-kinds` kinds that it never has, also with such words.

    Raises:
        DataError: another name.
        AnzanError: no further problem was found.
    """
    split, _, size = name.removeprefix(WORLDS).partition(":")
    if split not in SPLITS or not size.isdecimal() or not 0 < int(size[:9]) <= 10_000_000:
        raise DataError(f"{name}: write {WORLDS}SPLIT:SIZE, such as worlds:train:20000, with {', '.join(SPLITS)}")
    kinds = tuple(held_out_kinds()) if split == "new-kinds" else (*training_kinds(), *STORIES)
    others = OTHERS if split == "train" else 0
    return generate_worlds(Worlds(kinds, held_out=split != "train", others=others), int(size), SEED, split)
