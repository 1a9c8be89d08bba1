"""Worlds: everyday text about quantities, with answers and programs that are known.

    from anzan.tasks.worlds import Worlds, generate_worlds

    problems = generate_worlds(Worlds(), size=1000, seed=0)

The sentences are in `kinds/*.yaml`, the words in `words.yaml`.
"""

from anzan.tasks.worlds.generator import Worlds as Worlds
from anzan.tasks.worlds.generator import generate_worlds as generate_worlds
from anzan.tasks.worlds.guessing import guessing_scores as guessing_scores
from anzan.tasks.worlds.kinds import all_kinds as all_kinds
from anzan.tasks.worlds.kinds import held_out_kinds as held_out_kinds
from anzan.tasks.worlds.kinds import training_kinds as training_kinds
from anzan.tasks.worlds.splits import load_worlds as load_worlds
from anzan.tasks.worlds.stories import STORIES as STORIES
