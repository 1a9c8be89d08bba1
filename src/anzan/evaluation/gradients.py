"""Saliency: the gradient of an answer's loss at every token that the reader saw (the paper's Figure 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from anzan.errors import AnzanError
from anzan.reader.answer import Answer
from anzan.reader.decode import Trace
from anzan.reader.reader import Reader
from anzan.reader.sequence import RESULTS, Text


class NoAnswer(AnzanError):
    """The reader marks no answer."""


@dataclass(frozen=True)
class Salient:
    """A token as the reader saw it.

    Attributes:
        where: `question`, `passage`, `calculator`, or None for a separator.
        norm: of the gradient at its embedding.
    """

    token: str
    where: str | None
    norm: float


def saliency(reader: Reader, passage: str, question: str, called: Text | None = None) -> tuple[Answer, list[Salient]]:
    """||d(-log p(answer)) / d embedding|| for every token of text and row; the answer is the reader's own.

    Yoshikawa, Heinzerling and Inui (NLP2022), Figure 2. Norms have no sign: they say how much a token matters, not in
    which direction.

    Args:
        called: the text with its calls, where they have been made.

    Raises:
        AnzanError: an empty question, a text beyond the model's limit, or a reader that marks no answer.
    """
    [trace] = reader.read_many(reader.call_many([(passage, question)]) if called is None else [called])
    if trace.span is None:
        raise NoAnswer("the reader marks no answer here, so there is nothing to explain; ask another question")
    view = reader.view([trace.shown])
    with torch.enable_grad():
        embedded = reader.model.embed(view).detach().requires_grad_()
        start, end = reader.model.read_embedded(embedded, view)
        log_p = start[0].log_softmax(-1)[trace.span[0]] + end[0].log_softmax(-1)[trace.span[1]]
        (gradient,) = torch.autograd.grad(-log_p, embedded)
    words = reader.text_encoder.words(trace.shown.ids)
    norms = gradient[0].norm(dim=-1).tolist()
    return trace.answer, [Salient(*each) for each in zip(words, _places(trace), norms, strict=True)]


def _places(trace: Trace) -> list[str | None]:
    """Where each token of text and row belongs."""
    places = [token.where if token else None for token in trace.text.tokens]
    for call in trace.text.calls:  # earlier ones of a chain
        places[call.start : call.start + len(call.row.ids) - 1] = [RESULTS] * (len(call.row.ids) - 1)
    if trace.row:
        places += [RESULTS] * (len(trace.row.ids) - 1) + [None]
    return places


def calculator_share(reader: Reader, passage: str, question: str) -> float | None:
    """The share of the gradient that falls on the calculator's output, from 0 to 1; None if no answer is marked."""
    try:
        _, tokens = saliency(reader, passage, question)
    except ValueError:
        return None
    total = sum(t.norm for t in tokens)
    return sum(t.norm for t in tokens if t.where == RESULTS) / total if total else None
