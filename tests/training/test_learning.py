"""What a reader learns in a minute from the encoder that comes with anzan, judged by the gold arguments."""

from pathlib import Path

import pytest

from anzan.evaluation import evaluate_tool_use, predict
from anzan.presets import load_config
from anzan.reader.symbols import SymbolIds
from anzan.training.data import draw
from anzan.training.run import train


@pytest.mark.slow
def test_arguments_are_learned_from_answers_alone_within_two_thousand_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And answers depend neither on the symbols that numbers get nor on which of two people owns which number."""
    size = {"train_size": 2000, "eval_size": 200}
    small = [*(f"data.possession.{k}={v}" for k, v in size.items()), "train.time_limit=null", "train.evaluations=1"]
    config = load_config("demo", small)
    reader, result = train(config, tmp_path / "run")
    # One of ten pairs is right: chance is 10.
    assert result["metrics"]["by_kind"]["max"]["argument_accuracy"] > 85
    assert config.data.possession is not None
    problems = draw(config.data.possession, "eval")
    consistency = evaluate_tool_use(reader, problems)["consistency"]
    assert consistency is not None and consistency > 85
    answers, number = [a.answer for a in predict(reader, problems)], SymbolIds.number
    for further in (1, 5, 40):
        monkeypatch.setattr(SymbolIds, "number", lambda ids, i, kind, by=further: number(ids, i + by, kind))
        dealt = [a.answer for a in predict(reader, problems)]
        assert sum(a == b for a, b in zip(answers, dealt, strict=True)) >= 0.97 * len(problems)
