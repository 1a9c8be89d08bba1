"""How well a model has learned each skill."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from anzan.pretraining.batch import Batch
from anzan.pretraining.documents import ORDER_TAGS, TAGS, UNDEFINED
from anzan.pretraining.model import PretrainingModel


@torch.no_grad()
def skill_accuracy(
    model: PretrainingModel, batches: Sequence[Batch], tokenizer: PreTrainedTokenizerBase
) -> dict[str, float]:
    """Accuracy in percent by skill.

    - `digits`, `signs`, `words`: masked tokens.
    - each of `TAGS`: averaged over mentions with and without the tag, so that chance is 50.
    - `parts@0` and so on, by link and layer: the attention on the linked positions.
    - `places`: the length and digits of a number.
    - `order_early`, `order_digits`: the larger number, before the last layer and digit by digit.
    """
    model.eval()
    outputs = [model(batch) for batch in batches]
    model.train()
    labels = torch.cat([b["labels"][b["labels"] != UNDEFINED] for b in batches])
    tags = torch.cat([b["tag_labels"][:, 2:] for b in batches])
    digits = torch.cat([b["digit_labels"][:, 2:] for b in batches])
    orders = torch.cat([b["order_labels"][:, 2:] for b in batches])
    token_shares = _token_shares(torch.cat([o.tokens.argmax(-1) for o in outputs]), labels, tokenizer)
    tag_shares = _tag_shares(torch.cat([o.tags > 0 for o in outputs]), tags)
    link_shares = torch.stack([o.link_shares for o in outputs]).nanmean(0)
    shares: dict[str, float] = dict(zip(("digits", "signs", "words"), token_shares.tolist(), strict=True))
    shares |= dict(zip(TAGS, tag_shares.tolist(), strict=True))
    shares |= {
        f"{head.link.name.lower()}@{head.layer}": share
        for head, share in zip(model.recipe.link_heads, link_shares.tolist(), strict=True)
    }
    order_tags = torch.cat([o.order_tags > 0 for o in outputs])
    shares["places"] = _share(torch.cat([o.digits.argmax(-1) for o in outputs]) == digits, digits >= 0)
    shares["order_early"] = _share(order_tags == tags[:, ORDER_TAGS], tags[:, ORDER_TAGS] >= 0)
    shares["order_digits"] = _share(torch.cat([o.orders.argmax(-1) for o in outputs]) == orders, orders >= 0)
    return {name: round(100 * share, 1) for name, share in shares.items()}


def _token_shares(predicted: Tensor, labels: Tensor, tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """How many masked digits, signs and other tokens are right, (3,)."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    kinds = torch.tensor([0 if t.strip("#").isdigit() else 1 if t in "<>" else 2 for t in tokens])[labels]
    right = (predicted == labels).float()
    hits, seen = (torch.zeros(3).index_add(0, kinds, values) for values in (right, torch.ones_like(right)))
    return hits / seen


def _tag_shares(predicted: Tensor, tags: Tensor) -> Tensor:
    """How many tags are right, averaged over true and false ones, (tags,)."""
    per_value = []
    for value in (0, 1):
        there = tags == value
        per_value.append(((predicted == value) & there).sum(0) / there.sum(0).clamp(min=1))
    return torch.stack(per_value, 1).mean(1)


def _share(right: Tensor, known: Tensor) -> float:
    return int((right & known).sum()) / int(known.sum())
