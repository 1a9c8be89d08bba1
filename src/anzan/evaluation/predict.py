"""A reader's answers to problems, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from anzan.evaluation.scores import Argument, Prediction, evaluate_predictions
from anzan.reader.encode import TextTooLong
from anzan.reader.reader import Answer, Override, Reader
from anzan.tasks.problem import Problem


def predict(reader: Reader, problems: Sequence[Problem], override: Override | None = None) -> list[Answer]:
    """Answers to problems; an empty question and a text beyond the model's limit get none."""
    return predict_under(reader, problems, [override])[0]


def predict_under(
    reader: Reader, problems: Sequence[Problem], overrides: Sequence[Override | None]
) -> list[list[Answer]]:
    """Answers under each of several overrides, as `predict`; the calculator is called once for all of them."""
    fit: list[int] = []
    for i, p in enumerate(problems):
        if not p.question.strip():
            continue
        try:
            reader.features.text(p.passage, p.question)
        except TextTooLong:
            continue
        fit.append(i)
    called = reader.call_many((problems[i].passage, problems[i].question) for i in fit)
    everything = []
    for override in overrides:
        answers = [Answer("", None, None, 0.0)] * len(problems)
        for i, trace in zip(fit, reader.read_many(called, override=override), strict=True):
            answers[i] = trace.answer
        everything.append(answers)
    return everything


def evaluate(reader: Reader, problems: Sequence[Problem], override: Override | None = None) -> dict[str, Any]:
    """Metrics in percent, see `anzan.evaluation.scores.evaluate_predictions`.

    Without a calculator there is no argument accuracy.
    """
    return score(reader, problems, predict(reader, problems, override))


def score(reader: Reader, problems: Sequence[Problem], answers: Sequence[Answer]) -> dict[str, Any]:
    """`evaluate`, of answers that are there already."""
    predictions = [to_prediction(a) for a in answers]
    if not reader.features.calculator.operations:
        problems = [replace(p, arguments=None) for p in problems]
    return evaluate_predictions(problems, predictions)


def to_prediction(answer: Answer) -> Prediction:
    """An answer as it is scored."""
    steps = tuple(tuple(Argument(m.value, m.where, m.start, m.end) for m in s.arguments) for s in answer.steps)
    return Prediction(answer.answer, answer.source or "none", steps)
