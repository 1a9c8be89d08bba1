"""Digit places: the place of every digit in its number (units, tens, hundreds, ...), as an embedding.

To compare two numbers is to compare digits of the same place, and a digit's position in the text does not tell its
place. An embedding of the place is added to that of the digit. In training all places of an example are moved up by a
random number, so that the places of longer numbers than the examples have are learnt too ("Abacus embeddings", McLeish
et al., NeurIPS 2024).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def digit_places(ids: Tensor, digit_ids: Tensor) -> Tensor:
    """How many digits of the same number follow each digit; -1 at other tokens: (..., length).

    Args:
        ids: (..., length).
        digit_ids: (2, 10), the ids of the digits at a word's beginning and inside.
    """
    inside = torch.isin(ids, digit_ids[1])
    position = torch.arange(ids.shape[-1], device=ids.device)
    goes_on = F.pad(inside, (0, 1))[..., 1:]
    ends = torch.where(goes_on, ids.shape[-1], position).flip(-1).cummin(-1).values.flip(-1)
    return torch.where(inside | torch.isin(ids, digit_ids[0]), ends - position, -1)


class DigitPlaces(nn.Module):
    """An embedding (places, hidden) of the places of digits; places beyond the last count as the last.

    It starts at zero, so that the reader starts with what its encoder has been trained on.
    """

    def __init__(self, places: int, hidden: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(places, hidden))

    def forward(self, ids: Tensor, digit_ids: Tensor, shift: Tensor | None = None) -> Tensor:
        """What to add to the embeddings of ids (batch, length): (batch, length, hidden), 0 where there is no digit.

        `digit_ids` as in `digit_places`; places are `shift` (batch,) higher.
        """
        places = digit_places(ids, digit_ids)
        at = places if shift is None else places + shift[:, None]
        embedded = F.embedding(at.clamp(0, len(self.weight) - 1), self.weight)
        return embedded * (places >= 0)[..., None]


def draw_shift(ids: Tensor, digit_ids: Tensor, drawn: Tensor, places: int) -> Tensor:
    """How far to move the places of each example in training, as far as there is room: (batch,).

    A result can have one digit more than the longest number of the text.

    Args:
        ids: (batch, length), the texts.
        digit_ids: as `digit_places` has it.
        drawn: (batch,), numbers between 0 and 1.
        places: how many places have an embedding.
    """
    longest = digit_places(ids, digit_ids).amax(-1) + 2
    room = (places - longest).clamp_min(0)
    return (drawn.to(room.device) * (room + 1)).long()
