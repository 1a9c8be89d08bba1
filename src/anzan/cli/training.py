"""`anzan demo`, `anzan pretrain` and `anzan train`."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from anzan.cli.errors import INTERRUPTED
from anzan.cli.options import Overrides, Results
from anzan.cli.output import silence_libraries, stderr, stdout, write_result
from anzan.errors import AnzanError


def demo(
    overrides: Overrides = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write; an earlier demo is replaced.")] = Path(
        "runs/demo"
    ),
    results: Results = None,
) -> None:
    """Train the small reader end to end and measure it."""
    silence_libraries()
    from anzan.demo import run_demo
    from anzan.training import SliceOver

    try:
        result = run_demo(out, stderr(), stdout(), overrides or [])
    except SliceOver:  # a demo is not resumed
        raise typer.Abort from None
    write_result(result, results)


def pretrain(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write the encoder to.")],
    lines: Annotated[
        str | None,
        typer.Option(metavar="ENCODER", help="Teach this encoder to read what the calculator prints, as symbols."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="By default that of the recipe.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="By default those of the recipe.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.0, help="With --lines: the encoder's learning rate, by default 5e-4.")
    ] = None,
    bf16: Annotated[bool, typer.Option("--bf16", help="With --lines: compute in bfloat16.")] = False,
) -> None:
    """Train the encoder anzan-tiny from a seed, or teach an encoder to read printed lines."""
    if out.exists() and any(out.iterdir()):
        raise AnzanError(f"{out} is not empty: choose another --out")
    silence_libraries()
    from anzan.pretraining import Lines, Recipe, teach_lines
    from anzan.pretraining import pretrain as run

    options = {"seed": seed, "steps": steps, "learning_rate": rate, "bf16": bf16 or None}
    given = {name: value for name, value in options.items() if value is not None}
    if lines is None and given.keys() & {"learning_rate", "bf16"}:
        raise AnzanError("--rate, --bf16: only with --lines ENCODER")
    with redirect_stdout(sys.stderr):  # it prints its progress
        if lines is None:
            skills = run(replace(Recipe(), **given), out)
        else:
            skills = {"printed lines": teach_lines(lines, out, stderr(), replace(Lines(), **given))["accuracy"]}
    stdout().print("\n".join([*(f"{name:24} {value:5.1f} %" for name, value in skills.items()), f"encoder: {out}"]))


def train(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="PRESET_OR_YAML",
            help="demo, paper, span, faithful, faithful-joint, everyday, svamp or drop-numeric; or a YAML file.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write model, result and report to.")],
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint in --out.")] = False,
    results: Results = None,
) -> None:
    """Train a reader."""
    from anzan.presets import load_config

    config = load_config(preset, overrides or [])
    silence_libraries()
    from anzan.report import scores_table
    from anzan.training import Control, SliceOver
    from anzan.training import train as run

    try:
        _, result = run(config, out, Control(resume=resume), stderr())
    except SliceOver as over:
        stderr().print(f"stopped and saved: {over}; the same command with --resume continues")
        raise typer.Exit(INTERRUPTED) from None
    if os.environ.get("RANK", "0") != "0":  # one of several processes that trained together
        return
    show = stdout()
    for split, metrics in (("development", result["dev_metrics"]), ("evaluation", result["metrics"])):
        if metrics:
            show.print(scores_table(metrics, title=split))
    show.print(f"model: {out}\nreport: {out / 'report.html'}\nresult: {out / 'result.json'}", soft_wrap=True)
    write_result(result, results)
