"""`anzan evaluate` and `anzan audit`: a reader measured on a file of problems."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from anzan.cli.inputs import load_problems, load_reader
from anzan.cli.options import Data, Json, Model
from anzan.cli.output import print_json, progress_of, stdout


def evaluate(model: Model, data: Data, as_json: Json = False) -> None:
    """Score a reader on a file of problems."""
    problems = load_problems(data)
    reader = load_reader(model)
    from anzan.evaluation import evaluate as run
    from anzan.report import scores_table

    encoder, started = reader.text_encoder, time.monotonic()
    calls = encoder.calls if encoder.calculator.operations else 0
    with progress_of(reader, len(problems) * (1 + calls), "answering"):
        metrics = run(reader, problems)
    if as_json:
        from anzan.training.results import commit, device_name

        made = {"commit": commit(), "device": device_name(), "seconds": round(time.monotonic() - started, 1)}
        print_json({"model": str(model), "data": str(data), "metrics": metrics, **made})
    else:
        stdout().print(scores_table(metrics, title=f"{model} on {data}"))


def audit(
    model: Model,
    data: Data,
    seed: Annotated[int, typer.Option(min=0, help="Of random draws: wrong results, other examples, intervals.")] = 0,
    as_json: Json = False,
) -> None:
    """Find out whether a reader uses its calculator.

    Its answers are compared with those that it gives when the calculator's output is changed.
    """
    problems = load_problems(data)
    reader = load_reader(model)
    from anzan.evaluation import audit_passes, audit_reader
    from anzan.report import audit_view

    with progress_of(reader, audit_passes(reader, problems), "answering, also with other outputs of the calculator"):
        found = audit_reader(reader, problems, seed)
    if as_json:
        print_json({"model": str(model), "data": str(data), "audit": found.to_json()})
    else:
        stdout().print(audit_view(found, title=f"{model} on {data}"))
