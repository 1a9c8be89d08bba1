"""The code in the documentation runs as it stands, and does what the text says."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
import torch

import anzan

DOCS = Path(__file__).parents[1] / "docs"


def blocks_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S)


def test_the_page_on_the_audit(capsys: pytest.CaptureFixture[str]) -> None:
    [block] = blocks_of("audit.md")
    exec(compile(block, "audit.md", "exec"), {})
    assert capsys.readouterr().out.startswith("used answers follow another output in 100.0 %")


def test_the_page_on_the_layer() -> None:
    blocks = blocks_of("layer.md")
    assert len(blocks) == 3
    assert len(blocks[0].splitlines()) <= 30 and sum(bool(line.strip()) for line in blocks[0].splitlines()) < 30
    torch.manual_seed(0)
    names: dict = {}
    exec(compile(blocks[0], "layer.md", "exec"), names)
    assert names["scorer"].weight.argmax(-1).tolist() == [0, 1, 2] and names["loss"].item() < 0.3
    exec(compile(blocks[1], "layer.md", "exec"), names)
    assert names["estimate"].loss.shape == (64,) and names["estimate"].target == "marginal"
    exec(compile(blocks[2], "layer.md", "exec"), names)
    assert names["estimate"].index.shape == (64, 4, 3) and names["estimate"].target == "expected"
    assert names["first"].weight.grad.any() and names["following"].weight.grad.any()


def test_whatever_is_public_has_a_docstring() -> None:
    """What `make docs` makes the reference of; commands of the command line have their help."""
    without = []
    for info in pkgutil.walk_packages(anzan.__path__, "anzan."):
        module = importlib.import_module(info.name)
        if not (module.__doc__ or info.ispkg):
            without.append(info.name)
        for name, each in vars(module).items():
            here = getattr(each, "__module__", None) == module.__name__ != "anzan.cli"
            if name.startswith("_") or not here or not (inspect.isclass(each) or inspect.isfunction(each)):
                continue
            methods = [m for m in vars(each) if not m.startswith("_")] if inspect.isclass(each) else []
            members = {f"{name}.{m}": getattr(each, m) for m in methods if inspect.isfunction(getattr(each, m))}
            overridden = ("on_", "get_", "create_")  # Trainer's and its callbacks', documented there
            members = {k: v for k, v in members.items() if not k.split(".")[1].startswith(overridden)}
            without += [f"{info.name}.{k}" for k, v in ({name: each} | members).items() if not inspect.getdoc(v)]
    assert not without
