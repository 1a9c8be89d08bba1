"""A calculator: which two of the three numbers, and which operation, does a question ask for?

Learnt from answers alone, with straight-through Gumbel-Softmax; the candidates differ between examples.
"""

import operator

import torch
from torch import nn

from anzan.layer import Characters, SymbolicLayer, symbolic
from reader import Reader, understood

OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
CALLS = [(i, sign, j) for sign in OPERATIONS for i, j in ((0, 1), (0, 2), (1, 2))]
letters = Characters("0123456789-.")  # the point ends a result


@symbolic(encode=letters)
def calculate(a: int, sign: str, b: int) -> str:
    return f"{OPERATIONS[sign](a, b)}."


def main(steps: int = 600, seed: int = 0) -> float:
    """Train; the share of questions for which the right call is made."""
    torch.manual_seed(seed)
    scorer, layer, reader = nn.Embedding(9, 9), SymbolicLayer(), Reader(len(letters))
    optimiser = torch.optim.Adam([*scorer.parameters(), *reader.parameters()], 0.02)
    for _ in range(steps):
        numbers, question = torch.randint(1, 100, (64, 3)).tolist(), torch.randint(9, (64,))
        table = calculate.table([[(n[i], sign, n[j]) for i, sign, j in CALLS] for n in numbers])
        embedded = layer(scorer(question), table, reader.embedding).embedded
        optimiser.zero_grad()
        reader.loss(embedded, table.rows(question)).mean().backward()
        optimiser.step()
    return understood(scorer)


if __name__ == "__main__":
    print(f"right calls: {main():.0%}")
