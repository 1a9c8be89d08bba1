"""Explanations of an answer: its saliency map, and the runners-up among pairs of arguments and among answers."""

from __future__ import annotations

from dataclasses import dataclass

from anzan.evaluation.gradients import Salient, saliency
from anzan.reader import Answer, Reader
from anzan.reader.sequence import Mention, Text


@dataclass(frozen=True)
class Candidate:
    """A pair of arguments, what the calculator prints for it (empty where F is undefined), and p(pair)."""

    arguments: tuple[Mention, Mention]
    calculation: str
    probability: float


@dataclass(frozen=True)
class Explanation:
    """An answer and what led to it.

    Attributes:
        tokens: what the reader saw, with the gradient of the answer's loss (`anzan.evaluation.gradients`).
        candidates: for each call the most probable pairs, best first.
        others: the next most probable answers.
        called: the text with its calls, as `Reader.read_many` takes it.
    """

    passage: str
    question: str
    answer: Answer
    tokens: list[Salient]
    candidates: list[list[Candidate]]
    others: tuple[Answer, ...]
    called: Text


def explain(reader: Reader, passage: str, question: str, most: int = 5) -> Explanation:
    """Answer a question and explain the answer, with at most `most` pairs for each call and `most` other answers.

    Raises:
        ValueError: an empty question, a text longer than the model reads, or a reader that marks no answer.
    """
    [called] = reader.call_many([(passage, question)])
    answer, tokens = saliency(reader, passage, question, called)
    [trace] = reader.read_many([called], most=most + 1)
    candidates, seen = [], called.uncalled
    for call, probabilities in zip(called.calls, reader.pair_probabilities(called), strict=True):
        ranked = sorted(((p, pair) for pair, p in probabilities.items() if pair is not None), reverse=True)[:most]
        candidates.append(
            [
                Candidate(
                    (a := seen.mentions[i], b := seen.mentions[j]),
                    reader.text_encoder.calculator(a.value, b.value).text,
                    p,
                )
                for p, (i, j) in ranked
            ]
        )
        seen = reader.text_encoder.extended(seen, call.pair, call.row)
    others: dict[str, Answer] = {}
    for other in trace.others:  # of equal answers the most probable
        if other.answer != answer.answer:
            others.setdefault(other.answer, other)
    return Explanation(passage, question, answer, tokens, candidates, tuple(others.values())[:most], called)
