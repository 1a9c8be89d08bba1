"""`anzan serve`: a page in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from anzan.cli.inputs import load_reader
from anzan.cli.options import Model
from anzan.cli.output import stderr
from anzan.errors import AnzanError


def serve(
    model: Model,
    host: Annotated[
        str, typer.Option(help="The address to listen on. Others can connect unless it is a loopback address.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free port.")] = 7860,
    name: Annotated[
        list[str] | None, typer.Option(help="A host name, besides addresses, by which it may be reached. Repeatable.")
    ] = None,
    per_minute: Annotated[int, typer.Option(min=1, help="Questions per minute from one address.")] = 60,
) -> None:
    """Serve a page on which a reader answers questions and shows how."""
    try:
        from anzan.web import Limits, listen
        from anzan.web import serve as run
    except ModuleNotFoundError as error:
        raise AnzanError(f"serve needs {error.name}: pip install 'anzan[web]'") from None

    with listen(host, port) as place:
        limits = Limits(per_minute=per_minute)
        run(load_reader(model), model.resolve().name, place, limits, stderr(), [host, *(name or [])])
