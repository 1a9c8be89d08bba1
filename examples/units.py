"""Unit conversion: which units do words mean? A chain of two choices, a vectorised F: 8 + 8 runs for 64 pairs."""

import torch
from torch import Tensor, nn

from anzan.layer import Characters, ResultTable, StraightThrough, SymbolicChain, symbolic
from reader import Reader, understood

UNITS = {"mm": 0.001, "cm": 0.01, "inch": 0.0254, "foot": 0.3048, "yard": 0.9144, "m": 1, "km": 1000, "mile": 1609.344}
letters = Characters("0123456789.e-+")


@symbolic(vectorised=True, encode=letters)
def convert(value: list[int], source: list[str], target: list[str]) -> list[str]:
    return [f"{v * UNITS[s] / UNITS[t]:.2e}" for v, s, t in zip(value, source, target, strict=True)]


def main(steps: int = 600, seed: int = 0) -> float:
    """Train; the share of words that are understood."""
    torch.manual_seed(seed)
    text, question, reader = nn.Embedding(8, 8), nn.Embedding(8, 8), Reader(len(letters))
    chain = SymbolicChain(StraightThrough(noise_scale=2.0))
    optimiser = torch.optim.Adam([*text.parameters(), *question.parameters(), *reader.parameters()], 0.02)
    for _ in range(steps):
        values, words = torch.randint(1, 100, (64,)).tolist(), torch.randint(8, (64, 2))

        def results_at(index: Tensor, values: list[int] = values) -> ResultTable:
            calls = zip(values, index.tolist(), strict=True)
            return convert.table([[(v, *(list(UNITS)[i] for i in pair)) for pair in pairs] for v, pairs in calls])

        embedded = chain([text(words[:, 0]), question(words[:, 1])], results_at, reader.embedding).embedded
        optimiser.zero_grad()
        reader.loss(embedded, results_at(words[:, None]).ids[:, 0]).mean().backward()
        optimiser.step()
    return understood(text, question)


if __name__ == "__main__":
    print(f"words understood: {main():.0%}")
