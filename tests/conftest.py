"""Fixtures for tests that train: no network, no trained weights."""

import os
import signal
from pathlib import Path

# Before torch is imported: `make test` runs one process for each core.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

# A shell's background jobs ignore Ctrl-C, and so would every process that a test starts and stops with it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def random_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small encoder of anzan-tiny's architecture and tokenizer with random weights, as a folder."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    from anzan.reader.encoders import TINY, locate_encoder

    folder = tmp_path_factory.mktemp("random-encoder")
    tokenizer = AutoTokenizer.from_pretrained(locate_encoder(TINY))
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(
        locate_encoder(TINY),
        hidden_size=16,
        head_dim=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=256,
    )
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_run(random_encoder: Path) -> list[str]:
    """Overrides of a possession preset that make a run of two steps."""
    data = {"train_size": 32, "eval_size": 10}
    return [
        f"model.encoder={random_encoder}",
        *(f"data.possession.{name}={size}" for name, size in data.items()),
        "train.batch_size=16",
        "train.epochs=1",
        "train.warm_start=0",  # an encoder of random weights reads nothing
    ]


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs draw no learning curves and make no audit: both take longer than a few steps of training."""
    from anzan.evaluation.reader_audit import NothingToAudit

    def nothing(*_: object) -> None:
        raise NothingToAudit

    monkeypatch.setattr("anzan.training.publish.learning_curves", lambda history, path, title: path.touch())
    monkeypatch.setattr("anzan.training.measure.audit_reader", nothing)
