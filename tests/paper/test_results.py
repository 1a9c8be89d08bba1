"""The committed results can be reproduced: their commands lead to the settings that they were measured with."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from anzan.cli import app
from anzan.paper.page import write_page
from anzan.paper.tables import plan
from anzan.presets import load_config
from anzan.settings import from_mapping
from anzan.training.results import result_path
from anzan.training.settings import RunConfig

ROOT = Path(__file__).parents[2]
RESULTS = {
    str(path.relative_to(ROOT)): result
    for path in sorted((ROOT / "results").rglob("*.json"))
    if "config" in (result := json.loads(path.read_text(encoding="utf-8")))
}


def runs_of(name: str, given: dict[str, Any]) -> dict[Path, RunConfig]:
    """The result files that a command writes, and the settings of each."""
    if name == "reproduce":
        runs = plan(given["table"], given["scale"], given["recipe"], given["cell"], given["seed"], given["overrides"])
        return {run.result_path(m, ROOT / "results"): run.config for run in runs for m in run.measurements}
    config = load_config(given.get("preset", "demo"), given["overrides"] or [])
    return {result_path(ROOT / "results", config.name, config.model.encoder, config.train.seed): config}


@pytest.mark.parametrize("path", RESULTS)
def test_the_command_of_a_result_leads_to_its_settings(path: str) -> None:
    program, name, *arguments = shlex.split(RESULTS[path]["command"])
    assert program == "anzan"
    given = typer.main.get_command(app).commands[name].make_context(name, arguments).params  # pyright: ignore
    # A setting that is newer than the file has its default there.
    settings = from_mapping(RunConfig, RESULTS[path]["config"])
    assert runs_of(name, given)[ROOT / path].to_dict() == settings.to_dict()


def test_the_page_is_written_from_the_results(tmp_path: Path) -> None:
    for figure in (ROOT / "docs").glob("figure2-*"):  # the page links to the figures in its folder
        (tmp_path / figure.name).touch()
    write_page(ROOT / "results", tmp_path / "results.md")
    assert (tmp_path / "results.md").read_text(encoding="utf-8") == (ROOT / "docs" / "results.md").read_text("utf-8")
