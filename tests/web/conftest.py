"""A reader with random weights behind the page."""

from pathlib import Path

import pytest

from anzan.reader.reader import Reader, features_for
from anzan.training.settings import ModelConfig
from anzan.training.trainer import new_model


@pytest.fixture(scope="session")
def reader(random_encoder: Path) -> Reader:
    model, tokenizer = new_model(ModelConfig(encoder=str(random_encoder)))
    return Reader(model, features_for(model, tokenizer))
