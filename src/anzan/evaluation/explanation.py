"""Why this answer: what it hangs on, which pairs the calculator might have been given, what else it might have been."""

from __future__ import annotations

from dataclasses import dataclass

from anzan.evaluation.saliency import Salient, saliency
from anzan.reader.reader import Answer, Reader
from anzan.reader.sequence import Mention, Text


@dataclass(frozen=True)
class Candidate:
    """A pair that the calculator can be given, what it prints for it (nothing where that is undefined), and p(pair)."""

    arguments: tuple[Mention, Mention]
    calculation: str
    probability: float


@dataclass(frozen=True)
class Explanation:
    """An answer with its reasons.

    `tokens` are what the reader saw, with the gradient of the answer's loss (`anzan.evaluation.saliency`);
    `candidates[k]` the most probable pairs at call k, best first, and `others` the next most probable answers; `called`
    is the text with its calls, as `Reader.read_many` takes it.
    """

    passage: str
    question: str
    answer: Answer
    tokens: list[Salient]
    candidates: list[list[Candidate]]
    others: tuple[Answer, ...]
    called: Text


def explain(reader: Reader, passage: str, question: str, most: int = 5) -> Explanation:
    """The answer to a question with its reasons; `most` pairs and answers at most.

    Raises:
        ValueError: an empty question, a text beyond the model's limit, or a reader that marks no answer.
    """
    [called] = reader.call_many([(passage, question)])
    answer, tokens = saliency(reader, passage, question, called)
    [trace] = reader.read_many([called], most=most + 1)
    candidates, seen = [], called.uncalled
    for call, probabilities in zip(called.calls, reader.pair_probabilities(called), strict=True):
        ranked = sorted(zip(probabilities, seen.candidates, strict=True), reverse=True)[:most]
        candidates.append(
            [
                Candidate(
                    (a := seen.mentions[i], b := seen.mentions[j]), reader.features.calculator(a.value, b.value).text, p
                )
                for p, (i, j) in ranked
            ]
        )
        seen = reader.features.extended(seen, call.pair, call.row)
    others: dict[str, Answer] = {}
    for other in trace.others:  # the best of those that read alike
        if other.answer != answer.answer:
            others.setdefault(other.answer, other)
    return Explanation(passage, question, answer, tokens, candidates, tuple(others.values())[:most], called)
