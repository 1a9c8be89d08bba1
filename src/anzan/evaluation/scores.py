"""From predictions to the figures of a table: F1, EM and argument accuracy, in percent."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from anzan.errors import AnzanError
from anzan.evaluation.drop_metric import drop_em_f1, signed_em
from anzan.tasks.problem import Problem


class Argument(NamedTuple):
    """What the calculator was given: a value and where it stands.

    `where` is `question`, `passage`, `constant` or `step`; `start` and `end` are character offsets into the question or
    the passage, None for constants and for results of earlier steps.
    """

    value: Fraction
    where: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Prediction:
    """An answer, where it was found (`question`, `passage`, `calculator` or `none`), and the arguments of each call."""

    answer: str
    source: str
    steps: tuple[tuple[Argument, ...], ...] = ()


def argument_accuracy(problem: Problem, prediction: Prediction) -> bool | None:
    """Whether the calculator was given the gold arguments; None where the problem has none.

    Where the problem knows their offsets (`meta["mentions"]`) these are compared, so that another 5 than the one meant
    is wrong; in a chain it does not matter which step takes which. Elsewhere values are compared: all steps must be
    right, in order; within a step order does not count.
    """
    if problem.arguments is None:
        return None
    mentions = problem.meta.get("mentions")
    if mentions is not None:
        gold = Counter((mention["where"], mention["start"], mention["end"]) for mention in mentions)
        made = Counter(tuple(place) for step in prediction.steps for _, *place in step if place[0] != "step")
        return len(prediction.steps) == len(problem.arguments) and made == gold
    gold = [Counter(step) for step in problem.arguments]
    made = [Counter(value for value, *_ in step) for step in prediction.steps]
    return made == gold


def evaluate_predictions(problems: Sequence[Problem], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The scores of predictions, one a problem and in the same order, in percent and rounded to two decimals.

    Gives `f1` and `em` (DROP's), `signed_em`, `argument_accuracy` (over the problems with gold arguments; left out
    where there are none), `spurious` (of these, how many of the right answers (EM) come with wrong arguments; left out
    where no answer is right) and `n`, all of these again for each kind of problem in `by_kind` (if known), and
    in `by_source`, for each source of a predicted answer, its `f1`, `em`, `n` and `share` of all answers. Without
    problems the scores are left out. Where problems are variants of one another (`meta["bundle"]`), `bundles` counts
    the groups of two or more, and `consistency` is how often all members of one are right (EM; Gardner et al., Findings
    of EMNLP 2020).

    Raises ValueError unless there is one prediction for each problem.
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
    return {**_summary(rows), **_consistency(problems, rows), "by_kind": by_kind, "by_source": by_source}


class _Row(NamedTuple):
    kind: str | None
    source: str
    em: float
    f1: float
    signed_em: float
    arguments: bool | None


def _score(problem: Problem, prediction: Prediction) -> _Row:
    em, f1 = drop_em_f1(prediction.answer, problem.answers)
    signed = signed_em(prediction.answer, problem.answers)
    return _Row(problem.kind, prediction.source, em, f1, signed, argument_accuracy(problem, prediction))


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
    """Rows by their label, sorted; those without one are in no group."""
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        name = label(row)
        if name is not None:
            groups.setdefault(name, []).append(row)
    return dict(sorted(groups.items()))


def _percent(shares: Iterable[float]) -> float:
    values = list(shares)
    return round(100 * sum(values) / len(values), 2)
