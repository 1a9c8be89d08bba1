"""The problems of a run, drawn."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from anzan.arithmetic.calculator import Calculator
from anzan.reader.encode import Features
from anzan.reader.encoders import TINY, locate_encoder
from anzan.reader.tokenizer import load_tokenizer
from anzan.tasks.problem import Problem, write_problems
from anzan.training.curriculum import Item
from anzan.training.data import Examples, draw, load_splits, make_examples
from anzan.training.settings import ConfigError, DataConfig, PossessionData, load_config
from anzan.training.trainer import train


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


def test_a_share_of_the_training_problems_is_close() -> None:
    options = PossessionData(people=3, close_share=0.5, wide_share=0.25, gap=1.0, train_size=40, eval_size=40)
    gaps = [
        abs(a - b) / 10 ** (len(str(max(a, b))) - 1)
        for p in draw(options, "train")
        for a, b in [p.meta["quantities"].values()]
    ]
    assert sum(gap <= 0.05 for gap in gaps) >= 20 and max(gaps) > 1
    assert [p.passage for p in draw(options, "eval")] == [
        p.passage for p in draw(replace(options, close_share=0), "eval")
    ]


@pytest.mark.parametrize("name", ["wide_share", "close_share"])
def test_a_share_beyond_1_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"data.possession.{name}: give a share from 0 to 1, got 1.5"):
        draw(PossessionData(**{name: 1.5}), "train")
    with pytest.raises(ConfigError, match=r"data.possession.wide_share, close_share: give shares that make 1"):
        draw(PossessionData(wide_share=0.6, close_share=0.6), "train")


@pytest.mark.usefixtures("no_report")
def test_a_run_can_begin_with_wide_problems(
    tmp_path: Path, small_run: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    get = Examples.__getitem__

    def recording(self: Examples, item: Item) -> Any:
        seen.append(self.problems[item.example].meta["wide"])
        return get(self, item)

    monkeypatch.setattr(Examples, "__getitem__", recording)
    settings = ["data.possession.wide_share=0.5", "train.begin_with=[wide]", "train.begin_share=0.5"]
    train(load_config("faithful", [*small_run, "data.possession.people=3", *settings]), tmp_path)
    assert all(seen[:16]) and not all(seen[16:32])


def drop_like(path: Path) -> str:
    """Twenty passages with a question of each kind."""
    questions = ("Are there more cats or dogs?", "How many more cats than dogs?", "How many cats are there?")
    problems = [
        Problem(f"{i}-{j}", f"{i} cats, 5 dogs.", question, (("3",),))
        for i in range(20)
        for j, question in enumerate(questions)
    ]
    write_problems(problems, path)
    return str(path)


def test_splits_of_one_file_share_no_passage(tmp_path: Path) -> None:
    data = DataConfig(train=drop_like(tmp_path / "data.jsonl"), eval_share=0.2, dev_share=0.25)
    splits = load_splits(data, seed=0)
    passages = [{p.passage for p in split} for split in (splits.train, splits.dev, splits.eval)]
    assert [len(x) for x in passages] == [12, 4, 4] and len(set.union(*passages)) == 20
    assert sum(map(len, (splits.train, splits.dev, splits.eval))) == 60
    assert load_splits(data, seed=0) == splits != load_splits(data, seed=1)


THINGS = ("cups", "boxes")


def test_only_training_problems_are_distracted(tmp_path: Path) -> None:
    problems = [
        Problem(str(i), f"Ann has {i} pens . Bob has 90 {THINGS[i % 2]} .", "How many pens ?", ((f"{i}",),))
        for i in range(20)
    ]
    write_problems(problems, tmp_path / "data.jsonl")
    data = DataConfig(train=str(tmp_path / "data.jsonl"), eval_share=0.2, dev_share=0.25)
    plain, more = load_splits(data, seed=0), load_splits(replace(data, distracted=2), seed=0)
    assert (more.dev, more.eval, more.train[:12]) == (plain.dev, plain.eval, plain.train)
    for bad in replace(data, distracted=-1), DataConfig(possession=PossessionData(), distracted=1):
        with pytest.raises(ConfigError, match=r"data\.distracted: 0 or more"):
            load_splits(bad, seed=0)
    assert 12 < len(more.train) <= 36 and all(p.meta["distracted"] for p in more.train[12:])


def test_questions_are_selected_by_type_and_by_list(tmp_path: Path) -> None:
    path = drop_like(tmp_path / "data.jsonl")
    splits = load_splits(DataConfig(train=path, eval_share=0.2, questions=["difference"]), seed=0)
    assert {p.kind for p in (*splits.train, *splits.dev, *splits.eval)} == {"difference"}
    assert len(splits.eval) == 4
    (tmp_path / "ids").write_text("none")
    for options, fault in (
        ({"questions": ["sum"]}, "data.questions, data.ids: unknown type of question 'sum'"),
        ({"ids": str(tmp_path / "ids")}, "data.questions, data.ids: .*no question id in it"),
        ({"questions": ["complement"]}, "none of 60 problems is selected"),
        ({"eval_share": 1.0}, "data.eval_share: give a share from 0 to below 1, got 1.0"),
    ):
        with pytest.raises(ConfigError, match=fault):
            load_splits(DataConfig(train=path, **options), seed=0)


def test_a_null_control_sees_calculations_that_tell_nothing() -> None:
    features = Features(load_tokenizer(locate_encoder(TINY)), Calculator(("+", "-")))
    problems = [
        Problem(str(i), "Anna has 512 pens. Carl has 861.", "How many in all?", (("1373",),)) for i in range(200)
    ]
    true, control = (make_examples(problems, features, Console(quiet=True), wrong) for wrong in (False, True))
    assert true.example(0).acceptable == [True] and true.example(0).row_spans[0]
    signs = []
    for i in range(200):
        [row], example = control.example(i).rows, control.example(i)
        assert row is not None and example.text == true.example(i).text
        assert (example.acceptable, example.row_spans) == ([False], [[]])
        operands = [value for value, _, op in row.fields if op is None]
        assert all(100 <= value <= 999 for value in operands) and set(operands) != {512, 861}
        signs.append(row.printed.fields[3].value > 0)  # of 512 - 861, which alone would tell who has more
    assert 60 < sum(signs) < 140
    assert control.example(3) == control.example(3) and control.example(3).rows != control.example(4).rows


def test_a_null_control_needs_a_calculator(tmp_path: Path) -> None:
    for changes in (["model.operations=[]"], ["model.calls=2", "model.objective=unordered-set"]):
        with pytest.raises(ConfigError, match=r"train\.null_control: for models with one call"):
            train(
                load_config("paper", ["data.possession.train_size=16", "train.null_control=true", *changes]),
                tmp_path / "x",
            )


@pytest.mark.parametrize("setting", ["data.train=mine.jsonl", "data.eval=mine.jsonl", "data.questions=[difference]"])
def test_files_and_drawn_problems_are_not_mixed(setting: str) -> None:
    config = load_config("demo", [setting])
    with pytest.raises(ConfigError, match=rf"^{setting.partition('=')[0]} and data\.possession: give one"):
        load_splits(config.data, 0)
