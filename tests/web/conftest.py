"""A reader with random weights behind the page."""

from pathlib import Path

import pytest

from anzan.experiments.config import ModelConfig
from anzan.experiments.training import new_model
from anzan.reader.answers import Reader, features_for


@pytest.fixture(scope="session")
def reader(random_encoder: Path) -> Reader:
    model, tokenizer = new_model(ModelConfig(encoder=str(random_encoder)))
    return Reader(model, features_for(model, tokenizer))
