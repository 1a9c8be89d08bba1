"""The paper's tables at smoke scale: what is planned, run, resumed and written."""

import io
import json
import re
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

import anzan.paper.run
from anzan.evaluation.interventions import follow_rate, tampered
from anzan.evaluation.predict import evaluate
from anzan.paper.local import reproduce_side_by_side
from anzan.paper.page import PAPER, write_page
from anzan.paper.run import draw_figure2, reproduce
from anzan.paper.tables import CELLS, RECIPES, plan, possession_of
from anzan.reader.reader import Reader
from anzan.tasks.fields import DataError
from anzan.tasks.problem import Problem, write_problems
from anzan.training.data import draw
from anzan.training.pause import SliceOver
from anzan.training.settings import ConfigError, PossessionData

pytestmark = pytest.mark.usefixtures("no_report")


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_the_tables_are_the_paper_s() -> None:
    (joint,) = plan("table3", "laptop", ["faithful-joint"], [], [0], [])
    single = plan("table3", "laptop", ["paper"], [], [0, 1], [])
    assert [m.cell for m in joint.measurements] == list(CELLS) == list(PAPER["table3"])
    assert len({run.name for run in single}) == 12 and [len(r.measurements) for r in single] == [1] * 12
    for run in single:
        (m,), trained = run.measurements, run.config.data.possession
        assert trained == m.data and (m.data.people, m.data.digits, m.data.train_size, m.data.eval_size) == (
            10,
            7,
            20_000,
            2_000,
        )
        kind, _, questions = m.cell.partition("/")
        assert m.data.transfer == [kind == "transfer"] and set(m.data.questions) == set(questions.split("-"))
    shorter = plan("table4", "laptop", ["paper"], [], [0], [])
    assert [r.config.cell for r in shorter] == list(PAPER["table4"])
    for run in shorter:
        (m,), trained = run.measurements, run.config.data.possession
        assert trained is not None and trained.max_digits == 6 and trained.transfer == [True]
        assert (m.data.max_digits, m.data.digits, m.data.questions) == (None, 7, ["argmax"])


def test_what_goes_beyond_the_tables() -> None:
    def plans(
        table: str, recipe: str = "faithful"
    ) -> list[tuple[str, PossessionData, list[tuple[str, PossessionData]]]]:
        runs = plan(table, "laptop", [recipe], [], [0], [])
        assert all(r.config.data.possession for r in runs)
        return [(r.name, r.config.data.possession, [(m.experiment, m.data) for m in r.measurements]) for r in runs]  # pyright: ignore

    table3 = plans("table3")
    more = plans("more-people")
    assert [name for name, *_ in more] == [name for name, *_ in table3]  # the same models
    assert all(data.people == 20 and experiment == "more-people" for *_, tests in more for experiment, data in tests)
    longer = plans("longer-numbers")
    assert [name for name, *_ in longer] == [name for name, *_ in plans("table4")]
    assert all((data.digits, data.max_digits) == (12, None) for *_, tests in longer for _, data in tests)
    ((_, trained, tests),) = plans("bias")
    assert trained.bias == {"role": 0.9} and [t.bias for _, t in tests] == [{"role": 0.9}, {"role": 0.1}]
    assert [n for n, *_ in tests] == ["bias", "bias-reversed"]
    sizes = plans("training-size", "span")
    assert [t.train_size for _, t, _ in sizes] == [500, 1000, 2000, 5000, 10_000]  # all of them is Table 3
    runs = plan("training-size", "laptop", ["span"], [], [0], [])
    assert {r.config.train.epochs * t.train_size for r, (_, t, _) in zip(runs, sizes, strict=True)} == {20_000}
    ((_, trained, [(_, tested)]),) = plans("two-transfers")
    assert trained == tested and trained.transfers == 2
    calls = {r: plan("two-transfers", "laptop", [r], [], [0], [])[0].config.model.calls for r in RECIPES}
    assert calls == {"paper": 1, "span": 1, "faithful": 2, "faithful-joint": 2}
    for run in plan("no-argument-loss", "laptop", ["faithful"], [], [0], []):
        assert run.config.model.argument_loss == "none" and run.measurements[0].cell.startswith("transfer/max")


def test_a_cell_is_run_once_in_slices_and_lands_on_the_page(tmp_path: Path, random_encoder: Path) -> None:
    changes = [f"model.encoder={random_encoder}"]
    runs = plan("table3", "smoke", ["faithful"], ["plain/max"], [0], changes)
    places = tmp_path / "runs", tmp_path / "results"
    with pytest.raises(SliceOver, match="1 of 3 steps"):
        reproduce(runs, *places, quiet(), minutes=1e-6)
    (written,) = reproduce(runs, *places, quiet(), command=f" {changes[0]}")
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
    for name, figures in tampered(reader, problems).items():
        one_by_one |= {f"{k}_{name}": figures[k] for k in ("f1", "em")}
    assert {k: result["metrics"][k] for k in one_by_one} == one_by_one
    # A result equals the answer by accident alone where nothing has to be calculated; numbers have three digits here.
    assert result["labelled_share"] < 10
    before = written.stat().st_mtime_ns
    assert reproduce(runs, *places, quiet()) == [] and written.stat().st_mtime_ns == before

    page = tmp_path / "results.md"
    write_page(tmp_path / "results", page)
    text = page.read_text(encoding="utf-8")
    assert result["command"] in text
    assert re.search(
        rf"\| plain/max \| faithful \| 1 \| 64, \d+ % \| 99.5 / 1.8 \| {result['metrics']['f1']:.2f} \|", text
    )


