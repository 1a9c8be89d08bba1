"""A lookup in SQL: which column, which row? Scores for each argument, exact marginal likelihood over all fields."""

import sqlite3

import torch
from torch import nn

from anzan.layer import Characters, Factorised, embed, exact_marginal, symbolic
from reader import Reader, understood

COLUMNS, NAMES = ["age", "height", "salary", "floor"], ["Ada", "Ben", "Cleo", "Dan", "Eva", "Finn"]
base = sqlite3.connect(":memory:")
base.execute("CREATE TABLE people (name, age, height, salary, floor)")
for i, row in enumerate(NAMES):
    base.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?)", [row, 20 + 7 * i, 150 + 9 * i, 4100 + 37 * i, 3 * i])


@symbolic(encode=Characters("0123456789."), spaces=[COLUMNS, NAMES])
def look_up(column: str, name: str) -> str:  # the point ends an answer
    return f"{base.execute(f'SELECT {column} FROM people WHERE name = ?', [name]).fetchone()[0]}."


def main(steps: int = 300, seed: int = 0) -> float:
    """Train; the share of words that are understood."""
    torch.manual_seed(seed)
    columns, names = (nn.Embedding.from_pretrained(torch.zeros(n, n), freeze=False) for n in (4, 6))
    reader = Reader(11)
    optimiser = torch.optim.Adam([columns.weight, names.weight, *reader.parameters()], 0.03)
    for _ in range(steps):
        words = torch.stack([torch.randint(n, (64,)) for n in (4, 6)], -1)
        answer = look_up.at(words[:, None]).ids
        run = lambda index: reader.loss(embed(look_up.at(index).ids, reader.embedding)[0], answer)
        optimiser.zero_grad()
        exact_marginal(Factorised([columns(words[:, 0]), names(words[:, 1])]), run).loss.mean().backward()
        optimiser.step()
    return understood(columns, names)


if __name__ == "__main__":
    print(f"words understood: {main():.0%}")
