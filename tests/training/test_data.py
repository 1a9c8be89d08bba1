"""The problems of a run, drawn."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from anzan.arithmetic.calculator import Calculator
from anzan.errors import AnzanError
from anzan.presets import load_config
from anzan.reader.encode import TextEncoder
from anzan.reader.encoders import TINY, locate_encoder
from anzan.reader.tokenizer import load_tokenizer
from anzan.settings import ConfigError
from anzan.tasks.possession import Possession, facts_of, generate
from anzan.tasks.problem import Problem, write_problems
from anzan.training.data import draw, draw_free, load_splits, make_examples
from anzan.training.null_examples import NullExamples, null_control
from anzan.training.run import train
from anzan.training.settings import DataSettings, PossessionSettings


def digest_of(problems: list[Problem]) -> str:
    lines = [
        json.dumps(
            [p.id, p.passage, p.question, p.answers, [[*map(str, s)] for s in p.arguments or ()], p.kind, p.meta]
        )
        for p in problems
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def test_balanced_problems_are_those_of_before_the_free_draw() -> None:
    """Byte for byte; the digests were made by commit 138da80, of `meta` without what later went."""
    data = PossessionSettings(transfers=[0, 1], gap=1.0, train_size=300, eval_size=200)
    assert {split: digest_of(draw(data, split)) for split in ("train", "dev", "eval")} == {
        "train": "c14c706a74b07d79",
        "dev": "1787810af4654a27",
        "eval": "76f3fc429e0caa07",
    }


def test_free_problems_are_those_of_the_generator() -> None:
    data = PossessionSettings(people=5, digits=[1, 6], gap=1.0, train_size=60, eval_size=20, draw="free")
    options = Possession(people=5, max_digits=6, transfers=1, questions=("argmax", "max"), draw="free")
    for split, size in {"train": 60, "dev": 8, "eval": 20}.items():
        assert draw(data, split) == generate(options, size, 0, split)
    assert draw_free(data) == draw(data, "eval")


@pytest.mark.parametrize("transfers", [[1], [0, 1], [2]])
def test_both_draws_take_turns_in_training(transfers: list[int]) -> None:
    data: dict[str, Any] = {"transfers": transfers, "gap": 1.0, "eval_size": 20}
    both = PossessionSettings(**data, train_size=41, draw="both")
    problems = draw(both, "train")
    joined = [facts_of(p).joined for p in problems]
    assert joined == [i % 2 == 1 for i in range(41)] and len({p.id for p in problems}) == 41
    assert problems[0::2] == draw(PossessionSettings(**data, train_size=21), "train")
    assert problems[1::2] == draw(PossessionSettings(**data, train_size=20, draw="free"), "train")
    for split in ("dev", "eval"):
        assert draw(both, split) == draw(PossessionSettings(**data, train_size=41), split)
    splits = load_splits(DataSettings(possession=both), seed=0)
    assert (splits.train, splits.eval) == (problems, draw(both, "eval"))


def test_what_is_measured_on_free_problems_is_not_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PossessionSettings(people=3, train_size=40, eval_size=10, draw="both")
    monkeypatch.setattr("anzan.training.data.draw_free", lambda _: draw(data, "train")[1:2])
    with pytest.raises(AnzanError, match="are the same problem"):
        load_splits(DataSettings(possession=data), seed=0)


@pytest.mark.parametrize(("eval_size", "free"), [(20, 20), (3000, 1000)])
def test_free_problems_beside_balanced_ones(eval_size: int, free: int) -> None:
    data = PossessionSettings(people=3, transfers=[0, 1], questions=["max"], bias={"name": 0.9}, eval_size=eval_size)
    problems = draw_free(data)
    assert len(problems) == free
    assert all(facts_of(p).joined and len(facts_of(p).initial) == 3 and p.kind == "max" for p in problems)
    assert [len(facts_of(p).transfers) for p in problems[:6]] == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(("train_size", "dev_size"), [(64, 8), (3000, 100), (20_000, 300)])
def test_the_development_split_has_a_thirtieth_of_the_training_problems(train_size: int, dev_size: int) -> None:
    assert PossessionSettings(train_size=train_size).dev_size == dev_size


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("transfers=[]", r"transfers: 0, 1 or 2, or several of them, such as \[0, 1\], got \[\]"),
        ("transfers=[1, 1]", r"transfers: 0, 1 or 2, .*, got \[1, 1\]"),
        ("transfers=3", r"transfers: 0, 1 or 2, .*, got \[3\]"),
        ("draw=fair", "draw: 'fair' is unknown; choose among balanced, free, both"),
        ("digits=[2, 6]", r"digits: a number, or a range from 1 such as \[1, 6\], got \[2, 6\]"),
    ],
)
def test_settings_of_problems_that_cannot_be_used(override: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=rf"^data\.possession\.{fault}"):
        load_config("demo", [f"data.possession.{override}"])


@pytest.mark.parametrize("kind", ["free", "both"])
def test_bias_needs_balanced_problems(kind: str) -> None:
    settings = [f"data.possession.draw={kind}", "data.possession.bias.role=0.9"]
    with pytest.raises(
        ConfigError, match=rf"^data\.possession\.bias: needs balanced problems, got draw={kind}; leave it"
    ):
        load_config("demo", settings)


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
    data = DataSettings(train=drop_like(tmp_path / "data.jsonl"), eval_share=0.2)
    splits = load_splits(data, seed=0)
    passages = [{p.passage for p in split} for split in (splits.train, splits.dev, splits.eval)]
    assert [len(x) for x in passages] == [14, 2, 4] and len(set.union(*passages)) == 20
    assert sum(map(len, (splits.train, splits.dev, splits.eval))) == 60
    assert load_splits(data, seed=0) == splits != load_splits(data, seed=1)


THINGS = ("cups", "boxes")


def test_only_training_problems_are_distracted(tmp_path: Path) -> None:
    problems = [
        Problem(str(i), f"Ann has {i} pens . Bob has 90 {THINGS[i % 2]} .", "How many pens ?", ((f"{i}",),))
        for i in range(20)
    ]
    write_problems(problems, tmp_path / "data.jsonl")
    data = DataSettings(train=str(tmp_path / "data.jsonl"), eval_share=0.2)
    plain, more = load_splits(data, seed=0), load_splits(replace(data, distracted=2), seed=0)
    assert (more.dev, more.eval, more.train[:14]) == (plain.dev, plain.eval, plain.train)
    for options in {"distracted": -1}, {"possession": PossessionSettings(), "distracted": 1}:
        with pytest.raises(AnzanError, match=r"^distracted: 0 or more"):
            DataSettings(**options)  # pyright: ignore[reportArgumentType]
    assert 14 < len(more.train) <= 42 and all(p.meta["distracted"] for p in more.train[14:])


def test_questions_are_selected_by_type_and_by_list(tmp_path: Path) -> None:
    path = drop_like(tmp_path / "data.jsonl")
    splits = load_splits(DataSettings(train=path, eval_share=0.2, questions=["difference"]), seed=0)
    assert {p.kind for p in (*splits.train, *splits.dev, *splits.eval)} == {"difference"}
    assert len(splits.eval) == 4
    (tmp_path / "ids").write_text("none")
    for options, fault in (
        ({"questions": ["sum"]}, "data.questions: unknown type of question 'sum'"),
        ({"questions": [str(tmp_path / "ids")]}, "data.questions: .*no question id in it"),
        ({"questions": ["complement"]}, "none of 60 problems is selected"),
    ):
        with pytest.raises(ConfigError, match=fault):
            load_splits(DataSettings(train=path, **options), seed=0)


def test_a_null_control_sees_calculations_that_tell_nothing() -> None:
    encoder = TextEncoder(load_tokenizer(locate_encoder(TINY)), Calculator(("+", "-")))
    problems = [
        Problem(str(i), "Anna has 512 pens. Carl has 861.", "How many in all?", (("1373",),)) for i in range(200)
    ]
    true = make_examples(problems, encoder, Console(quiet=True))
    control = NullExamples(true.problems, encoder, true.lengths, true.longest_answer)
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


def test_a_run_with_a_null_control(tmp_path: Path, small_run: list[str]) -> None:
    config = load_config("paper", [*small_run, "train.evaluations=1"])
    weights = [train(config, tmp_path / "plain")[0].model.state_dict()]
    weights.append(train(config, tmp_path / "null", change=null_control)[0].model.state_dict())
    assert not all(torch.equal(each, weights[1][name]) for name, each in weights[0].items())
    without = ["model.operations=[]", "model.supervision.argument_loss=none"]
    for config in (load_config("paper", [*small_run, *without]), load_config("demo", small_run)):
        with pytest.raises(ConfigError, match=r"^null control: for models with a calculator of digits; change"):
            train(config, tmp_path / "x", change=null_control)


@pytest.mark.parametrize("setting", ["data.train=mine.jsonl", "data.eval=mine.jsonl", "data.questions=[difference]"])
def test_files_and_drawn_problems_are_not_mixed(setting: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{setting.partition('=')[0]}, data\.possession: give one"):
        load_config("demo", [setting])
