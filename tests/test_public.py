"""What users build on stays as it is: names and parameters, written down in `public.txt`.

A change there is one for every user: CONTRIBUTING.md says how it is made. `python tests/test_public.py` writes it.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path

import anzan.layer
from anzan.evaluation import Audit, audit, audit_reader, evaluate, observe_layer
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader import Answer, Reader
from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import Problem, read_problems, write_problems

FILE = Path(__file__).with_name("public.txt")
BESIDES = (
    Answer, CalculatorReaderConfig, Possession, Problem, Reader, Audit, audit, observe_layer,
    audit_reader, evaluate, generate, read_problems, write_problems,
)  # fmt: skip


def parameters(thing: object) -> str:
    """Names and defaults: types may become wider without notice."""
    shown = []
    for p in inspect.signature(thing).parameters.values():  # type: ignore[arg-type]
        star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        default = "" if p.default is p.empty else f"={p.default!r}" if isinstance(p.default, SIMPLE) else "=..."
        shown.append(f"{star}{p.name}{default}")
    return f"({', '.join(shown)})"


SIMPLE = str | int | float | bool | tuple | None


def lines() -> Iterator[str]:
    layer = [getattr(anzan.layer, name) for name in anzan.layer.__all__]
    for thing in [*layer, *BESIDES]:
        name = f"{thing.__module__.partition('._')[0]}.{thing.__qualname__}"
        protocol = getattr(thing, "_is_protocol", False)  # nobody makes one
        yield name + ("" if protocol else parameters(thing))
        if inspect.isclass(thing):
            for member, each in sorted(vars(thing).items()):
                if not member.startswith("_"):
                    each = getattr(thing, member)
                    yield f"{name}.{member}{parameters(each) if callable(each) and not inspect.isclass(each) else ''}"


def test_names_and_parameters_are_as_written_down() -> None:
    assert sorted(lines()) == FILE.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    FILE.write_text("\n".join(sorted(lines())) + "\n", encoding="utf-8")
