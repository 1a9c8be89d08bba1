"""The pins agree with each other, and requirements.lock has what the demo imports."""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import accumulate
from pathlib import Path

from packaging.utils import canonicalize_name

from anzan.__main__ import NEEDED

ROOT = Path(__file__).parents[1]


def pins(file: str) -> dict[str, str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE)}


def source(module: str) -> Path | None:
    """The file of a module of anzan; None for any other name."""
    path = ROOT / "src" / module.replace(".", "/")
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


def imports(path: Path) -> Iterator[str]:
    """What a file imports while it is imported itself: names of modules, and some of what is in them."""
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += ast.iter_child_nodes(node)


def test_the_locks_hold_the_pins() -> None:
    run, more, all_pins = map(pins, ("requirements.lock", "requirements-dev.lock", "constraints.txt"))
    torch = {"torch": all_pins["torch"]}  # not locked: any build will do
    assert not run.keys() & more.keys() and run | more | torch == all_pins


def test_what_the_demo_imports_is_in_requirements_lock() -> None:
    todo, seen = ["anzan.cli", "anzan.demo"], {*NEEDED}
    while todo:
        for name in accumulate(todo.pop().split("."), "{}.{}".format):  # a module is imported after its packages
            if name not in seen:
                seen.add(name)
                todo += imports(file) if (file := source(name)) else []
    assert "anzan.training.trainer" in seen
    installed = packages_distributions()
    needed = {canonicalize_name(installed[name][0]) for name in seen & installed.keys()} - {"anzan", "torch"}
    assert {"transformers", "scipy", "pyyaml"} <= needed <= pins("requirements.lock").keys()
