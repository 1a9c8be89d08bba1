"""A reader's answers to problems, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from anzan.evaluation.interventions import AS_PRINTED, Intervention, as_printed
from anzan.evaluation.scores import Argument, Prediction, evaluate_predictions
from anzan.reader import Answer, Reader, Trace
from anzan.reader.encode import TextTooLong
from anzan.tasks.problem import Problem


def predict(reader: Reader, problems: Sequence[Problem]) -> list[Answer]:
    """Answers to problems. An empty question, or a text longer than the model reads, gets an empty answer."""
    return predict_under(reader, problems, [as_printed()])[AS_PRINTED]


def predict_under(
    reader: Reader, problems: Sequence[Problem], interventions: Sequence[Intervention]
) -> dict[str, list[Answer]]:
    """`predict` under each intervention, by its name. The calculator is called once for all of them."""
    none = Answer("", None, None, 0.0)
    return {
        name: [none if trace is None else trace.answer for trace in traces]
        for name, traces in trace_under(reader, problems, interventions).items()
    }


def trace_under(
    reader: Reader, problems: Sequence[Problem], interventions: Sequence[Intervention]
) -> dict[str, list[Trace | None]]:
    """How each answer comes about under each intervention, by its name; None for what cannot be read."""
    fit: list[int] = []
    for i, p in enumerate(problems):
        if not p.question.strip():
            continue
        try:
            reader.text_encoder.text(p.passage, p.question)
        except TextTooLong:
            continue
        fit.append(i)
    called = reader.call_many((problems[i].passage, problems[i].question) for i in fit)
    everything: dict[str, list[Trace | None]] = {}
    for intervention in interventions:
        made: dict[int, Trace] = dict(zip(fit, intervention.read(reader, called), strict=True))
        everything[intervention.name] = [made.get(i) for i in range(len(problems))]
    return everything


def evaluate(reader: Reader, problems: Sequence[Problem]) -> dict[str, Any]:
    """Metrics in percent, as from `anzan.evaluation.evaluate_predictions`.

    Without a calculator there is no argument accuracy.
    """
    return score(reader, problems, predict(reader, problems))


def evaluate_under(
    reader: Reader, problems: Sequence[Problem], interventions: Sequence[Intervention]
) -> dict[str, dict[str, Any]]:
    """`evaluate` under each intervention, by its name. The calculator is called once for all of them."""
    answers = predict_under(reader, problems, interventions)
    return {name: score(reader, problems, given) for name, given in answers.items()}


def score(reader: Reader, problems: Sequence[Problem], answers: Sequence[Answer]) -> dict[str, Any]:
    """The metrics of `evaluate` for answers already given."""
    predictions = [to_prediction(a) for a in answers]
    if not reader.text_encoder.calculator.operations:
        problems = [replace(p, arguments=None) for p in problems]
    return evaluate_predictions(problems, predictions)


def to_prediction(answer: Answer) -> Prediction:
    """An answer as `anzan.evaluation.scores` takes it."""
    steps = tuple(tuple(Argument(m.value, m.where, m.start, m.end) for m in s.arguments) for s in answer.steps)
    return Prediction(answer.answer, answer.source or "none", steps)
