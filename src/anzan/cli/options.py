"""Options that commands share, and commands whose options are the fields of a dataclass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder written by `train` or `demo`.")]
Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="A file (JSONL, DROP, SVAMP, GSM8K, ASDiv), worlds:SPLIT:SIZE, or hub:NAME:SPLIT."
    ),
]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings to change, such as train.seed=1.")
]
Results = Annotated[Path | None, typer.Option(metavar="DIR", help="Also write a result file to this folder.")]


def from_fields(options: type[T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """A decorator for commands with many options: the fields of a dataclass, which the function takes.

    Example:
        @dataclass
        class Greeting:
            name: Annotated[str, typer.Option(help="Who is greeted.")]

        @app.command()
        @from_fields(Greeting)
        def greet(options: Greeting) -> None:
            print(f"Hello, {options.name}!")
    """

    def decorate(run: Callable[[T], None]) -> Callable[..., None]:
        def command(**given: Any) -> None:
            run(options(**given))

        types = get_type_hints(options, include_extras=True)
        parameters = inspect.signature(options).parameters.values()
        command.__signature__ = inspect.Signature([p.replace(annotation=types[p.name]) for p in parameters])  # pyright: ignore[reportFunctionMemberAccess]
        command.__annotations__ = types
        command.__name__, command.__doc__, command.__module__ = run.__name__, run.__doc__, run.__module__
        return command

    return decorate
