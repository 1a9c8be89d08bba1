"""The paper's tables as tasks of Ray, with a worker that is lost on the way."""

import io
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from anzan.paper import plan, reproduce
from anzan.paper.engines.ray import _share, reproduce_on_ray
from anzan.settings import ConfigError
from anzan.tasks.fields import DataError

MARK = "ANZAN_TEST_ON_RAY"


def workers(mark: str) -> set[int]:
    """The processes in which Ray runs a cell of this test."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            ours = f"{MARK}={mark}".encode() in (path.parent / "environ").read_bytes()
            if ours and path.read_bytes().startswith(b"ray::_run"):
                found.add(int(path.parent.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds a worker by its name in /proc")
def test_a_lost_worker_s_cell_is_tried_again_and_none_runs_twice(
    tmp_path: Path, random_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    changes = [f"model.encoder={random_encoder}", "train.epochs=7.5", "train.evaluations=30"]
    runs = plan("table3", "smoke", ["span"], ["plain/max", "plain/argmax"], [0], changes)
    places = tmp_path / "runs", tmp_path / "results"
    killed: list[int] = []
    monkeypatch.setenv(MARK, str(tmp_path))

    def kill_one() -> None:
        until = time.monotonic() + 300
        while not killed and time.monotonic() < until:
            if list(places[0].rglob("checkpoint-4/whole")) and (there := workers(str(tmp_path))):
                killed.append(min(there))
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    log = Console(file=io.StringIO())
    written = reproduce_on_ray(runs, *places, log, 1)
    killer.join()
    assert killed and len(written) == 2
    logs = [(places[0] / f"{run.name}.log").read_text(encoding="utf-8").split(f"{run.name}\n")[1:] for run in runs]
    assert sorted(map(len, logs)) == [1, 2]  # the one that was killed, once more
    second = max(logs, key=len)[1]
    assert int(re.findall(r"step (\d+)/60", second)[0]) > 4  # from its checkpoint
    alone = reproduce(runs, tmp_path / "alone", tmp_path / "alone-results", log)
    for ours, one_by_one in zip(sorted(written), sorted(alone), strict=True):
        a, b = (json.loads(p.read_text(encoding="utf-8")) for p in (ours, one_by_one))
        assert a["config"] == b["config"] and a["metrics"] == b["metrics"]
    before = [p.stat().st_mtime_ns for p in written]
    assert reproduce_on_ray(runs, *places, log, 1) == [] and [p.stat().st_mtime_ns for p in written] == before
    broken = plan("table1", "smoke", ["span"], [], [0], [*changes, f"data.train={tmp_path}/none.jsonl"])
    with pytest.raises(DataError, match="no such file"):
        reproduce_on_ray(broken, *places, log, 1)


def test_a_run_has_its_share_of_one_machine() -> None:
    def share(jobs: int, *machines: dict[str, float]) -> tuple[int, int]:
        found = _share([{"Alive": True, "Resources": m} for m in machines], jobs)
        return found["num_cpus"], found["num_gpus"]

    eight, gpu = {"CPU": 8.0}, {"CPU": 4.0, "GPU": 2.0}
    assert share(1, eight, eight, eight, eight) == (8, 0)  # not 32, which no machine has
    assert share(2, eight) == (4, 0) and share(12, eight) == (1, 0)
    assert share(1, eight, gpu) == (4, 1)  # beside a GPU
    with pytest.raises(ConfigError, match="no machine of the cluster"):
        _share([{"Alive": False, "Resources": eight}], 1)
