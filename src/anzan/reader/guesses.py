"""Guesses: the answer that the words alone suggest, with all digits masked, divided out of a reading.

Where answers correlate with words, such as a role that wins nine times in ten, a reader that learns to compare also
learns the role, and in close comparisons the role decides. A reading divided by the probability of the guess keeps only
what the numbers say ("Long-tail learning via logit adjustment", Menon et al., ICLR 2021, equation 9, with a guess
instead of class frequencies; Clark, Yatskar and Zettlemoyer, EMNLP 2019, do so in training).
"""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 0.05
"""The least probability of a guess: places that it excludes get no boost."""


def without_guess(log_probs: Tensor, guess: Tensor, exponent: float) -> Tensor:
    """Log-probabilities (..., positions) divided by those of a guess to the power `exponent`, and normalised again."""
    least = torch.tensor(FLOOR, dtype=guess.dtype, device=guess.device).log()
    return (log_probs - exponent * guess.maximum(least)).log_softmax(-1)
