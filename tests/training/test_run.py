"""What the settings of a training run do to the weights."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor

from anzan.presets import load_config
from anzan.reader.reader import Reader
from anzan.settings import ConfigError
from anzan.training.model import new_model
from anzan.training.pause import Control, SliceOver
from anzan.training.run import train

pytestmark = pytest.mark.usefixtures("no_report")


def test_heads_learn_at_their_own_rate(tmp_path: Path, small_run: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anzan.training.fit.WEIGHT_DECAY", 0.0)
    monkeypatch.setattr("anzan.training.fit.WARMUP_SHARE", 0.0)

    def moved(name: str, *rates: str) -> tuple[float, float]:
        """The furthest that a weight of the encoder and one of the heads moved in one step of Adam."""
        config = load_config("demo", [*small_run, "train.epochs=0.5", *rates])
        torch.manual_seed(config.train.seed)
        before: Mapping[str, Tensor] = new_model(config.model)[0].state_dict()
        reader, _ = train(config, tmp_path / name)
        after = reader.model.state_dict()
        far = {k: float((after[k] - before[k]).abs().max()) for k in before if before[k].is_floating_point()}
        encoder = max(d for k, d in far.items() if k.startswith("encoder."))
        return encoder, max(d for k, d in far.items() if not k.startswith("encoder."))

    # Adam's first step moves a weight by the learning rate, whatever the gradient.
    for name, rates, expected in (
        ("own", ["train.learning_rate=1e-4", "train.head_learning_rate=1e-2"], (1e-4, 1e-2)),
        ("same", ["train.learning_rate=1e-3", "train.head_learning_rate=null"], (1e-3, 1e-3)),
    ):
        found = moved(name, *rates)
        for a, b in zip(found, expected, strict=True):
            assert abs(a - b) < 0.02 * b, (name, found)


def test_a_run_in_slices_ends_as_the_whole_run_does(tmp_path: Path, small_run: list[str]) -> None:
    config = load_config("demo", [*small_run, "train.epochs=2", "train.evaluations=2", "train.time_limit=null"])
    whole, _ = train(config, tmp_path / "whole")
    for _ in range(3):
        with pytest.raises(SliceOver, match="of 4 steps"):
            train(config, tmp_path / "sliced", Control(resume=True, minutes=1e-6))
    sliced, result = train(config, tmp_path / "sliced", Control(resume=True, minutes=1e-6))
    assert result["train_steps"] == 4 and result["train_s"] > 0
    torch.testing.assert_close(sliced.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)


def test_a_processor_without_bfloat16_is_told_of(
    tmp_path: Path, small_run: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = load_config("demo", [*small_run, "train.bf16=true", "train.epochs=0.5"])
    for has, told in ((True, 0), (False, 1)):
        monkeypatch.setattr("anzan.training.fit.computes_in_bfloat16", lambda has=has: has)
        log = Console(file=io.StringIO(), width=200)
        train(config, tmp_path / str(has), log=log)
        assert log.file.getvalue().count("train.bf16: this processor has no bfloat16") == told  # pyright: ignore


def test_batches_made_ahead_are_the_same(tmp_path: Path, small_run: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = [*small_run, "train.epochs=2", "train.time_limit=null", "train.grow_until=0.8"]
    weights = []
    for workers in (0, 2):
        monkeypatch.setattr("anzan.training.fit._workers", lambda workers=workers: workers)
        weights.append(train(load_config("demo", settings), tmp_path / str(workers))[0].model.state_dict())
    assert all(torch.equal(each, weights[1][name]) for name, each in weights[0].items())


def test_a_folder_goes_on_with_its_own_run_alone(tmp_path: Path, small_run: list[str]) -> None:
    settings = [*small_run, "train.time_limit=null", "train.epochs=0.5"]
    with pytest.raises(SliceOver):
        train(load_config("demo", settings), tmp_path / "run", Control(stop=lambda: True))
    with pytest.raises(ConfigError, match=r"^train\.seed: 7, but 0 in the run in"):
        train(load_config("demo", [*settings, "train.seed=7"]), tmp_path / "run", Control(resume=True))
    train(load_config("demo", [*settings, "train.epochs=1"]), tmp_path / "run", Control(resume=True))
    (tmp_path / "run" / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"run\.json: damaged"):
        train(load_config("demo", settings), tmp_path / "run", Control(resume=True))


def test_what_others_have_saved_is_left_alone(tmp_path: Path, small_run: list[str]) -> None:
    """Another trainer's checkpoints have the same names as ours."""
    precious = tmp_path / "checkpoint-500" / "model.safetensors"
    precious.parent.mkdir()
    precious.touch()
    for settings in (small_run, [*small_run, "data.possession.people=1"]):
        with pytest.raises(ConfigError, match="something else than a run"):
            train(load_config("demo", settings), tmp_path, Control(resume=True))
    assert precious.exists()


@pytest.mark.parametrize(("select_by", "kept", "f1"), [("f1", 2, 90.0), ("last", 4, 10.0)])
def test_the_selected_checkpoint_is_loaded_whole(
    tmp_path: Path, small_run: list[str], monkeypatch: pytest.MonkeyPatch, select_by: str, kept: int, f1: float
) -> None:
    scores = iter([90.0, 10.0])
    for where in ("trainer", "measure"):
        monkeypatch.setattr(f"anzan.training.{where}.evaluate", lambda *_: {"f1": next(scores, 0.0)})
    settings = [*small_run, "train.epochs=2", "train.evaluations=2", "train.learning_rate=0.1"]
    reader, result = train(load_config("demo", [*settings, f"train.select_by={select_by}"]), tmp_path / "run")
    assert result["dev_metrics"]["f1"] == f1
    saved = Reader.load(tmp_path / "run" / f"checkpoint-{kept}")
    torch.testing.assert_close(reader.model.state_dict(), saved.model.state_dict(), rtol=0, atol=0)
