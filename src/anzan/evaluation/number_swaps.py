"""The paper's Table 1: comparison questions as they are, and with the two compared numbers swapped in the passage.

A reader that compares the numbers of the text in front of it does not mind the swap; one that answers by what it knows
about the options, or by where they stand, does (Yoshikawa, Heinzerling and Inui, NLP2022: F1 79.4 falls to 20.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from anzan.evaluation.predict import evaluate, predict, predict_under, score
from anzan.reader.reader import Reader, blank
from anzan.tasks.number_swap import NotSwappable, swap_numbers
from anzan.tasks.problem import Problem


def original_and_swapped(reader: Reader, problems: Sequence[Problem]) -> dict[str, Any]:
    """Scores, in percent, of problems whose `kind` is that of `anzan.tasks.question_types`.

    `f1` and `em` are those of all comparison questions, `f1_swappable` of the ones that `swap_numbers` takes,
    `f1_swapped` of the same with their numbers swapped, `consistency` how often both of these are right, and
    `f1_difference`, `f1_complement` the other questions' beside them. With a calculator `f1_blanked`, as `f1` without
    its output. `n`, `n_swappable`, ... count the questions. What there is no question for is left out.
    """
    groups = {kind: [p for p in problems if p.kind == kind] for kind in ("comparison", "difference", "complement")}
    comparison = groups.pop("comparison")
    metrics: dict[str, Any] = {"n": len(comparison)}
    overrides = [None, blank] if reader.features.calculator.operations else [None]
    plain, *blanked = predict_under(reader, comparison, overrides)
    if comparison:
        metrics |= {k: v for k, v in score(reader, comparison, plain).items() if k in ("f1", "em")}
        for given in blanked:
            metrics["f1_blanked"] = score(reader, comparison, given)["f1"]
    swaps = [(*pair, a) for p, a in zip(comparison, plain, strict=True) if (pair := swappable(p)) is not None]
    metrics["n_swappable"] = len(swaps)
    if swaps:
        originals, swapped, before = (list(column) for column in zip(*swaps, strict=True))
        sides, answers = (originals, swapped), (before, predict(reader, swapped))
        for name, side, given in zip(("swappable", "swapped"), sides, answers, strict=True):
            metrics[f"f1_{name}"] = score(reader, side, given)["f1"]
        metrics["consistency"] = score(reader, [*chain(*sides)], [*chain(*answers)])["consistency"]
    for kind, group in groups.items():
        metrics[f"n_{kind}"] = len(group)
        if group:
            metrics[f"f1_{kind}"] = evaluate(reader, group)["f1"]
    return metrics


def swappable(problem: Problem) -> tuple[Problem, Problem] | None:
    """The problem and the same with its two compared numbers swapped; None where that is not safe."""
    try:
        return problem, swap_numbers(problem)
    except NotSwappable:
        return None
