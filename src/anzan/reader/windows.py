"""Windows: texts longer than an encoder reads, in overlapping parts of the passage.

Each window has the whole question before it and all results after it. A token of the passage takes its representation
from the window in which it is furthest from an edge, so numbers are found, paired and marked across windows. Question
and results take the mean over all windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.reader.sequence import RESULT_SEGMENT

Encode = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Embeddings (batch, length, hidden), mask and token types (batch, length) to (batch, length, hidden)."""


class Window(NamedTuple):
    """A part of the passage, `start` to before `end`, of which `first` to before `last` is used."""

    start: int
    end: int
    first: int
    last: int


def windows(body: int, width: int) -> list[Window]:
    """Windows of `width` over `body` tokens; neighbours overlap by at least half, and each token is used in one window.

    An overlap is divided in its middle, beyond which a token is nearer to the edge.
    """
    count = 1 if body <= width else 1 + math.ceil((body - width) / max(1, width // 2))
    starts = [(body - width) * k // max(1, count - 1) for k in range(count)] if count > 1 else [0]
    ends = [min(start + width, body) for start in starts]
    cuts = [0, *((starts[k + 1] + ends[k]) // 2 for k in range(count - 1)), body]
    return [Window(starts[k], ends[k], cuts[k], cuts[k + 1]) for k in range(count)]


def encode_in_windows(
    encode: Encode, embeddings: Tensor, attention_mask: Tensor, token_type_ids: Tensor, positions: int, batch: int = 64
) -> Tensor:
    """Encode sequences of which some are longer than `positions`, the most that `encode` reads at once.

    Args:
        embeddings: (batch, length, hidden).
        attention_mask: (batch, length), 1 at tokens, 0 at padding, which comes last.
        token_type_ids: (batch, length), 0 for the question, 1 for the passage, 2 for results, in this order.
        positions: the most tokens that `encode` reads at once.
        batch: how many windows are encoded at once.

    Returns:
        (batch, length, hidden), 0 at padding.

    Raises:
        AnzanError: question and results leave no room for the passage.
    """
    lengths = attention_mask.long().sum(1).tolist()
    cut: list[tuple[int, list[Window]]] = []  # of each example: the length of its question, and its windows
    places: list[tuple[int, Tensor]] = []  # of each window: its example, and the positions of its tokens there
    for b, (length, types) in enumerate(zip(lengths, token_type_ids.cpu(), strict=True)):
        question = int((types[:length] == 0).sum())
        tail = int((types[:length] == RESULT_SEGMENT).sum()) if length > positions else 0
        body = length - question - tail
        width = body if length <= positions else positions - question - tail
        if width < 1:
            raise AnzanError(
                f"question and results are {question + tail} tokens long and this model reads {positions} at once"
            )
        cut.append((question, windows(body, width)))
        front, back = torch.arange(question), torch.arange(question + body, length)
        for w in cut[-1][1]:
            places.append((b, torch.cat([front, question + torch.arange(w.start, w.end), back])))
    encoded = iter(_encode_places(encode, embeddings, token_type_ids, places, batch))
    out = []
    for question, own in cut:
        hidden = [next(encoded) for _ in own]
        front = torch.stack([h[:question] for h in hidden]).mean(0)
        back = torch.stack([h[question + w.end - w.start :] for h, w in zip(hidden, own, strict=True)]).mean(0)
        body = [h[question + w.first - w.start : question + w.last - w.start] for h, w in zip(hidden, own, strict=True)]
        out.append(torch.cat([front, *body, back]))
    padded = torch.nn.utils.rnn.pad_sequence(out, batch_first=True)
    return torch.nn.functional.pad(padded, (0, 0, 0, embeddings.shape[1] - padded.shape[1]))


def _encode_places(
    encode: Encode, embeddings: Tensor, types: Tensor, places: list[tuple[int, Tensor]], batch: int
) -> list[Tensor]:
    """The representations of these positions of these examples, each (length, hidden)."""
    made: list[Tensor] = []
    for i in range(0, len(places), batch):
        some = places[i : i + batch]
        rows = torch.tensor([b for b, _ in some], device=embeddings.device)[:, None]
        index = torch.nn.utils.rnn.pad_sequence([p for _, p in some], batch_first=True).to(embeddings.device)
        sizes = torch.tensor([len(p) for _, p in some], device=embeddings.device)
        mask = torch.arange(index.shape[1], device=embeddings.device) < sizes[:, None]
        hidden = encode(embeddings[rows, index], mask.long(), types[rows, index])
        made += [h[: len(p)] for h, (_, p) in zip(hidden, some, strict=True)]
    return made
