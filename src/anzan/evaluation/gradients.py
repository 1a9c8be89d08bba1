"""Saliency: the gradient of the answer's loss at every token that the reader saw (the paper's Figure 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.reader.batch import collate_texts
from anzan.reader.reader import Answer, Reader
from anzan.reader.sequence import RESULTS, Text


class NoAnswer(AnzanError):
    """The reader marks no answer."""


@dataclass(frozen=True)
class Salient:
    """A token as the reader saw it.

    Attributes:
        where: `question`, `passage`, `calculator`, or None for a separator.
        norm: of the gradient at the token's embedding.
        hidden: a masked argument, shown as random digits.
    """

    token: str
    where: str | None
    norm: float
    hidden: bool = False


def saliency(reader: Reader, passage: str, question: str, called: Text | None = None) -> tuple[Answer, list[Salient]]:
    """||d(-log p(answer)) / d embedding|| for every token of the text and the results, for the reader's own answer.

    Yoshikawa, Heinzerling and Inui (NLP2022), Figure 2. Where a guess is subtracted, p is that of the reading only,
    as the guess sees no digit. Norms have no sign: they show how much a token matters, not in which direction.
    `called` is the text with its calls, if they have been made already.

    Raises:
        ValueError: an empty question, a text longer than the model reads, or a reader that marks no answer.
    """
    [trace] = reader.read_many(reader.call_many([(passage, question)]) if called is None else [called])
    if trace.span is None:
        raise NoAnswer("the reader marks no answer here, so there is nothing to explain; ask another question")
    model, tokenizer = reader.model, reader.features.tokenizer
    batch = {k: v.to(model.device) for k, v in collate_texts([trace.text], reader.features.pad).items()}
    text = {k: batch[k] for k in ("input_ids", "attention_mask", "token_type_ids", "span_mask")}
    length = len(trace.text.ids)
    text["input_ids"] = torch.tensor([trace.seen[:length]], device=model.device)
    if trace.hidden:
        text["hidden"] = torch.tensor([trace.hidden[:length]], device=model.device)
    seen: list[Tensor] = []

    encode = model.encode

    def watch(embeddings: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
        seen.append(embeddings.detach().requires_grad_())
        return encode(seen[-1], attention_mask, token_type_ids)

    model.encode = watch
    try:
        with torch.enable_grad():
            start, end = model.read_rows(
                torch.tensor([trace.seen[length:]], dtype=torch.long, device=model.device), **text
            )
            log_p = start[0].log_softmax(-1)[trace.span[0]] + end[0].log_softmax(-1)[trace.span[1]]
            (gradient,) = torch.autograd.grad(-log_p, seen[0])
    finally:
        del model.encode  # restores the method
    places = [t.where if t else None for t in trace.text.tokens]
    for call in trace.text.calls:  # the earlier calls of a chain
        places[call.start : call.start + len(call.row.ids) - 1] = [RESULTS] * (len(call.row.ids) - 1)
    if trace.row:
        places += [RESULTS] * (len(trace.row.ids) - 1) + [None]
    words: Any = tokenizer.convert_ids_to_tokens(trace.seen)
    norms = gradient[0].norm(dim=-1).tolist()
    return trace.answer, [
        Salient(word, where, norm, i < len(trace.hidden) and trace.hidden[i])
        for i, (word, where, norm) in enumerate(zip(words, places, norms, strict=True))
    ]


def calculator_share(reader: Reader, passage: str, question: str) -> float | None:
    """The share of the gradient that falls on the calculator's output, from 0 to 1; None if no answer is marked."""
    try:
        _, tokens = saliency(reader, passage, question)
    except ValueError:
        return None
    total = sum(t.norm for t in tokens)
    return sum(t.norm for t in tokens if t.where == RESULTS) / total if total else None
