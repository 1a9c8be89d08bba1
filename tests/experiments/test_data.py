"""The problems of a run, drawn."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from anzan.experiments.config import ConfigError, PossessionData, load_config
from anzan.experiments.data import Examples, draw
from anzan.experiments.training import train
from anzan.tasks.problem import Problem


def gap(problem: Problem) -> Fraction:
    """Of what the two asked own in the end, in units of what the leading digit of the lesser spans."""
    low, high = sorted(problem.meta["quantities"].values())
    return Fraction(high - low, 10 ** (len(str(low)) - 1))


def test_a_share_of_the_training_problems_is_wide() -> None:
    data = PossessionData(people=4, gap=0.2, wide_share=0.25, train_size=200, dev_size=50, eval_size=50)
    train_, dev, test = (draw(data, split) for split in ("train", "dev", "eval"))
    assert [len(x) for x in (train_, dev, test)] == [200, 50, 50]
    wide = [p for p in train_ if p.meta["wide"]]
    assert len(wide) == 50 and len({p.id for p in train_}) == 200
    assert sum(gap(p) > 1 for p in wide) > 25
    assert all(gap(p) < 2.1 for p in [*dev, *test, *(p for p in train_ if not p.meta["wide"])])
    assert not any(p.meta["wide"] for p in [*dev, *test])


def test_problems_without_a_transfer_are_what_they_were() -> None:
    data: dict[str, Any] = {"people": 3, "train_size": 40}
    assert draw(PossessionData(**data, transfer=[False], wide_share=0.5), "train") == draw(
        PossessionData(**data, transfer=[False]), "train"
    )
    both = draw(PossessionData(**data, transfer=[False, True], wide_share=0.5), "train")
    assert sum(p.meta["role"] is None for p in both) == 20
    assert sum(p.meta["role"] is not None and p.meta["wide"] for p in both) == 10


def test_a_share_beyond_1_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data.possession.wide_share: give a share from 0 to 1, got 1.5"):
        draw(PossessionData(wide_share=1.5), "train")


def test_a_run_can_begin_with_wide_problems(
    tmp_path: Path, small_run: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    get = Examples.__getitem__

    def recording(self: Examples, index: Any) -> Any:
        seen.append(self.problems[index[0]].meta["wide"])
        return get(self, index)

    monkeypatch.setattr(Examples, "__getitem__", recording)
    settings = ["data.possession.wide_share=0.5", "train.begin_with=[wide]", "train.begin_share=0.5"]
    train(load_config("faithful", [*small_run, "data.possession.people=3", *settings]), tmp_path)
    assert all(seen[:16]) and not all(seen[16:32])
