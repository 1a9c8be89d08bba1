"""The paper's tables in several processes: the same results as one after the other."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from anzan.paper import plan, reproduce
from anzan.paper.engines import reproduce_in_processes
from anzan.tasks.fields import DataError
from anzan.training.pause import SliceOver


def quiet() -> Console:
    return Console(file=io.StringIO())


@pytest.mark.slow  # starts processes, each of which imports torch
def test_several_at_a_time(tmp_path: Path, random_encoder: Path) -> None:
    changes = [f"model.encoder={random_encoder}"]
    runs = plan("table3", "smoke", ["span"], ["plain/max", "plain/argmax"], [0], changes)
    places = tmp_path / "runs", tmp_path / "results"
    with pytest.raises(SliceOver, match="not started"):
        reproduce_in_processes(runs, *places, quiet(), 2, minutes=0)
    log = quiet()
    written = reproduce_in_processes(runs, *places, log, 2)
    alone = reproduce(runs, tmp_path / "alone", tmp_path / "alone-results", quiet())
    for ours, one_by_one in zip(sorted(written), sorted(alone), strict=True):
        assert ours.relative_to(places[1]) == one_by_one.relative_to(tmp_path / "alone-results")
        a, b = (json.loads(p.read_text(encoding="utf-8")) for p in (ours, one_by_one))
        assert (
            a["config"] == b["config"] and a["command"] == b["command"] and a["metrics"].keys() == b["metrics"].keys()
        )
    for run in runs:
        assert f"{run.name}: done" in log.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
        assert "step 3/3" in (places[0] / f"{run.name}.log").read_text(encoding="utf-8")
    assert reproduce_in_processes(runs, *places, quiet(), 2) == []
    broken = plan("table1", "smoke", ["span"], [], [0], [*changes, f"data.train={tmp_path}/none.jsonl"])
    with pytest.raises(DataError, match="no such file"):
        reproduce_in_processes(broken, *places, quiet(), 2)
