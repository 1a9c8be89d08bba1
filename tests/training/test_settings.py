"""Presets and overrides: what is read, and the one line for what cannot be."""

from pathlib import Path
from typing import Any

import pytest

from anzan.presets import load_config, preset_names
from anzan.settings import ConfigError
from anzan.training.settings import PossessionSettings, RunConfig, RunName


def test_presets_load() -> None:
    assert {"demo", "faithful", "paper", "svamp"} <= set(preset_names())
    for name in preset_names():
        assert isinstance(load_config(name), RunConfig)


def test_the_demo_preset_is_what_the_issue_asks_for() -> None:
    config = load_config("demo")
    p = config.data.possession
    assert p is not None
    assert (config.name.experiment, config.model.encoder) == ("demo", "anzan-tiny-lines")
    assert (p.people, p.digits, p.transfers, set(p.questions), p.eval_size) == (4, [7], [0, 1], {"max", "argmax"}, 500)
    assert config.train.time_limit is not None and config.train.time_limit <= 5


def test_overrides_win_and_leave_the_rest() -> None:
    plain = load_config("demo")
    changed = load_config(
        "demo",
        [
            "train.learning_rate=1e-4",  # text to YAML
            "train.seed=7",
            "train.time_limit=null",
            "data.possession.transfers=0",
            "data.possession.draw=balanced",
            "data.possession.bias.role=0.9",
            "data.possession.questions=max",
            "model.operations=['+', '*']",
            "model.encoder=3",
        ],
    )
    assert changed.train.learning_rate == 1e-4
    assert changed.train.seed == 7
    assert changed.train.time_limit is None
    assert changed.data.possession is not None and plain.data.possession is not None
    assert changed.data.possession.transfers == [0]
    assert changed.data.possession.bias == {"role": 0.9}
    assert changed.data.possession.questions == ["max"]
    assert changed.data.possession.train_size == plain.data.possession.train_size
    assert changed.model.operations == ["+", "*"]
    assert changed.model.encoder == "3"
    assert load_config("demo") == plain


def test_a_file_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("experiment: mine\ntrain: {learning_rate: 1e-3, epochs: 2}\n", encoding="utf-8")
    config = load_config(str(path), ["data.train=x=y.jsonl"])
    assert (config.name.experiment, config.train.learning_rate, config.train.epochs) == ("mine", 1e-3, 2.0)
    assert config.data.train == "x=y.jsonl"
    path.write_text("", encoding="utf-8")
    empty = load_config(str(path))
    assert empty.to_dict() == RunConfig().to_dict() and empty.name == RunName("train", "all", "mine", "laptop")


def test_what_a_config_writes_it_reads(tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "again.yaml"
    config = load_config("demo", ["train.learning_rate=3e-5"])
    path.write_text(yaml.safe_dump(config.to_dict()), encoding="utf-8")
    assert load_config(str(path)).to_dict() == config.to_dict()


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("train.sed=1", "did you mean train.seed?"),
        ("trian.seed=1", "did you mean train?"),
        ("data.possession.peopel=4", "did you mean data.possession.people?"),
        ("train.zzz=1", "known here: batch_size"),
        ("train.seed", "key=value"),
        ("train.seed=1.5", "train.seed: a whole number needed, got 1.5"),
        ("train.seed=true", "a whole number needed"),
        ("train.learning_rate=fast", "train.learning_rate: a number needed, got 'fast'"),
        ("train.learning_rate=true", "a number needed"),
        ("train.learning_rate=null", "a number needed"),
        ("data.possession.transfers=yes", "a whole number needed"),
        ("train.bf16=1", "true or false needed"),
        ("model.encoder=[a]", "text needed"),
        ("train=5", "train: a group of settings is needed"),
        ("data.possession.bias=0.5", "group of settings"),
        ("experiment.name=x", "experiment is a value"),
        ("train.seed=[1", "not YAML"),
    ],
)
def test_overrides_that_cannot_be_used(override: str, hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config("demo", [override])
    assert hint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: [", "not YAML"),
        ("- a\n- b", "a YAML mapping"),
        ("sede: 1", "unknown setting sede"),
        ("train: 3", "train: a group"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(str(path))
    assert hint in str(error.value)
    assert "\n" not in str(error.value)


def test_no_such_preset_names_those_there_are() -> None:
    with pytest.raises(
        ConfigError, match="dmeo: no such preset or file; the presets are demo, drop-numeric, everyday, "
    ):
        load_config("dmeo")


def leaves(settings: dict[str, Any], prefix: str = "") -> list[str]:
    """Every setting by its path; bias and options are mappings of the user's own."""
    own = ("bias", "options")
    return [
        path
        for name, value in settings.items()
        for path in (
            leaves(value, f"{prefix}{name}.") if isinstance(value, dict) and name not in own else [prefix + name]
        )
    ]


def test_there_are_few_settings() -> None:
    everything = RunConfig()
    everything.data.possession = PossessionSettings()
    settings = [*leaves(everything.to_dict()), "experiment", "cell"]
    assert len(settings) <= 40 and len(set(settings)) == len(settings)
