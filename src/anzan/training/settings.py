"""What a training run is made of: presets in YAML, overridden on the command line."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from anzan.errors import AnzanError

PRESETS = Path(__file__).parent.parent / "presets"


class ConfigError(AnzanError):
    """A setting that cannot be used; one line that names it and the mend."""


@dataclass
class PossessionData:
    """Synthetic problems to draw, see `anzan.tasks.possession.Possession`.

    With `transfer: [false, true]` every other problem has a transfer, or `transfers` of them. `wide_share` of the
    training problems with a transfer compare numbers that may lie far apart, whatever `gap` says, and `close_share` of
    them numbers that lie close together.
    """

    people: int = 4
    digits: int = 7
    max_digits: int | None = None
    transfer: list[bool] = field(default_factory=lambda: [True])
    transfers: int = 1
    questions: list[str] = field(default_factory=lambda: ["max", "argmax"])
    bias: dict[str, float] = field(default_factory=dict)
    gap: float = 0.2
    wide_share: float = 0.0
    close_share: float = 0.0
    train_size: int = 20_000
    dev_size: int = 500
    eval_size: int = 2_000
    seed: int = 0


@dataclass
class DataConfig:
    """Where problems come from: files, or drawn.

    Without a file for it, `eval_share` of the training file is for evaluation (by default nothing), and `dev_share` of
    the rest selects the model; all questions about one passage go together. `questions` selects by the type of question
    (`anzan.tasks.question_types`), `ids` by a list of ids in a file. Training has each problem `distracted` times more,
    each time with something else in it that nobody asks for (`anzan.tasks.distraction`).
    """

    train: str | None = None
    dev: str | None = None
    eval: str | None = None
    dev_share: float = 0.1
    eval_share: float = 0.0
    questions: list[str] = field(default_factory=list)
    ids: str | None = None
    distracted: int = 0
    possession: PossessionData | None = None


@dataclass
class ModelConfig:
    """The encoder by name or path, and the reader's own settings (`CalculatorReaderConfig`).

    `dropout` is on what the heads read, `encoder_dropout` inside the encoder (its own by default).
    """

    encoder: str = "anzan-tiny"
    operations: list[str] = field(default_factory=lambda: ["+", "-"])
    calls: int = 1
    constants: list[str] = field(default_factory=list)
    argument_loss: str = "bce"
    argument_weight: float = 1.0
    self_training: float = 0.0
    entropy: float = 0.0
    objective: str = "straight-through"
    samples: int = 4
    sure: float = 1.0
    temperature: float = 1.0
    noise_scale: float = 1.0
    hide_arguments: bool = False
    fixed_decoys: bool = False
    blind_choice: bool = False
    blindfold: float = 0.0
    discount_guesses: bool = False
    subtract_guesses: float = 0.0
    digit_places: int = 0
    dropout: float = 0.0
    encoder_dropout: float | None = None


@dataclass
class TrainConfig:
    """Optimisation.

    `head_learning_rate` is that of everything but the encoder, by default the same; in the encoder each layer has
    `layer_decay` times the rate of the one above (`anzan.training.learning_rates`). `minutes` limits a run: learning
    rate and curriculum then follow the clock where steps are too slow. Until `begin_share` of the run, it sees the
    kinds of question in `begin_with` alone. Until `grow_share` of it, possession problems grow from `grow_from` people
    to all of theirs. `model.entropy` falls to 0 at `entropy_share` of it. `group_by_length` saves padding, but where
    length tells the kinds apart its batches are of one kind each. `evaluations` is how often the development split is
    measured. `null_control` prints the calculation of random numbers in the place of the true one, in training alone:
    what such a model has learnt, it has not learnt from its calculator (a control for the audit). `bf16` trains in
    mixed precision: on a GPU, or on a CPU that computes in bfloat16, where it is up to twice as fast (on others it is
    slower); what is measured is measured in float32. Where the span loss is above `stuck` (nats) when problems begin to
    grow, or the best development score below `hopeless` behind three quarters of a run, it begins again with other
    weights, for `tries` times in all, on one process: some starts lead into a dead end, and the answers alone tell.
    `select_by` is the development score that chooses among the checkpoints, or `last` for the end of the run.
    `workers` processes make batches ahead of the step that needs them; by default none on a CPU, which computes with
    all its cores, and a few beside a GPU.
    """

    epochs: float = 3.0
    max_steps: int = -1
    minutes: float | None = None
    batch_size: int = 32
    learning_rate: float = 1e-4
    head_learning_rate: float | None = None
    layer_decay: float = 1.0
    warmup_share: float = 0.05
    weight_decay: float = 0.01
    schedule: str = "linear"
    begin_with: list[str] = field(default_factory=list)
    begin_share: float = 0.0
    grow_from: int | None = None
    grow_share: float = 0.0
    entropy_share: float = 1.0
    group_by_length: bool = True
    evaluations: int = 5
    null_control: bool = False
    bf16: bool = False
    workers: int | None = None
    tries: int = 1
    stuck: float = 0.5
    hopeless: float = 90.0
    select_by: str = "f1"
    seed: int = 0


@dataclass
class RunConfig:
    """A training run. `experiment`, `cell`, `recipe` and `scale` name its result file."""

    experiment: str = "train"
    cell: str = "all"
    recipe: str = "paper"
    scale: str = "laptop-easy"
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def to_dict(self) -> dict[str, Any]:
        """As it stands in result files, and as `load_config` reads it."""
        return asdict(self)


def preset_names() -> list[str]:
    """The presets that come with anzan."""
    return sorted(p.stem for p in PRESETS.glob("*.yaml"))


def load_config(preset_or_path: str, overrides: Iterable[str] = ()) -> RunConfig:
    """A preset by name or a YAML file by path, with `key=value` overrides; a value is read as YAML.

    Raises:
        ConfigError: no such preset or file, broken YAML, an unknown key, or a value of the wrong type.
    """
    path = PRESETS / f"{preset_or_path}.yaml"
    if not path.is_file():
        path = Path(preset_or_path)
    if not path.is_file():
        raise ConfigError(f"{preset_or_path}: no such preset or file; the presets are {', '.join(preset_names())}")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, Mapping):
        raise ConfigError(f"{path}: a YAML mapping of settings is needed")
    values = dict(values)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r}: write an override as key=value, e.g. train.seed=1")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ConfigError(
                f"{override!r}: the value is not YAML; put text with special characters in quotes"
            ) from None
        _set(values, key.split("."), value, override)
    return _build(RunConfig, values, "")


def _set(values: dict[str, Any], keys: list[str], value: Any, override: str) -> None:
    for key in keys[:-1]:
        inner = values.get(key)
        if inner is None:
            inner = values[key] = {}
        if not isinstance(inner, dict):
            raise ConfigError(f"{override!r}: {key} is a value, not a group of settings")
        values = inner
    values[keys[-1]] = value


def _build(kind: type, values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where.rstrip('.')}: a group of settings is needed, got {values!r}")
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    made = {}
    for key, value in values.items():
        if key not in known:
            close = get_close_matches(str(key), known, 1)
            hint = f"did you mean {where}{close[0]}?" if close else f"known here: {', '.join(sorted(known))}"
            raise ConfigError(f"unknown setting {where}{key}: {hint}")
        made[key] = _convert(hints[key], value, where + key)
    return kind(**made)


def _convert(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        hint = next(a for a in get_args(hint) if a is not type(None))
    if is_dataclass(hint):
        return _build(hint, value, where + ".")  # type: ignore[arg-type]
    origin = get_origin(hint) or hint
    if origin is list:
        items = value if isinstance(value, list) else [value]
        return [_convert(get_args(hint)[0], v, where) for v in items]
    if origin is dict and isinstance(value, Mapping):
        return {str(k): _convert(get_args(hint)[1], v, f"{where}.{k}") for k, v in value.items()}
    if origin is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:  # YAML reads 1e-4 as text
            return float(value)
        except ValueError:
            pass
    if origin is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if origin is bool and isinstance(value, bool):
        return value
    if origin is str and isinstance(value, (str, int, float)):
        return str(value)
    name = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}.get(
        origin, "a group of settings"
    )
    raise ConfigError(f"{where}: {name} needed, got {value!r}")
