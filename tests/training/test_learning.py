"""What a reader learns in a minute from the encoder that comes with anzan, judged by the gold arguments."""

from pathlib import Path

import pytest

from anzan.presets import load_config
from anzan.training.run import train


@pytest.mark.slow
def test_arguments_are_learned_from_answers_alone_within_two_thousand_problems(tmp_path: Path) -> None:
    size = {"train_size": 2000, "eval_size": 200}
    small = [*(f"data.possession.{k}={v}" for k, v in size.items()), "train.time_limit=null", "train.evaluations=1"]
    _, result = train(load_config("demo", small), tmp_path / "run")
    # One of ten pairs is right: chance is 10.
    assert result["metrics"]["by_kind"]["max"]["argument_accuracy"] > 85
