"""The paper's tables at smoke scale: what is run, resumed, measured and written."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from anzan.evaluation import evaluate, evaluate_under, follow_rate
from anzan.evaluation.interventions import blanked, wrong_results
from anzan.paper import CELLS, draw_figure2, plan, reproduce, write_page
from anzan.paper.tables import possession_of
from anzan.reader.reader import Reader
from anzan.settings import ConfigError
from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import Problem, write_problems
from anzan.training.data import draw
from anzan.training.pause import Control, SliceOver


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_a_cell_is_run_once_in_sessions_and_gets_on_the_page(tmp_path: Path, random_encoder: Path) -> None:
    changes = [f"model.encoder={random_encoder}"]
    runs = plan("table3", "smoke", ["faithful"], ["plain/max"], [0], changes)
    places = tmp_path / "runs", tmp_path / "results"
    with pytest.raises(SliceOver, match="1 of 3 steps"):
        reproduce(runs, *places, quiet(), Control(minutes=1e-6))
    (written,) = reproduce(runs, *places, quiet())
    result = json.loads(written.read_text(encoding="utf-8"))
    assert written.relative_to(tmp_path / "results").parts[:3] == ("table3", "plain", "max")
    assert written.name == f"faithful-{random_encoder.name}-smoke-0.json"
    assert (result["recipe"], result["train_cells"], result["train_steps"]) == ("faithful", ["plain/max"], 3)
    assert (result["people"], result["digits"], result["eval_size"]) == (3, 3, 24)
    assert {"f1", "argument_accuracy", "f1_blanked", "f1_wrong_results", "follow_rate"} <= set(result["metrics"])
    assert result["metrics"]["leading_digit_guessing"] is not None
    # The calculator is called once for all of them; one by one they come out the same.
    reader, problems = Reader.load(places[0] / runs[0].name), draw(possession_of(runs[0].config), "eval")
    one_by_one = evaluate(reader, problems) | {"follow_rate": follow_rate(reader, problems)}
    interventions = [blanked(), wrong_results(reader.text_encoder)]
    for name, figures in evaluate_under(reader, problems, interventions).items():
        one_by_one |= {f"{k}_{name}": figures[k] for k in ("f1", "em")}
    free = generate(Possession(people=3, digits=3, questions=("max",), draw="free"), 24, 0, "eval")
    figures = evaluate(reader, free)
    one_by_one |= {f"{k}_free": figures[k] for k in ("f1", "em", "argument_accuracy", "n")}
    assert {k: result["metrics"][k] for k in one_by_one} == one_by_one
    # A result equals the answer by accident alone where nothing has to be calculated; numbers have three digits here.
    assert result["labelled_share"] < 10
    before = written.stat().st_mtime_ns
    assert reproduce(runs, *places, quiet()) == [] and written.stat().st_mtime_ns == before

    page = tmp_path / "results.md"
    write_page(tmp_path / "results", page)
    assert result["command"].endswith(f" --seed 0 {changes[0]}")
    paper, ours = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    assert paper.startswith("| the paper's model | bert-base-uncased |  |  | 99.5 | 1.8 |")
    assert ours.startswith(f"| faithful | {random_encoder.name}, smoke | 1 | 0 |")


def test_one_model_for_all_cells_and_the_baseline(tmp_path: Path, random_encoder: Path) -> None:
    places = tmp_path / "runs", tmp_path / "results"
    changes = [f"model.encoder={random_encoder}"]
    joint = reproduce(plan("table3", "smoke", ["faithful-joint"], [], [0], changes), *places, quiet())
    assert len(joint) == 6 and len(list((tmp_path / "runs").rglob("result.json"))) == 1
    cells = [json.loads(p.read_text(encoding="utf-8")) for p in joint]
    assert {c["cell"] for c in cells} == set(CELLS) and all(c["train_cells"] == list(CELLS) for c in cells)
    # Max questions are half of all, a transfer has half of those, and in half of those again its party wins.
    assert all(8 < c["labelled_share"] < 20 for c in cells)
    for table in ("table3", "table4"):
        (path,) = reproduce(plan(table, "smoke", ["span"], ["transfer/argmax"], [0], changes), *places, quiet())
        metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
        assert "follow_rate" not in metrics and "argument_accuracy" not in metrics
        assert "f1_free" in metrics and "argument_accuracy_free" not in metrics
        assert metrics["role_guessing"] is not None
    write_page(tmp_path / "results", tmp_path / "page.md")
    lines = (tmp_path / "page.md").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.startswith("| span |")]) == 3  # two tables of Table 3, one of Table 4
    (baseline,) = [line for line in lines if line.startswith("| the paper's baseline |")]  # in Table 4 alone
    assert "| 72.0 |" in baseline


def test_two_transfers_and_a_comparison_are_three_calls(tmp_path: Path, random_encoder: Path) -> None:
    runs = plan("two-transfers", "smoke", ["faithful"], [], [0], [f"model.encoder={random_encoder}"])
    (path,) = reproduce(runs, tmp_path / "runs", tmp_path / "results", quiet())
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["config"]["model"]["calls"] == 3 and result["metrics"]["follow_rate"] is None
    assert result["metrics"]["argument_accuracy"] is not None and result["metrics"]["role_guessing"] is not None


def test_figure_2_is_drawn_from_the_model_of_table_3(tmp_path: Path, random_encoder: Path) -> None:
    runs = plan("figure2", "smoke", ["paper"], [], [0], [f"model.encoder={random_encoder}"])
    assert [r.name for r in runs] == [f"table3/plain/argmax/paper-{random_encoder.name}-smoke-0"]
    (tmp_path / "docs").mkdir()
    reproduce(runs, tmp_path / "runs", tmp_path / "results", quiet())
    written = draw_figure2(runs, tmp_path / "runs", tmp_path / "docs")
    assert [p.suffix for p in written] == [".png", ".html"] and all(p.stat().st_size > 1000 for p in written)
    write_page(tmp_path / "results", tmp_path / "docs" / "results.md")
    page = (tmp_path / "docs" / "results.md").read_text(encoding="utf-8")
    assert all(f"({p.name})" in page for p in written)


def test_table_1_reads_the_users_file(tmp_path: Path, random_encoder: Path) -> None:
    def problem(i: int, question: str, answer: str) -> Problem:
        town = "abcdefghijklmnopqrst"[i]
        passage = f"In {town}-town live Serbs ({500 + i} inhabitants) and Turks ({300 + i}). Nobody else came."
        return Problem(f"q{i}-{answer}", passage, question, ((answer,),))

    problems = [p for i in range(20) for p in (
        problem(i, "Which group is larger: Serbs or Turks?", "Serbs"),
        problem(i, "How many more Serbs than Turks live there?", "200"),
    )]  # fmt: skip
    data = tmp_path / "drop.jsonl"
    write_problems([*problems, problem(0, "Where do they live?", "a-town")], data)
    changes = [f"model.encoder={random_encoder}", f"data.train={data}", "data.eval_share=0.5"]
    places = tmp_path / "runs", tmp_path / "results"
    for recipe in ("paper", "faithful-joint", "span"):
        (path,) = reproduce(plan("table1", "smoke", [recipe], [], [0], changes), *places, quiet())
        result = json.loads(path.read_text(encoding="utf-8"))
        assert path.relative_to(tmp_path / "results").parts[:2] == ("table1", "comparison")
        metrics = result["metrics"]
        assert (metrics["n"], metrics["n_swappable"], metrics["n_difference"]) == (10, 10, 10)
        assert metrics["f1"] == metrics["f1_swappable"] and ("f1_blanked" in metrics) == (recipe != "span")
        assert result["people"] is None and "--cell" not in result["command"]
        assert result["labelled_share"] == (None if recipe == "span" else 50)  # every difference, no comparison
    write_page(tmp_path / "results", tmp_path / "page.md")
    rows = [line for line in (tmp_path / "page.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1 and len(rows) == 6  # as many cells in every row
    with pytest.raises(ConfigError, match="reads DROP from a file"):
        plan("table1", "smoke", ["paper"], [], [0], [])
    with pytest.raises(ConfigError, match="leave --cell out"):
        plan("table1", "smoke", ["paper"], ["plain/max"], [0], changes)
