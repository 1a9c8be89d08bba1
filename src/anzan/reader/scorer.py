"""Scorers of the calculator's arguments: of one pair of numbers, and of whole programs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anzan.reader.programs import pairs
from anzan.reader.symbols import SIGNS

MANY = 1 << 15
"""Pairs of an example that are scored at once."""


class PairScorer(nn.Module):
    """Scores pairs of numbers: a 2-layer ReLU network on their concatenated representations."""

    def __init__(self, hidden: int):
        super().__init__()
        self.inner = nn.Linear(2 * hidden, hidden)
        self.outer = nn.Linear(hidden, 1)

    def forward(self, numbers: Tensor, pairs: Tensor) -> Tensor:
        """(batch, numbers, hidden) and pairs of their indexes (batch, candidates, 2) to scores (batch, candidates)."""
        # W [a; b] = W1 a + W2 b: two products over the numbers serve all pairs of them.
        left, right = self.inner.weight.chunk(2, dim=1)
        size = (-1, -1, left.shape[0])
        first, second = F.linear(numbers, left, self.inner.bias), F.linear(numbers, right)
        scores = []
        for some in pairs.split(MANY, 1):  # a text of a thousand numbers has half a million pairs
            a, b = (n.gather(1, some[..., i : i + 1].expand(size)) for i, n in enumerate((first, second)))
            scores.append(self.outer(F.relu(a + b))[..., 0])
        return torch.cat(scores, 1)


class ProgramScorer(nn.Module):
    """Scores each call of a program given the calls before it, from one encoding of the text.

    A result is represented by what went into it, how it was made, and its sign (as in deductive reasoning, Jie, Li and
    Lu, ACL 2022), so that later calls can use it without another pass of the encoder. It is normalised, as what the
    encoder gives.

    Args:
        clauses: the results of a call.
        tools: what can be called on a pair.
    """

    def __init__(self, hidden: int, clauses: int, tools: int = 1):
        super().__init__()
        self.clauses = clauses
        self.left = nn.Linear(hidden, hidden)
        self.right = nn.Linear(hidden, hidden, bias=False)
        self.made = nn.Linear(hidden, hidden, bias=False)
        self.outer = nn.Linear(hidden, tools)
        self.text = nn.Linear(hidden, hidden)
        self.stop = nn.Linear(hidden, 1)
        self.results = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in range(clauses * tools))
        self.signs = nn.Embedding(len(SIGNS), hidden)
        self.norm = nn.LayerNorm(hidden)

    def start(self) -> None:
        """Draw the weights of a new scorer. With weights as small as BERT's, later calls are learnt half as fast."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)

    def forward(self, numbers: Tensor, text: Tensor, made: Tensor, tools: Tensor, signs: Tensor) -> Tensor:
        """The scores of the next choice of programs (`anzan.reader.programs`).

        Args:
            numbers: representations (batch, numbers, hidden).
            text: that of the whole text (batch, hidden).
            made: (batch, n, t, 2), the values that went into the t calls of each of n programs.
            tools: (batch, n, t), what they went into.
            signs: (batch, n, t, clauses), the signs of their results.

        Returns:
            (batch, n, pairs * tools + 1), the last one the log odds of stopping.
        """
        n, t = made.shape[1:3]
        known = numbers[:, None].expand(-1, n, -1, -1)
        left, right = (layer(numbers)[:, None].expand(-1, n, -1, -1) for layer in (self.left, self.right))
        results = []
        for k in range(t):
            operands = known.gather(2, made[:, :, k, :, None].expand(-1, -1, -1, known.shape[-1])).flatten(2)
            every = torch.stack([layer(operands) for layer in self.results], 2).unflatten(2, (-1, self.clauses))
            own = every.gather(2, tools[:, :, k, None, None, None].expand(-1, -1, 1, *every.shape[3:]))[:, :, 0]
            new = self.norm(own + self.signs(signs[:, :, k]))
            known = torch.cat([known, new], 2)
            left, right = torch.cat([left, self.left(new)], 2), torch.cat([right, self.right(new)], 2)
            results.append(new.mean(2))
        # Not how many calls there were: so a later call can do what was learnt for an earlier one.
        made_so_far = torch.stack(results).mean(0) if results else numbers.new_zeros(len(numbers), n, numbers.shape[-1])
        context = self.made(made_so_far)
        possible = pairs(left.shape[2]).to(numbers.device)
        scores = [
            self.outer(F.relu(left[:, :, some[:, 0]] + right[:, :, some[:, 1]] + context[:, :, None])).flatten(2)
            for some in possible.split(max(1, MANY // n))
        ]
        stop = self.stop(F.relu(self.text(text)[:, None] + context))
        return torch.cat([*scores, stop], -1)
