"""The code in the documentation runs as it stands, and does what the text says."""

import re
from pathlib import Path

import pytest
import torch

DOCS = Path(__file__).parents[1] / "docs"


def blocks_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S)


def test_the_page_on_the_audit(capsys: pytest.CaptureFixture[str]) -> None:
    [block] = blocks_of("audit.md")
    exec(compile(block, "audit.md", "exec"), {})
    assert capsys.readouterr().out.startswith("used answers follow another output in 100.0 %")


def test_the_page_on_the_layer() -> None:
    blocks = blocks_of("layer.md")
    assert len(blocks) == 2
    assert len(blocks[0].splitlines()) <= 30 and sum(bool(line.strip()) for line in blocks[0].splitlines()) < 30
    torch.manual_seed(0)
    names: dict = {}
    exec(compile(blocks[0], "layer.md", "exec"), names)
    assert names["scorer"].weight.argmax(-1).tolist() == [0, 1, 2] and names["loss"].item() < 0.3
    exec(compile(blocks[1], "layer.md", "exec"), names)
    assert names["estimate"].loss.shape == (64,) and names["estimate"].target == "marginal"
