"""The committed results can be had again: their commands lead to the settings that they were measured with."""

import json
import shlex
from pathlib import Path

import pytest
import typer

from anzan.cli import app
from anzan.paper.page import write_page
from anzan.paper.tables import Measurement, plan
from anzan.training.results import result_path
from anzan.training.settings import RunConfig, load_config

ROOT = Path(__file__).parents[2]
RESULTS = {
    str(path.relative_to(ROOT)): result
    for path in sorted((ROOT / "results").rglob("*.json"))
    if "anzan reproduce" in (result := json.loads(path.read_text(encoding="utf-8"))).get("command", "")
}


def file_of(c: RunConfig, m: Measurement) -> Path:
    return result_path(ROOT / "results", m.experiment, m.cell, c.recipe, c.model.encoder, c.scale, c.train.seed)


@pytest.mark.parametrize("path", RESULTS)
def test_the_command_of_a_result_leads_to_its_settings(path: str, tmp_path: Path) -> None:
    program, name, *arguments = shlex.split(RESULTS[path]["command"])
    assert (program, name) == ("anzan", "reproduce")
    given = typer.main.get_command(app).commands[name].make_context(name, arguments).params  # pyright: ignore
    runs = plan(given["table"], given["scale"], given["recipe"], given["cell"], given["seed"], given["overrides"])
    [config] = [run.config for run in runs for m in run.measurements if file_of(run.config, m) == ROOT / path]
    # What had no setting yet when it was measured was off, as it is by default.
    (tmp_path / "then.yaml").write_text(json.dumps(RESULTS[path]["config"]), encoding="utf-8")
    assert config == load_config(str(tmp_path / "then.yaml"))


def test_the_page_is_written_from_the_results(tmp_path: Path) -> None:
    for figure in (ROOT / "docs").glob("figure2-*"):  # it names what lies beside it
        (tmp_path / figure.name).touch()
    write_page(ROOT / "results", tmp_path / "results.md")
    assert (tmp_path / "results.md").read_text(encoding="utf-8") == (ROOT / "docs" / "results.md").read_text("utf-8")
