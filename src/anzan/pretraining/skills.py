"""The self-supervised skills: heads on the encoder, and their losses.

Every head is called with hidden states and the labels of a `Batch` and returns (loss, logits).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.nomic_bert.modeling_nomic_bert import apply_rotary_pos_emb

from anzan.pretraining.batch import Batch, split
from anzan.pretraining.documents import EARLY_TAGS, ORDER_TAGS, PLACES, TAGS, UNDEFINED
from anzan.pretraining.recipe import LinkHead, Recipe

States = tuple[Tensor, ...]
"""The embeddings and the output of each layer, (documents, tokens, hidden) each."""


class MaskedTokens(nn.Module):
    """Predicts masked tokens, with the embeddings as decoder (Press and Wolf, EACL 2017)."""

    def __init__(self, hidden: int):
        super().__init__()
        self.transform = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.LayerNorm(hidden))

    def forward(self, state: Tensor, labels: Tensor, embeddings: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        masked = labels != UNDEFINED
        logits = F.linear(self.transform(state[masked]), embeddings, bias)
        return F.cross_entropy(logits, labels[masked], reduction="sum") / masked.sum().clamp_min(1), logits


class MentionTags(nn.Module):
    """Predicts the tags of names and numbers: all of them at the last layer, some at earlier layers too."""

    def __init__(self, recipe: Recipe):
        super().__init__()
        h = recipe.hidden_size
        self.final = nn.Sequential(nn.Linear(h, h), nn.SiLU(), nn.Linear(h, len(TAGS)))
        self.early = nn.Linear(h, EARLY_TAGS)
        self.order = nn.Linear(h, 2)
        self.early_layer, self.order_layer = recipe.early_layer, recipe.order_layer
        weights = torch.ones(len(TAGS))
        weights[ORDER_TAGS] = recipe.order_tag_weight
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, states: States, labels: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Returns the loss, and the logits of all tags at the last layer and of the order tags at their layer."""
        at, tags = split(labels)
        final, early = self.final(states[-1][at]), self.early(states[self.early_layer][at])
        order = self.order(states[self.order_layer][at])
        w: Any = self.weights
        loss = tag_loss(final, tags, w) + 0.5 * tag_loss(early, tags[:, :EARLY_TAGS], w[:EARLY_TAGS])
        return loss + 0.1 * tag_loss(order, tags[:, ORDER_TAGS], w[ORDER_TAGS]), (final, order)


def tag_loss(logits: Tensor, tags: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy, averaged for each tag before the tags are: frequent tags do not drown rare ones."""
    known = tags >= 0
    loss = F.binary_cross_entropy_with_logits(logits, tags.clamp_min(0).to(logits.dtype), reduction="none")
    return ((loss * known).sum(0) / known.sum(0).clamp_min(1) * weights).mean()


class NumberOrder(nn.Module):
    """Compares a number with its rival: length, then digit by digit."""

    def __init__(self, hidden: int):
        super().__init__()
        self.compare = nn.Linear(hidden, 3 * (1 + PLACES))

    def forward(self, state: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the loss and logits (numbers, 1 + PLACES, 3)."""
        at, answers = split(labels)
        logits = self.compare(state[at]).unflatten(-1, (1 + PLACES, 3))
        loss = F.cross_entropy(logits.flatten(0, 1), answers.flatten(), reduction="sum")
        return loss / (answers != UNDEFINED).sum().clamp_min(1), logits


class Digits(nn.Module):
    """Predicts a number's length and next digits from its first token."""

    def __init__(self, hidden: int):
        super().__init__()
        self.read = nn.Linear(hidden, 10 * PLACES)

    def forward(self, state: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the loss and logits (numbers, PLACES, 10)."""
        at, answers = split(labels)
        logits = self.read(state[at]).unflatten(-1, (PLACES, 10))
        return F.cross_entropy(logits.flatten(0, 1), answers.flatten()), logits


def link_loss(encoder: Any, heads: Sequence[LinkHead], states: States, batch: Batch) -> tuple[Tensor, Tensor]:
    """Trains attention heads to follow links: cross-entropy between their attention and the linked positions.

    Queries and keys are recomputed from the layer's input.

    Returns:
        The loss, summed over heads, and for each head the share of attention on linked positions (heads,), NaN where
        the batch has no such link.
    """
    mask = batch["attention_mask"]
    row, position, kind = batch["links"].unbind(1)
    linked = torch.zeros(len(kind), mask.shape[1], dtype=torch.bool, device=mask.device)
    linked[batch["link_targets"][:, 0], batch["link_targets"][:, 1]] = True
    losses, shares = [], []
    for head in heads:
        mine = kind == head.link
        if not mine.any():
            shares.append(mine.new_full((), torch.nan, dtype=states[0].dtype))
            continue
        scores = _attention_scores(encoder, states[head.layer], head, row[mine], position[mine])
        log_p = scores.masked_fill(mask[row[mine]] == 0, -torch.inf).log_softmax(-1)
        log_likelihood = log_p.masked_fill(~linked[mine], 0.0).sum(-1) / linked[mine].sum(-1)
        losses.append(-log_likelihood.mean())
        shares.append((log_p.exp() * linked[mine]).sum(-1).mean())
    return torch.stack(losses).sum(), torch.stack(shares)


def _attention_scores(encoder: Any, state: Tensor, head: LinkHead, row: Tensor, position: Tensor) -> Tensor:
    """The scores of one head before the softmax, for n query tokens: (n, tokens)."""
    attention = encoder.layers[head.layer].self_attn
    size = attention.head_dim
    rows = slice(head.head * size, (head.head + 1) * size)
    query = F.linear(state, attention.q_proj.weight[rows])
    key = F.linear(state, attention.k_proj.weight[rows])
    cos, sin = encoder.rotary_emb(state, torch.arange(state.shape[1], device=state.device)[None])
    query, key = apply_rotary_pos_emb(query[:, None], key[:, None], cos, sin)
    return (query[row, 0, position, None] @ key[row, 0].transpose(1, 2))[:, 0] * size**-0.5
