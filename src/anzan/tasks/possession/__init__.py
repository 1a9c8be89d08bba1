"""The paper's synthetic problems: who owns how many grapes (Yoshikawa, Heinzerling and Inui, NLP2022).

    Anna has 5,903,204 grapes. Carl has 8,417,312 grapes. ... Anna gave 1,224,450 grapes to Grace.

    argmax: Who has more grapes: Anna or Carl?
    max:    What is the maximum number of grapes owned either by Anna or Carl?

`generate` draws such problems:

    problems = generate(Possession(people=4, transfers=1), size=1000, seed=0)

The question compares what two people own in the end. With a transfer, exactly one of the two takes part in it, so the
answer takes one call of the calculator, and with two transfers two calls.

The problems are made to control bias. Names, order in the passage and order in the question are always fair;
`anzan.tasks.possession.numbers` describes how the numbers are balanced. `guessing_scores` measures what is left to
guess, and `Possession.bias` removes one of the controls on purpose. `Possession(draw="free")` draws without any of
these controls and words the passage as the paper does, in one sentence with commas.
"""

from anzan.tasks.possession.facts import Facts, Transfer
from anzan.tasks.possession.generator import check_disjoint, generate
from anzan.tasks.possession.guessing import guessing_scores
from anzan.tasks.possession.options import BIASES, DRAWS, QUESTIONS, Possession
from anzan.tasks.possession.variants import Substitute, exchanged, shorten, substitutes, ten_times
from anzan.tasks.possession.vocabulary import NAMES, OBJECTS
from anzan.tasks.possession.wording import facts_of, is_possession

__all__ = [
    "BIASES",
    "DRAWS",
    "NAMES",
    "OBJECTS",
    "QUESTIONS",
    "Facts",
    "Possession",
    "Substitute",
    "Transfer",
    "check_disjoint",
    "exchanged",
    "facts_of",
    "generate",
    "guessing_scores",
    "is_possession",
    "shorten",
    "substitutes",
    "ten_times",
]
