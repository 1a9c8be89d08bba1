"""A minimal downstream network for the other examples: it reads a result and predicts the answer, token by token."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Reader(nn.Module):
    """From the tokens of a result to the tokens of the answer; it must learn that they are the same.

    Args:
        tokens: size of the vocabulary.
        hidden: size of the embeddings.
    """

    def __init__(self, tokens: int, hidden: int = 32):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(tokens, hidden))
        self.names = nn.Linear(hidden, tokens)

    def loss(self, embedded: Tensor, answer: Tensor) -> Tensor:
        """-log p(answer | result): embedded results (..., length, hidden), answers (..., length) with -1 at padding."""
        missing = answer.shape[-1] - embedded.shape[-2]
        embedded = F.pad(embedded, (0, 0, 0, max(missing, 0)))[..., : answer.shape[-1], :]
        log_probs = self.names(embedded).log_softmax(-1)
        there = answer.expand(log_probs.shape[:-1])
        return -log_probs.gather(-1, there.clamp_min(0)[..., None])[..., 0].masked_fill(there < 0, 0.0).sum(-1)


def understood(*words: nn.Embedding) -> float:
    """The share of words whose best score is for their own meaning: word i of each embedding means candidate i."""
    right = [best == i for each in words for i, best in enumerate(each.weight.argmax(-1).tolist())]
    return sum(right) / len(right)
