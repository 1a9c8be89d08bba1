"""Whether a reader uses its calculator: what becomes of its answers when the calculator's output is tampered with."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from anzan.evaluation.drop_metric import drop_em_f1
from anzan.evaluation.predict import predict_under, score
from anzan.reader.reader import Answer, Override, Reader, blank, wrong_results
from anzan.reader.sequence import Row, Text
from anzan.tasks.possession import Substitute, substitutes
from anzan.tasks.problem import Problem

Swapped = Sequence[Substitute | None]


def tampered(reader: Reader, problems: Sequence[Problem]) -> dict[str, dict[str, Any]]:
    """Metrics with the calculator's output `blanked`, and with random numbers as `wrong_results`, in this order."""
    blanked, misled = predict_under(reader, problems, [blank, wrong_results(reader.features)])
    return {"blanked": score(reader, problems, blanked), "wrong_results": score(reader, problems, misled)}


def follow_rate(reader: Reader, problems: Sequence[Problem]) -> float | None:
    """How often, in percent, a reader shown another possession problem's calculation answers as an exact program would
    that is given the same. On argmax questions the swap always turns the comparison round. None without a problem that
    can be swapped.
    """
    swaps = _swaps(problems)
    return _followed(predict_under(reader, problems, [_swap(reader, problems, swaps)])[0], swaps)


def interventions(reader: Reader, problems: Sequence[Problem]) -> dict[str, float | None]:
    """F1 and EM as they are and under `tampered` (`f1`, `f1_blanked`, ...), and `follow_rate`; and whatever else
    `evaluate` measures. Possession problems only; the calculator is called once for all of it.
    """
    swaps = _swaps(problems)
    overrides = [None, blank, wrong_results(reader.features), _swap(reader, problems, swaps)]
    plain, *changed, followed = predict_under(reader, problems, overrides)
    metrics = score(reader, problems, plain)
    for name, answers in zip(("blanked", "wrong_results"), changed, strict=True):
        figures = score(reader, problems, answers)
        metrics |= {f"{k}_{name}": figures[k] for k in ("f1", "em")}
    return metrics | {"follow_rate": _followed(followed, swaps)}


def _followed(answers: Sequence[Answer], swaps: Swapped) -> float | None:
    right = [drop_em_f1(a.answer, [(s.answer,)])[0] for a, s in zip(answers, swaps, strict=True) if s is not None]
    return round(100 * sum(right) / len(right), 2) if right else None


def _swaps(problems: Sequence[Problem]) -> Swapped:
    """A substitute for each problem, for equal texts the same."""
    found: dict[tuple[str, str], Substitute | None] = {}
    for p, swap in zip(problems, substitutes(problems), strict=True):
        found.setdefault((p.passage, p.question), swap)
    return [found[p.passage, p.question] for p in problems]


def _swap(reader: Reader, problems: Sequence[Problem], swaps: Swapped) -> Override:
    """Shows each problem the calculation of its substitute; without one, what was printed."""
    features = reader.features
    rows = [None if s is None else features.row(features.calculator(*map(Fraction, s.arguments))) for s in swaps]
    return showing(problems, rows)


def showing(texts: Sequence[Problem | Text], rows: Sequence[Row | None], calls: int = 1) -> Override:
    """Shows these rows in the place of what the last of `calls` calls printed; None leaves that.

    Of equal texts the last one's row is shown for all.
    """
    by_text = {(t.passage, t.question): row for t, row in zip(texts, rows, strict=True)}

    def override(text: Text, row: Row | None) -> Row | None:
        other = by_text.get((text.passage, text.question))
        last = calls == 1 or len(text.calls) + 1 == calls
        return other if row is not None and other is not None and last else row

    return override
