"""Whether a reader uses its calculator: what becomes of its answers when the calculator's output is tampered with."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from anzan.evaluation.drop_metric import drop_em_f1
from anzan.evaluation.predict import evaluate, predict
from anzan.reader.answers import Override, Reader, blank, wrong_results
from anzan.tasks.problem import Problem
from anzan.tasks.substitution import Substitute, substitutes


def tampered(reader: Reader, problems: Sequence[Problem]) -> dict[str, dict[str, Any]]:
    """Metrics with the calculator's output `blanked`, and with random numbers as `wrong_results`, in this order."""
    return {
        "blanked": evaluate(reader, problems, override=blank),
        "wrong_results": evaluate(reader, problems, override=wrong_results(reader.features)),
    }


def follow_rate(reader: Reader, problems: Sequence[Problem]) -> float | None:
    """How often, in percent, a reader shown another possession problem's calculation answers as an exact program would
    that is given the same. On argmax questions the swap always turns the comparison round. None without a problem that
    can be swapped.
    """
    swapped = [(p, s) for p, s in zip(problems, substitutes(problems), strict=True) if s is not None]
    if not swapped:
        return None
    answers = predict(reader, [p for p, _ in swapped], _override(reader, swapped))
    followed = [drop_em_f1(a.answer, [(s.answer,)])[0] for a, (_, s) in zip(answers, swapped, strict=True)]
    return round(100 * sum(followed) / len(followed), 2)


def _override(reader: Reader, swapped: Sequence[tuple[Problem, Substitute]]) -> Override:
    features = reader.features
    pairs = {(p.passage, p.question): s.arguments for p, s in swapped}

    def override(text: Any, row: Any) -> Any:
        a, b = pairs[text.passage, text.question]
        return None if row is None else features.row(features.calculator(Fraction(a), Fraction(b)))

    return override