@pytest.mark.slow  # processes of their own, each of which imports torch
def test_side_by_side(tmp_path: Path, random_encoder: Path) -> None:
    changes = [f"model.encoder={random_encoder}"]
    runs = plan("table3", "smoke", ["span"], ["plain/max", "plain/argmax"], [0], changes)
    places = tmp_path / "runs", tmp_path / "results"
    with pytest.raises(SliceOver, match="not begun"):
        reproduce_side_by_side(runs, *places, quiet(), 2, minutes=0)
    log = quiet()
    written = reproduce_side_by_side(runs, *places, log, 2)
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
    assert reproduce_side_by_side(runs, *places, quiet(), 2) == []
    broken = plan("table1", "smoke", ["span"], [], [0], [*changes, f"data.train={tmp_path}/none.jsonl"])
    with pytest.raises(DataError, match="no such file"):
        reproduce_side_by_side(broken, *places, quiet(), 2)


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
        assert metrics["role_guessing"] is not None
    write_page(tmp_path / "results", tmp_path / "page.md")
    rows = [line for line in (tmp_path / "page.md").read_text(encoding="utf-8").splitlines() if "| span |" in line]
    assert ["| 72.0 / - |" in row for row in rows] == [False, True]  # the paper has a baseline in Table 4 alone


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """The labelled share is estimated from a few problems, where a test does not look at it."""
    monkeypatch.setattr(anzan.paper.run, "_labelled_share", partial(anzan.paper.run._labelled_share, sample=20))


@pytest.mark.usefixtures("small_sample")
def test_two_transfers_are_a_chain_of_two_calls(tmp_path: Path, random_encoder: Path) -> None:
    runs = plan("two-transfers", "smoke", ["faithful"], [], [0], [f"model.encoder={random_encoder}"])
    (path,) = reproduce(runs, tmp_path / "runs", tmp_path / "results", quiet())
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["config"]["model"]["calls"] == 2 and result["metrics"]["follow_rate"] is None
    assert result["metrics"]["argument_accuracy"] is not None and result["metrics"]["role_guessing"] is not None


@pytest.mark.usefixtures("small_sample")
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


def test_the_page_goes_by_size_and_names_the_device_of_each_command(tmp_path: Path) -> None:
    def measured(size: int, device: str, parameters: int = 1000) -> None:
        folder = tmp_path / "results" / "training-size" / str(size)
        folder.mkdir(parents=True)
        result = {
            "experiment": f"training-size/{size}", "cell": "plain/max", "recipe": "span", "scale": "laptop",
            "encoder": "tiny", "parameters": parameters, "train_size": size, "device": device,
            "metrics": {"f1": size / 1000}, "command": f"anzan of {size}",
        }  # fmt: skip
        (folder / "span.json").write_text(json.dumps(result), encoding="utf-8")

    page = tmp_path / "page.md"

    def lines() -> list[str]:
        write_page(tmp_path / "results", page)
        return page.read_text(encoding="utf-8").splitlines()

    measured(10_000, "a CPU")
    measured(500, "a CPU")
    assert "### laptop: tiny, 1,000 parameters, a CPU" in lines() and "anzan of 500" in lines()
    measured(2_000, "a GPU")
    assert [line.split("|")[6].strip() for line in lines() if "plain/max" in line] == ["0.50", "2.00", "10.00"]
    assert "### laptop: tiny, 1,000 parameters, a CPU and a GPU" in lines()
    assert {"anzan of 500  # a CPU", "anzan of 2000  # a GPU"} <= set(lines())
    measured(1_000, "a CPU", 1024)
    assert "### laptop: tiny, 1,000 to 1,024 parameters, a CPU and a GPU" in lines()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("table5", "smoke", ["paper"], []), "table5: unknown; choose among table1, table3, table4, figure2, bias"),
        (("table3", "huge", ["paper"], []), "--scale huge: unknown; choose among smoke, laptop, paper"),
        (("table3", "smoke", ["honest"], []), "--recipe honest"),
        (("table3", "smoke", ["paper"], ["plain"]), "--cell plain: unknown; choose among plain/argmax"),
    ],
)
def test_what_cannot_be_reproduced(arguments: tuple, hint: str) -> None:
    table, scale, recipes, cells = arguments
    with pytest.raises(ConfigError, match=re.escape(hint)):
        plan(table, scale, recipes, cells, [0], [])


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
