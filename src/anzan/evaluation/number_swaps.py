"""The paper's Table 1: comparison questions, original and with the two compared numbers swapped in the passage.

The swap does no harm to a reader that compares the numbers in the text. It harms one that answers from what it knows
about the options, or from their positions (Yoshikawa, Heinzerling and Inui, NLP2022: F1 falls from 79.4 to 20.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from anzan.evaluation.interventions import AS_PRINTED, BLANKED, as_printed, blanked
from anzan.evaluation.predictions import evaluate, predict, predict_under, score
from anzan.reader.reader import Reader
from anzan.tasks.number_swap import NotSwappable, swap_numbers
from anzan.tasks.problem import Problem


def original_and_swapped(reader: Reader, problems: Sequence[Problem]) -> dict[str, Any]:
    """Scores, in percent, of problems whose `kind` comes from `anzan.tasks.question_types`.

    - `f1`, `em`: all comparison questions. `f1_blanked`: the same without the calculator's output, if there is one.
    - `f1_swappable`: those whose numbers `swap_numbers` can swap. `f1_swapped`: the same after the swap.
      `consistency`: how often both are right.
    - `f1_difference`, `f1_complement`: the other questions.
    - `n`, `n_swappable`, `n_difference`, `n_complement`: the number of questions. Scores of no question are left out.
    """
    groups = {kind: [p for p in problems if p.kind == kind] for kind in ("comparison", "difference", "complement")}
    comparison = groups.pop("comparison")
    metrics: dict[str, Any] = {"n": len(comparison)}
    interventions = [as_printed(), blanked()] if reader.text_encoder.calculator.operations else [as_printed()]
    answers = predict_under(reader, comparison, interventions)
    plain = answers[AS_PRINTED]
    if comparison:
        metrics |= {k: v for k, v in score(reader, comparison, plain).items() if k in ("f1", "em")}
        if BLANKED in answers:
            metrics["f1_blanked"] = score(reader, comparison, answers[BLANKED])["f1"]
    swaps = [(*pair, a) for p, a in zip(comparison, plain, strict=True) if (pair := swappable(p)) is not None]
    metrics["n_swappable"] = len(swaps)
    if swaps:
        originals, swapped, before = (list(column) for column in zip(*swaps, strict=True))
        sides, both = (originals, swapped), (before, predict(reader, swapped))
        for name, side, given in zip(("swappable", "swapped"), sides, both, strict=True):
            metrics[f"f1_{name}"] = score(reader, side, given)["f1"]
        metrics["consistency"] = score(reader, [*chain(*sides)], [*chain(*both)])["consistency"]
    for kind, group in groups.items():
        metrics[f"n_{kind}"] = len(group)
        if group:
            metrics[f"f1_{kind}"] = evaluate(reader, group)["f1"]
    return metrics


def swappable(problem: Problem) -> tuple[Problem, Problem] | None:
    """The problem, and the same with its two compared numbers swapped; None where a swap is not safe."""
    try:
        return problem, swap_numbers(problem)
    except NotSwappable:
        return None
