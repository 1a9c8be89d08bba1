"""The app: its commands are added in `anzan.cli`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from anzan import __version__
from anzan.cli.errors import OneLineErrors

app = typer.Typer(
    cls=OneLineErrors,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the panels take longer to import than everything else that help needs
    help="A reader that learns to use a calculator from answers alone.",
)
generate = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(generate, name="generate", help="Draw synthetic problems.")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"anzan {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    allow_imports: Annotated[
        bool,
        typer.Option("--allow-imports", help="Import functions that settings or a model name as module:function."),
    ] = False,
) -> None:
    """Options before the command."""
    if allow_imports:
        from anzan.arithmetic import functions

        sys.path.insert(0, "")  # the user's own modules in this folder, as with `python -m`
        functions.allow_imports()
    # The user's text may contain characters that this terminal cannot print.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
