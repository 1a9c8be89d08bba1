"""Guesses: what an answer is given by the words alone, all digits masked, and how a reading does without it.

Where answers go with words, such as a role that wins nine times in ten, a reader that learns to compare has learnt the
role as well, and where the comparison is close the role decides. Divided by the probability of the guess, what is left
of a reading is what the numbers say ("Long-tail learning via logit adjustment", Menon et al., ICLR 2021, equation 9,
with a guess in the place of class frequencies; Clark, Yatskar and Zettlemoyer, EMNLP 2019, have it in training).
"""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 0.05
"""The probability that a guess leaves every place: one that it excludes is not to be made up for."""


def without_guess(log_probs: Tensor, guess: Tensor, exponent: float) -> Tensor:
    """Log-probabilities (..., places) divided by those of a guess to the power of `exponent`, and normalised again."""
    least = torch.tensor(FLOOR, dtype=guess.dtype, device=guess.device).log()
    return (log_probs - exponent * guess.maximum(least)).log_softmax(-1)
