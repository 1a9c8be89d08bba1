"""String edits: what does a command do to a word? The unordered-set objective runs four distinct ones of eight."""

import random

import torch
from torch import nn

from anzan.layer import Characters, embed, symbolic, unordered_set
from reader import Reader, understood

EDITS = ["[::-1]", "[1:]", "[:-1]", "[::2]", "[1::2]", "[2:]", "[:2]", "[:]"]  # as Python slices
SLICES = [slice(*(int(i) if i else None for i in edit[1:-1].split(":"))) for edit in EDITS]
letters = Characters("abcdefgh.")  # the point ends a word


@symbolic(encode=letters, cache_bytes=2**20)
def edit(word: str, command: int) -> str:
    return word[SLICES[command]] + "."


def main(steps: int = 400, seed: int = 0) -> float:
    """Train; the share of commands that are understood."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    scorer, reader = nn.Embedding(8, 8), Reader(len(letters))
    optimiser = torch.optim.Adam([*scorer.parameters(), *reader.parameters()], 0.03)
    for _ in range(steps):
        words, command = ["".join(rng.sample("abcdefgh", 5)) for _ in range(64)], torch.randint(8, (64,))
        table = edit.table([[(word, i) for i in range(8)] for word in words])
        answer = table.rows(command)[:, None]
        optimiser.zero_grad()
        run = lambda index: reader.loss(embed(table.rows(index), reader.embedding)[0], answer)
        unordered_set(scorer(command), run, samples=4).loss.mean().backward()
        optimiser.step()
    return understood(scorer)


if __name__ == "__main__":
    print(f"commands understood: {main():.0%}")
