"""Two calls of a calculator, the second on the result of the first: a chain learns what one call cannot answer."""

import operator
from itertools import combinations

import torch
from torch import Tensor, nn

from anzan.layer import Characters, ResultTable, StraightThrough, SymbolicChain, symbolic
from reader import Reader

SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
FIRST = [(i, sign, j) for sign in SIGNS for i, j in combinations(range(3), 2)]
SECOND = [(sign, k) for sign in SIGNS for k in range(3)]
letters = Characters("0123456789-.")  # the point ends a result


@symbolic(encode=letters)
def calculate(numbers: tuple[int, ...], first: int, second: int | None) -> str:
    i, sign, j = FIRST[first]
    result = SIGNS[sign](numbers[i], numbers[j])
    return f"{result if second is None else SIGNS[SECOND[second][0]](result, numbers[SECOND[second][1]])}."


def main(steps: int = 1600, seed: int = 0, calls: int = 2) -> float:
    """Train on answers that take two calls; the share of unseen questions that a chain of `calls` answers."""
    torch.manual_seed(seed)
    heads, reader = nn.ModuleList([nn.Embedding(81, 9) for _ in range(calls)]), Reader(len(letters))
    chain, right = SymbolicChain(StraightThrough(noise_scale=2.0)), 0.0
    optimiser = torch.optim.Adam([*heads.parameters(), *reader.parameters()], 0.02)
    for step in range(steps):
        numbers, question = torch.randint(1, 10, (64, 3)).tolist(), torch.randint(81, (64,))
        chain.train(step < steps - 1)

        def results_at(index: Tensor, numbers: list = numbers) -> ResultTable:
            rows = zip(numbers, index.tolist(), strict=True)
            return calculate.table([[(tuple(n), *(*z, None)[:2]) for z in row] for n, row in rows])

        answer = results_at(torch.stack([question // 9, question % 9], -1)[:, None]).ids[:, 0]
        out = chain([head(question) for head in heads], results_at, reader.embedding)
        optimiser.zero_grad()
        loss = reader.loss(out.embedded, answer)
        loss.mean().backward()
        optimiser.step()
        right = (loss < 0.7).float().mean().item()
    return right


if __name__ == "__main__":
    print(f"answered with one call: {main(calls=1):.0%}, with two: {main():.0%}")
