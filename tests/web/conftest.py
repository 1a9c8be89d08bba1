"""A reader with random weights behind the page."""

from pathlib import Path

import pytest

from anzan.reader.reader import Reader
from anzan.training import ModelSettings, new_model


@pytest.fixture(scope="session")
def reader(random_encoder: Path) -> Reader:
    return Reader(*new_model(ModelSettings(encoder=str(random_encoder))))
