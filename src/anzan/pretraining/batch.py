"""Documents as padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from anzan.pretraining.documents import PLACES, TAGS, UNDEFINED, Document, digit_labels, links, order_labels


class Batch(TypedDict):
    """Documents and their labels, padded to the longest.

    The first four are (documents, tokens). Each of the others has one row for each label; the first two columns are
    the document and the position.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor  # the segment: query, passage, printed lines
    labels: Tensor  # the token where it is masked, otherwise UNDEFINED
    tag_labels: Tensor  # (., 2 + TAGS) for the first and last token of each mention; -1 where undefined
    links: Tensor  # (., 3), the third column is the kind of link
    link_targets: Tensor  # (., 2): the row in `links`, and a position that this link leads to
    digit_labels: Tensor  # (., 2 + PLACES) for each number, UNDEFINED beyond its last digit
    order_labels: Tensor  # (., 3 + PLACES) for each number that is compared with another


def split(labels: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Splits the rows of a `Batch` into their places, as an index of (documents, tokens), and their labels."""
    return (labels[:, 0], labels[:, 1]), labels[:, 2:]


def collate(documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase) -> Batch:
    """Documents as a padded batch."""
    pad, mask = (tokenizer.get_vocab()[piece] for piece in ("[PAD]", "[MASK]"))
    ids = _padded([d.ids for d in documents], pad)
    labels = torch.full_like(ids, UNDEFINED)
    for row, d in enumerate(documents):
        labels[row, d.masked] = ids[row, d.masked]
        ids[row, d.masked] = mask
    tags, link_rows, targets, digits, orders = ([] for _ in range(5))
    for row, d in enumerate(documents):
        for m in d.mentions:
            for position in {m.start, m.end}:
                tags.append((row, position, *(int(m.tags.get(tag, -1)) for tag in TAGS)))
        for position, link, ends in links(d):
            targets += [(len(link_rows), end) for end in ends]
            link_rows.append((row, position, link))
        digits += [(row, position, *answers) for position, answers in digit_labels(d)]
        orders += [(row, position, *answers) for position, answers in order_labels(d)]
    return {
        "input_ids": ids,
        "attention_mask": _padded([[1] * len(d.ids) for d in documents], 0),
        "token_type_ids": _padded([d.segments for d in documents], 0),
        "labels": labels,
        "tag_labels": _table(tags, 2 + len(TAGS)),
        "links": _table(link_rows, 3),
        "link_targets": _table(targets, 2),
        "digit_labels": _table(digits, 2 + PLACES),
        "order_labels": _table(orders, 3 + PLACES),
    }


def _padded(rows: Sequence[list[int]], value: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


def _table(rows: Sequence[tuple[int, ...]], width: int) -> Tensor:
    """Rows as a tensor, of the right shape if there are none."""
    return torch.tensor(rows, dtype=torch.long).reshape(-1, width)
