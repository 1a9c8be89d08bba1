"""Attention in bfloat16, for training on a CPU that computes in it (AVX512-BF16, AMX).

PyTorch's fused CPU kernel is slower in bfloat16 than in float32, and autocast computes the softmax of unfused attention
in float32, with a copy of every matrix before and after. benchmarks/reader.py has the ratios.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, eager_mask

NAME = "anzan-bfloat16"


def bfloat16_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attention computed in bfloat16; without autocast PyTorch's own, in the precision of its input.

    Args:
        query, key, value: (batch, heads, length, width).
        attention_mask: added to the scores, (batch, 1, length, length).

    Returns:
        (batch, length, heads, width), and None for the weights.
    """
    if not torch.is_autocast_enabled("cpu"):
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
    with torch.autocast("cpu", enabled=False):
        query = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        q, k, v = (x.to(torch.bfloat16) for x in (query, key, value))
        scores = q @ k.transpose(2, 3)
        if attention_mask is not None:
            scores = scores + attention_mask.to(torch.bfloat16)
        weights = F.dropout(scores.softmax(-1), dropout, module.training)
        return (weights @ v).transpose(1, 2).contiguous(), None


def computes_in_bfloat16() -> bool:
    """Whether this processor multiplies matrices in bfloat16; on others it takes many times as long as in float32."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def use_bfloat16_attention(encoder: PreTrainedModel) -> None:
    """Make an encoder compute its attention in bfloat16 under CPU autocast."""
    encoder.set_attn_implementation(NAME)


AttentionInterface.register(NAME, bfloat16_attention)
AttentionMaskInterface.register(NAME, eager_mask)
