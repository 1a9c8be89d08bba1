"""What each table trains and measures."""

import re

import pytest

from anzan.paper.page import PAPER
from anzan.paper.tables import CELLS, RECIPES, plan
from anzan.settings import ConfigError
from anzan.training.settings import PossessionSettings


def test_the_tables_are_the_paper_s() -> None:
    (joint,) = plan("table3", "laptop", ["faithful-joint"], [], [0], [])
    single = plan("table3", "laptop", ["paper"], [], [0, 1], [])
    assert [m.cell for m in joint.measurements] == list(CELLS) == list(PAPER["table3"])
    assert len({run.name for run in single}) == 12 and [len(r.measurements) for r in single] == [1] * 12
    for run in single:
        (m,), trained = run.measurements, run.config.data.possession
        assert m.data is not None and trained == m.data
        assert (m.data.people, m.data.digits, m.data.train_size, m.data.eval_size) == (10, [7], 20_000, 2_000)
        kind, _, questions = m.cell.partition("/")
        assert m.data.transfers == [int(kind == "transfer")] and set(m.data.questions) == set(questions.split("-"))
    shorter = plan("table4", "laptop", ["paper"], [], [0], [])
    assert [r.config.name.cell for r in shorter] == list(PAPER["table4"])
    for run in shorter:
        (m,), trained = run.measurements, run.config.data.possession
        assert trained is not None and trained.digits == [1, 6] and trained.transfers == [1]
        assert m.data is not None and (m.data.digits, m.data.questions) == ([7], ["argmax"])


def test_what_goes_beyond_the_tables() -> None:
    def plans(
        table: str, recipe: str = "faithful"
    ) -> list[tuple[str, PossessionSettings, list[tuple[str, PossessionSettings]]]]:
        runs = plan(table, "laptop", [recipe], [], [0], [])
        assert all(r.config.data.possession for r in runs)
        return [(r.name, r.config.data.possession, [(m.experiment, m.data) for m in r.measurements]) for r in runs]  # pyright: ignore

    table3 = plans("table3")
    more = plans("more-people")
    assert [name for name, *_ in more] == [name for name, *_ in table3]  # the same models
    assert all(data.people == 20 and experiment == "more-people" for *_, tests in more for experiment, data in tests)
    longer = plans("longer-numbers")
    assert [name for name, *_ in longer] == [name for name, *_ in plans("table4")]
    assert all(data.digits == [12] for *_, tests in longer for _, data in tests)
    ((_, trained, tests),) = plans("bias")
    assert trained.bias == {"role": 0.9} and [t.bias for _, t in tests] == [{"role": 0.9}, {"role": 0.1}]
    assert [n for n, *_ in tests] == ["bias", "bias-reversed"]
    sizes = plans("training-size", "span")
    assert [t.train_size for _, t, _ in sizes] == [500, 1000, 2000, 5000, 10_000]  # all of them is Table 3
    runs = plan("training-size", "laptop", ["span"], [], [0], [])
    assert {r.config.train.epochs * t.train_size for r, (_, t, _) in zip(runs, sizes, strict=True)} == {20_000}
    ((_, trained, [(_, tested)]),) = plans("two-transfers")
    assert (trained.transfers, tested.transfers) == ([1, 2], [2])
    ((_, trained, [(_, tested)]),) = plans("two-transfers", "paper")
    assert trained.transfers == tested.transfers == [2]
    calls = {r: plan("two-transfers", "laptop", [r], [], [0], [])[0].config.model.calls for r in RECIPES}
    assert calls == {"paper": 1, "span": 1, "faithful": 3, "faithful-joint": 3}
    for run in plan("no-argument-loss", "laptop", ["faithful"], [], [0], []):
        assert run.config.model.supervision.argument_loss == "none"
        assert run.measurements[0].cell.startswith("transfer/max")


def test_a_run_is_named_by_its_settings_and_its_command_leads_back() -> None:
    changes = ["train.bf16=true", "data.possession.bias={role: 0.9}"]
    (run,) = plan("longer-numbers", "smoke", ["paper"], ["transfer/max-argmax"], [3], changes)
    assert run.name == "table4/transfer/max-argmax/paper-anzan-tiny-smoke-3"
    assert run.command(run.measurements[0]) == (
        "anzan reproduce longer-numbers --scale smoke --recipe paper --cell transfer/max-argmax --seed 3 "
        "train.bf16=true 'data.possession.bias={role: 0.9}'"
    )


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
