"""Publish: what a run leaves in its folder, the model with its card, the result, curves and report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anzan.evaluation.predictions import predict
from anzan.reader.reader import Reader
from anzan.report.run_report import write_report
from anzan.tasks.problem import Problem
from anzan.training.fit import Fitted
from anzan.training.measure import Measured, audited
from anzan.training.model_card import model_card
from anzan.training.plots import learning_curves
from anzan.training.prepare import Prepared
from anzan.training.results import command, device_name, write_json


def result_of(run: Prepared, fitted: Fitted, measured: Measured) -> dict[str, Any]:
    """The result of a run, as its file has it."""
    config, problems = run.config, run.config.data.possession
    name = config.name
    return {
        "experiment": name.experiment,
        "cell": name.cell,
        "recipe": name.recipe,
        "scale": name.scale,
        "encoder": Path(config.model.encoder).name,
        "parameters": sum(x.numel() for x in run.model.parameters()),
        "seed": config.train.seed,
        "train_cells": [name.cell],
        "train_size": len(run.examples),
        "eval_size": len(run.splits.eval),
        "people": problems and problems.people,
        "digits": problems and problems.most_digits,
        "split": "eval" if run.splits.eval else None,
        "metrics": measured.metrics,
        "dev_metrics": measured.dev_metrics,
        "train_steps": fitted.step,
        "config": config.to_dict(),
        "device": device_name(),
        "train_s": round(fitted.train_s, 1),
        "wall_s": round(fitted.earlier_s + time.monotonic() - run.started, 1),
        "commit": run.commit,
        "command": command(),
    }


def publish(
    result: dict[str, Any], fitted: Fitted, reader: Reader, shown: Sequence[Problem], out: Path
) -> dict[str, Any]:
    """Write model (safetensors), card, `curves.png`, `report.html` and `result.json`; returns the result, audited.

    Args:
        shown: the problems that the report looks at.
    """
    title = f"{result['experiment']}, {result['cell']}, {result['encoder']}"
    learning_curves(fitted.history, out / "curves.png", title)
    audit = audited(reader, shown)
    result["audit"] = audit and {
        "verdict": audit.verdict,
        "by_kind": audit.by_kind,
        "evidence": audit.evidence,
        "n": audit.score.n,
    }
    write_report(result, out / "curves.png", audit, shown, predict(reader, shown), out / "report.html")
    reader.save(out)
    (out / "README.md").write_text(model_card(result), encoding="utf-8")
    write_json(out / "result.json", result)
    return result
