"""A slow reference: the passes of a reader as plain encoder calls, one example at a time, without padding."""

from typing import Any

import torch
from torch import Tensor

from anzan.reader.labels import Example
from anzan.reader.network import CalculatorReader

SEGMENTS = {"bert": 2, "nomic_bert": 3, "modernbert": 0}
"""Question, passage and, where there is a third one, results."""


def encode(model: CalculatorReader, types: list[int], **tokens: Tensor) -> Any:
    """The encoder on one sequence, with no padding."""
    if SEGMENTS[model.encoder.config.model_type]:
        tokens["token_type_ids"] = torch.tensor([types])
    return model.encoder(attention_mask=torch.ones(1, len(types)), **tokens).last_hidden_state[0]


def slow_scores(model: CalculatorReader, example: Example) -> Tensor:
    hidden = encode(model, example.text.types, input_ids=torch.tensor([example.text.ids]))
    first = [hidden[m.span[0]] for m in example.text.mentions]
    pairs = [torch.cat([first[i], first[j]]) for i, j in example.text.candidates]
    return torch.stack([model.scorer.outer(model.scorer.inner(p).relu())[0] for p in pairs])
