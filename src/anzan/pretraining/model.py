"""The encoder anzan-tiny with the heads that pre-train it.

The architecture is transformers' NomicBERT, small. Its rotary positions let it read longer texts than it was trained
on; its segments tell a token whether it is in the question, the passage or the results.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerBase

from anzan.pretraining.batch import Batch
from anzan.pretraining.recipe import Recipe
from anzan.pretraining.skills import Digits, MaskedTokens, MentionTags, NumberOrder, link_loss


class Output(NamedTuple):
    """The loss, and the predictions of each skill; see `anzan.pretraining.skills`."""

    loss: Tensor
    tokens: Tensor
    tags: Tensor
    order_tags: Tensor
    link_shares: Tensor
    orders: Tensor
    digits: Tensor


class PretrainingModel(nn.Module):
    """An encoder with a head for each skill."""

    def __init__(self, recipe: Recipe, tokenizer: PreTrainedTokenizerBase):
        super().__init__()
        config = AutoConfig.for_model(
            "nomic_bert",
            vocab_size=len(tokenizer),
            hidden_size=recipe.hidden_size,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=recipe.intermediate_size,
            type_vocab_size=3,
            layer_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 160_000.0},
            max_position_embeddings=1024,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
        )
        self.recipe = recipe
        self.encoder = AutoModel.from_config(config)
        _initialise(self.encoder)
        self.tokens = MaskedTokens(recipe.hidden_size)
        self.token_bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.tags = MentionTags(recipe)
        self.orders = NumberOrder(recipe.hidden_size)
        self.digits = Digits(recipe.hidden_size)

    def forward(self, batch: Batch) -> Output:
        r = self.recipe
        states = self.encoder(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            token_type_ids=batch["token_type_ids"],
            output_hidden_states=True,
        ).hidden_states
        embeddings = self.encoder.get_input_embeddings().weight
        token_loss, tokens = self.tokens(states[-1], batch["labels"], embeddings, self.token_bias)
        tag_loss, (tags, order_tags) = self.tags(states, batch["tag_labels"])
        links, link_shares = link_loss(self.encoder, r.link_heads, states, batch)
        order_loss, orders = self.orders(states[r.order_layer], batch["order_labels"])
        digit_loss, digits = self.digits(states[r.digit_layer], batch["digit_labels"])
        loss = token_loss + r.tag_weight * tag_loss + r.link_weight * links
        loss = loss + r.digit_weight * digit_loss + r.order_weight * order_loss
        return Output(loss, tokens, tags, order_tags, link_shares, orders, digits)


@torch.no_grad()
def _initialise(encoder: Any) -> None:
    """Initialises weights more widely than the default, which suits large models, and sets queries equal to keys.

    With equal queries and keys, every head starts by attending to copies of its own token, which recall and linking
    build on.
    """
    for name, p in encoder.named_parameters():
        if p.ndim == 2:
            std = 0.05 if "word" in name else 0.02 if "token_type" in name or "o_proj" in name else 0.06
            nn.init.normal_(p, std=std)
    for layer in encoder.layers:
        layer.self_attn.k_proj.weight.copy_(layer.self_attn.q_proj.weight)
