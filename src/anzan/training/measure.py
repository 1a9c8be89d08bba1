"""Measure: what a trained reader scores, and whether it uses its calculator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anzan.evaluation.predictions import evaluate
from anzan.evaluation.reader_audit import NothingToAudit, audit_reader
from anzan.evaluation.verdict import Audit
from anzan.reader.reader import Reader
from anzan.tasks.problem import Problem
from anzan.training.data import draw_free
from anzan.training.fit import Fitted
from anzan.training.prepare import Prepared
from anzan.training.settings import PossessionSettings

REPORTED = 100
"""Problems that the report at the end of a run looks at more closely."""


@dataclass(frozen=True)
class Measured:
    """Metrics, in percent, on the evaluation split (empty where it is not measured) and the development split."""

    metrics: dict[str, Any]
    dev_metrics: dict[str, Any]


def measure(run: Prepared, fitted: Fitted, reader: Reader, evaluation: bool = True) -> Measured:
    """Both splits' metrics; without `evaluation`, those of the development split only."""
    metrics = evaluate(reader, run.splits.eval) if run.splits.eval and evaluation else {}
    if metrics and run.config.data.possession is not None:
        metrics |= measure_free(reader, run.config.data.possession)
    dev_metrics = fitted.dev_metrics
    if dev_metrics is None:  # measured before a resumed run was cut off, or there is no development split
        dev_metrics = evaluate(reader, run.splits.dev) if run.splits.dev else {}
    return Measured(metrics, dev_metrics)


def measure_free(reader: Reader, problems: PossessionSettings) -> dict[str, Any]:
    """Scores on free problems (`draw_free`): `f1_free`, `em_free`, `argument_accuracy_free`, and their number `n_free`.

    Without a calculator there is no argument accuracy.
    """
    scores = evaluate(reader, draw_free(problems))
    return {f"{name}_free": scores[name] for name in ("f1", "em", "argument_accuracy", "n") if name in scores}


def audited(reader: Reader, problems: Sequence[Problem]) -> Audit | None:
    """The audit; None where there is nothing to audit."""
    try:
        return audit_reader(reader, problems)
    except NothingToAudit:
        return None
