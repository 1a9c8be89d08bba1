"""Tests of frequencies and of unbiasedness, and a small network whose exact gradients are enumerated."""

import math
from collections import Counter

import torch
from scipy.stats import chisquare, norm
from torch import Tensor

from anzan.layer import ResultTable, embed

CONFIDENCE = 1e-6  # the probability that a correct sampler fails a test
DRAWS = 40_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def far_off(gradients: Tensor, exact: Tensor) -> bool:
    """Whether the mean of (draws, ...) differs from `exact` in some coordinate, Bonferroni at 1e-6."""
    gradients, exact = gradients.flatten(1), exact.flatten()
    error = gradients.std(0) / math.sqrt(len(gradients))
    return bool(((gradients.mean(0) - exact).abs() > norm.isf(CONFIDENCE / 2 / exact.numel()) * error + 1e-12).any())


def assert_frequencies(seen: Counter, truth: dict) -> None:
    """Counts are those of draws from `truth`, which has every drawn value."""
    counts = [seen[z] for z in truth]
    assert sum(counts) == sum(seen.values())
    assert chisquare(counts, [p * sum(counts) for p in truth.values()]).pvalue > CONFIDENCE


class Network:
    """A small network that reads embedded results; its -log p(y) is no linear function of the choice."""

    def __init__(self, candidates: int = 6):
        g = generator(11)
        rows = [
            torch.randint(5, (int(torch.randint(1, 4, (), generator=g)),), generator=g).tolist()
            for _ in range(candidates)
        ]
        self.table = ResultTable.from_rows([rows])
        self.embedding = torch.randn(5, 4, generator=g, dtype=torch.float64)
        self.inner, self.outer = (torch.randn(*s, generator=g, dtype=torch.float64) for s in ((4, 8), (8, 3)))
        self.scores = torch.randn(1, candidates, generator=g, dtype=torch.float64)

    def loss(self, embedded: Tensor) -> Tensor:
        return -((embedded.sum(-2) @ self.inner).relu() @ self.outer).log_softmax(-1)[..., 0]

    def loss_of(self, index: Tensor) -> Tensor:
        return self.loss(embed(self.table.rows(index), self.embedding)[0])

    def exact(self) -> tuple[Tensor, Tensor]:
        """Gradients to the scores of the expected and of the marginal loss, by enumeration."""
        p = self.scores.softmax(-1)[0]
        losses = self.loss_of(torch.arange(len(p))[None])[0]
        posterior = p * (-losses).exp() / (p * (-losses).exp()).sum()
        return p * (losses - (p * losses).sum()), p - posterior
