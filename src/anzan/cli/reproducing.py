"""`anzan reproduce`: the paper's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anzan.cli.errors import INTERRUPTED
from anzan.cli.options import Overrides, from_fields
from anzan.cli.output import silence_libraries, stderr, stdout
from anzan.errors import AnzanError

if TYPE_CHECKING:
    from anzan.paper import Run


@dataclass
class ReproduceOptions:
    """The options of `anzan reproduce`."""

    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="table1, table3, table4, figure2, bias, no-argument-loss, training-size, more-people, "
            "longer-numbers or two-transfers.",
        ),
    ]
    overrides: Overrides = None
    scale: Annotated[str, typer.Option(help="smoke (seconds), laptop, or paper (needs a GPU).")] = "laptop"
    recipe: Annotated[
        list[str] | None, typer.Option(help="paper (default), span, faithful or faithful-joint. Repeatable.")
    ] = None
    cell: Annotated[list[str] | None, typer.Option(help="Such as plain/argmax. Repeatable; by default all.")] = None
    seed: Annotated[list[int] | None, typer.Option(help="Repeatable; by default 0.")] = None
    minutes: Annotated[float | None, typer.Option(help="Of this session; the same command continues.")] = None
    jobs: Annotated[int, typer.Option(min=1, help="Runs at a time, each with its share of the cores.")] = 1
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Processes here; or Ray, here or on the cluster at RAY_ADDRESS.")
    ] = "local"
    runs: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the models.")] = Path("runs/reproduce")
    results: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the result files.")] = Path("results")
    page: Annotated[Path, typer.Option(metavar="FILE", help="The page to write from them.")] = Path("docs/results.md")


@from_fields(ReproduceOptions)
def reproduce(options: ReproduceOptions) -> None:
    """Train and measure the cells of one of the paper's tables. Cells that have a result file are skipped."""
    if options.engine == "ray" and options.minutes is not None:
        raise AnzanError("--minutes: not available with --engine ray; leave it out")
    if options.engine == "ray" and options.table == "figure2":
        raise AnzanError("--engine ray: figure2 draws a model of this machine; leave --engine out")
    from anzan.paper import plan

    o, left = options, None
    planned = plan(o.table, o.scale, o.recipe or ["paper"], o.cell or [], o.seed or [0], o.overrides or [])
    silence_libraries()
    from anzan.paper import draw_figure2, write_page
    from anzan.training import SliceOver

    try:
        _run(o, planned)
    except SliceOver as over:
        left = over
    show = stdout()
    if o.table == "figure2" and left is None:
        for path in draw_figure2(planned, o.runs, o.page.parent):
            show.print(f"figure:  {path}", soft_wrap=True)
    write_page(o.results, o.page)
    show.print(f"results: {o.results}\npage:    {o.page}", soft_wrap=True)
    if left is not None:
        show.print(f"run the same command again to continue ({left})", soft_wrap=True)
        if left.interrupted:
            raise typer.Exit(INTERRUPTED)


def _run(options: ReproduceOptions, planned: Sequence[Run]) -> None:
    from anzan.paper import reproduce
    from anzan.paper.engines import reproduce_in_processes, reproduce_on_ray
    from anzan.training import Control

    o, log = options, stderr()
    if o.engine == "ray":
        reproduce_on_ray(planned, o.runs, o.results, log, o.jobs)
    elif o.jobs > 1:
        reproduce_in_processes(planned, o.runs, o.results, log, o.jobs, o.minutes)
    else:
        reproduce(planned, o.runs, o.results, log, Control(resume=True, minutes=o.minutes))
