"""The public interface: names and parameters are as `public.txt` lists them.

A change there affects every user: CONTRIBUTING.md says how to make one. `python tests/test_public.py` writes the file.
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

FILE = Path(__file__).with_name("public.txt")

FACES = (
    "anzan.arithmetic", "anzan.evaluation", "anzan.layer", "anzan.paper", "anzan.presets", "anzan.pretraining",
    "anzan.reader", "anzan.report", "anzan.tasks", "anzan.tasks.worlds", "anzan.training", "anzan.web",
)  # fmt: skip
"""Packages whose exported names are public."""

SIMPLE = str | int | float | bool | tuple | None


def names(face: ModuleType) -> list[str]:
    """What a package exports: its `__all__`, or else every public name but modules (`from ._x import y as y`)."""
    found = [n for n, each in vars(face).items() if not n.startswith("_") and not inspect.ismodule(each)]
    return getattr(face, "__all__", found)


def parameters(thing: object) -> str:
    """Names and defaults; types may become wider without notice."""
    shown = []
    for p in inspect.signature(thing).parameters.values():  # type: ignore[arg-type]
        star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        default = "" if p.default is p.empty else f"={p.default!r}" if isinstance(p.default, SIMPLE) else "=..."
        shown.append(f"{star}{p.name}{default}")
    return f"({', '.join(shown)})"


def described(name: str, thing: object) -> Iterator[str]:
    """A name with its parameters (functions and classes) or its value (constants), and a line for each member."""
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        yield f"{name}={thing!r}" if isinstance(thing, SIMPLE) else name
        return
    if inspect.isclass(thing) and issubclass(thing, Exception):
        yield name
        return
    protocol = getattr(thing, "_is_protocol", False)  # never instantiated
    yield name + ("" if protocol else parameters(thing))
    if inspect.isclass(thing):
        for member, each in sorted(vars(thing).items()):
            if not member.startswith("_"):
                each = getattr(thing, member)
                yield f"{name}.{member}{parameters(each) if callable(each) and not inspect.isclass(each) else ''}"


def lines() -> Iterator[str]:
    for package in FACES:
        face = import_module(package)
        for name in names(face):
            yield from described(f"{package}.{name}", getattr(face, name))


def test_names_and_parameters_are_as_listed() -> None:
    assert sorted(lines()) == FILE.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    FILE.write_text("\n".join(sorted(lines())) + "\n", encoding="utf-8")
