"""Scores of predictions: F1, EM and argument accuracy, in percent."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from anzan.errors import AnzanError
from anzan.evaluation.drop_metric import drop_em_f1, signed_em
from anzan.tasks.problem import Problem


class Argument(NamedTuple):
    """An argument of the calculator: its value and position.

    `where` is `question`, `passage`, `constant` or `step` (the result of an earlier step). `start` and `end` are
    character offsets into the question or the passage, otherwise None.
    """

    value: Fraction
    where: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Prediction:
    """An answer, its source (`question`, `passage`, `calculator` or `none`), and the arguments of each call."""

    answer: str
    source: str
    steps: tuple[tuple[Argument, ...], ...] = ()


def argument_accuracy(problem: Problem, prediction: Prediction) -> bool | None:
    """Whether the calculator was given the gold arguments; None if the problem has none.

    The first calls are compared, as many as are gold: a program may go on, for instance to compare their result. If the
    problem has offsets (`meta["mentions"]`), offsets are compared: the wrong one of two 5s is wrong; it does not matter
    which step takes which mention. Otherwise values are compared: all steps must be right, in order; the order within a
    step does not count.
    """
    if problem.arguments is None:
        return None
    steps = prediction.steps[: len(problem.arguments)]
    mentions = problem.meta.get("mentions")
    if mentions is not None:
        gold = Counter((mention["where"], mention["start"], mention["end"]) for mention in mentions)
        made = Counter(tuple(place) for step in steps for _, *place in step if place[0] != "step")
        return len(steps) == len(problem.arguments) and made == gold
    gold = [Counter(step) for step in problem.arguments]
    made = [Counter(value for value, *_ in step) for step in steps]
    return made == gold


def evaluate_predictions(problems: Sequence[Problem], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Scores, in percent with two decimals, of one prediction for each problem, in the same order.

    - `f1`, `em` (DROP's), `signed_em`; without problems they are left out. `n`: the number of problems.
    - `argument_accuracy`: over the problems with gold arguments; left out if there are none. `spurious`: how many of
      the right answers (EM) among them come with wrong arguments; left out if no answer is right.
    - `by_kind`: all of the above for each known kind of problem; `by_calls`: for each number of calls that the gold
      arguments take, if these differ.
    - `by_source`: `f1`, `em`, `n` and `share` of all answers, for each source of a predicted answer.
    - If problems are variants of one another (`meta["bundle"]`), `bundles`: the number of groups of two or more;
      `consistency`: how often all members of a group are right (EM; Gardner et al., Findings of EMNLP 2020).

    Raises:
        ValueError: the number of predictions is not that of the problems.
    """
    if len(problems) != len(predictions):
        raise AnzanError(f"{len(predictions)} predictions for {len(problems)} problems; give one for each, in order")
    rows = [_score(*pair) for pair in zip(problems, predictions, strict=True)]
    by_source = {
        source: {
            "f1": _percent(row.f1 for row in group),
            "em": _percent(row.em for row in group),
            "n": len(group),
            "share": _percent([len(group) / len(rows)]),
        }
        for source, group in _groups(rows, lambda row: row.source).items()
    }
    by_kind = {kind: _summary(group) for kind, group in _groups(rows, lambda row: row.kind).items()}
    by_calls = {calls: _summary(group) for calls, group in _groups(rows, lambda row: row.calls).items()}
    scores = {**_summary(rows), **_consistency(problems, rows), "by_kind": by_kind, "by_source": by_source}
    return scores | ({"by_calls": by_calls} if len(by_calls) > 1 else {})


class _Row(NamedTuple):
    kind: str | None
    source: str
    em: float
    f1: float
    signed_em: float
    arguments: bool | None
    calls: str | None


def _score(problem: Problem, prediction: Prediction) -> _Row:
    em, f1 = drop_em_f1(prediction.answer, problem.answers)
    signed = signed_em(prediction.answer, problem.answers)
    calls = None if problem.arguments is None else str(len(problem.arguments))
    return _Row(problem.kind, prediction.source, em, f1, signed, argument_accuracy(problem, prediction), calls)


def _summary(rows: Sequence[_Row]) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    if rows:
        scores = {name: _percent(getattr(row, name) for row in rows) for name in ("f1", "em", "signed_em")}
    known = [row.arguments for row in rows if row.arguments is not None]
    if known:
        scores["argument_accuracy"] = _percent(known)
    if right := [not row.arguments for row in rows if row.arguments is not None and row.em == 1]:
        scores["spurious"] = _percent(right)
    return {**scores, "n": len(rows)}


def _consistency(problems: Sequence[Problem], rows: Sequence[_Row]) -> dict[str, Any]:
    variants = {p.meta["bundle"] for p in problems if "bundle" in p.meta}
    right: dict[str, list[bool]] = {}
    for problem, row in zip(problems, rows, strict=True):
        if (bundle := problem.meta.get("bundle", problem.id)) in variants:
            right.setdefault(bundle, []).append(row.em == 1)
    bundles = [all(members) for members in right.values() if len(members) > 1]
    return {"consistency": _percent(bundles), "bundles": len(bundles)} if bundles else {}


def _groups(rows: Iterable[_Row], label: Callable[[_Row], str | None]) -> dict[str, list[_Row]]:
    """Rows by label, sorted; rows without a label are left out."""
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        name = label(row)
        if name is not None:
            groups.setdefault(name, []).append(row)
    return dict(sorted(groups.items()))


def _percent(shares: Iterable[float]) -> float:
    values = list(shares)
    return round(100 * sum(values) / len(values), 2)
