"""Days between two dates: which two of the four in a text? Exact marginal likelihood; invalid dates have no result."""

from datetime import date
from itertools import combinations

import torch
from torch import nn

from anzan.layer import embed, exact_marginal, symbolic
from reader import Reader, understood

PAIRS = list(combinations(range(4), 2))


@symbolic(encode=lambda days: [days % 7, 7 + days // 7])  # days and weeks, one token each
def days_between(first: tuple[int, int], second: tuple[int, int]) -> int:
    return abs((date(2026, *second) - date(2026, *first)).days)


def main(steps: int = 400, seed: int = 0) -> float:
    """Train; the share of questions for which the right pair is chosen."""
    torch.manual_seed(seed)
    scorer, reader = nn.Embedding(6, 6), Reader(7 + 53)
    optimiser = torch.optim.Adam([*scorer.parameters(), *reader.parameters()], 0.05)
    for _ in range(steps):
        dates = torch.stack([torch.randint(1, 13, (64, 4)), torch.randint(1, 32, (64, 4))], -1).tolist()
        table = days_between.table([[(tuple(d[i]), tuple(d[j])) for i, j in PAIRS] for d in dates])
        question = torch.multinomial(table.valid + 1e-9, 1)[:, 0]
        answer = table.rows(question)[:, None]
        optimiser.zero_grad()
        run = lambda index: reader.loss(embed(table.rows(index), reader.embedding)[0], answer)
        exact_marginal(scorer(question), run, table.valid).loss.mean().backward()
        optimiser.step()
    return understood(scorer)


if __name__ == "__main__":
    print(f"right pairs: {main():.0%}\n{days_between.report()}")
