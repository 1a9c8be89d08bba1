"""Metrics of tool use: how a reader's answers change with the output of its calculator."""

from __future__ import annotations

from collections.abc import Sequence

from anzan.evaluation.drop_metric import drop_em_f1
from anzan.evaluation.interventions import (
    AS_PRINTED,
    BLANKED,
    OTHER_RESULTS,
    WRONG_RESULTS,
    Intervention,
    as_printed,
    blanked,
    other_results,
    substitute_row,
    wrong_results,
)
from anzan.evaluation.predictions import predict_under, score
from anzan.reader import Answer, Reader
from anzan.tasks.possession import Substitute, substitutes
from anzan.tasks.problem import Problem


def follow_rate(reader: Reader, problems: Sequence[Problem]) -> float | None:
    """How often, in percent, a reader that is shown another problem's calculation answers as an exact program would.

    Possession problems only. On argmax questions the other calculation always reverses the comparison. None where no
    problem has a substitute.
    """
    swaps = _swaps(problems)
    return _followed(predict_under(reader, problems, [_swap(reader, problems, swaps)])[OTHER_RESULTS], swaps)


def evaluate_tool_use(reader: Reader, problems: Sequence[Problem]) -> dict[str, float | None]:
    """All metrics of `evaluate`, and how they change with the calculator's output. Possession problems only.

    Adds `f1_blanked`, `em_blanked`, `f1_wrong_results`, `em_wrong_results` (see `anzan.evaluation.interventions`) and
    `follow_rate`. The calculator is called once for all of it.
    """
    swaps = _swaps(problems)
    interventions = [as_printed(), blanked(), wrong_results(reader.text_encoder), _swap(reader, problems, swaps)]
    answers = predict_under(reader, problems, interventions)
    metrics = score(reader, problems, answers[AS_PRINTED])
    for name in (BLANKED, WRONG_RESULTS):
        figures = score(reader, problems, answers[name])
        metrics |= {f"{k}_{name}": figures[k] for k in ("f1", "em")}
    return metrics | {"follow_rate": _followed(answers[OTHER_RESULTS], swaps)}


def _swaps(problems: Sequence[Problem]) -> list[Substitute | None]:
    """A substitute for each problem, the same one for equal texts."""
    found: dict[tuple[str, str], Substitute | None] = {}
    for p, swap in zip(problems, substitutes(problems), strict=True):
        found.setdefault((p.passage, p.question), swap)
    return [found[p.passage, p.question] for p in problems]


def _swap(reader: Reader, problems: Sequence[Problem], swaps: Sequence[Substitute | None]) -> Intervention:
    """Shows each problem the calculation of its substitute, where it has one."""
    return other_results(problems, [None if s is None else substitute_row(reader.text_encoder, s) for s in swaps])


def _followed(answers: Sequence[Answer], swaps: Sequence[Substitute | None]) -> float | None:
    right = [drop_em_f1(a.answer, [(s.answer,)])[0] for a, s in zip(answers, swaps, strict=True) if s is not None]
    return round(100 * sum(right) / len(right), 2) if right else None
