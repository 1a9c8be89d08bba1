"""The code in the documentation runs as it stands, and does what the text says."""

import re
from pathlib import Path

import torch

PAGE = Path(__file__).parents[1] / "docs" / "layer.md"


def test_the_page_on_the_layer() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 2
    assert len(blocks[0].splitlines()) <= 30 and sum(bool(line.strip()) for line in blocks[0].splitlines()) < 30
    torch.manual_seed(0)
    names: dict = {}
    exec(compile(blocks[0], "layer.md", "exec"), names)
    assert names["scorer"].weight.argmax(-1).tolist() == [0, 1, 2] and names["loss"].item() < 0.3
    exec(compile(blocks[1], "layer.md", "exec"), names)
    assert names["estimate"].loss.shape == (64,) and names["estimate"].target == "marginal"
