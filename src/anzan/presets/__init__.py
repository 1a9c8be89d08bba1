"""Presets: training runs in YAML, changed by `key=value` on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from anzan.settings import ConfigError, from_mapping
from anzan.training.settings import PossessionSettings, RunConfig, RunName

_FOLDER = Path(__file__).parent


def preset_names() -> list[str]:
    """The presets that come with anzan."""
    return sorted(p.stem for p in _FOLDER.glob("*.yaml"))


def load_config(preset_or_path: str, overrides: Iterable[str] = ()) -> RunConfig:
    """A preset by name or a YAML file by path, with `key=value` overrides; a value is read as YAML.

    Beside the settings, a file may name the `experiment` and the `cell` of its result.

    Raises:
        ConfigError: no such preset or file, broken YAML, an unknown key, or a value of the wrong type.
    """
    path = _FOLDER / f"{preset_or_path}.yaml"
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
    labels = {key: str(values.pop(key)) for key in ("experiment", "cell") if key in values}
    config = from_mapping(RunConfig, values)
    config.name = replace(RunName(recipe=path.stem, scale=_scale(config.data.possession)), **labels)
    return config


def _scale(problems: PossessionSettings | None) -> str:
    """`laptop` for the paper's problems at full difficulty, and for data from files; else `laptop-easy`."""
    if problems is None:
        return "laptop"
    sizes = problems.people, problems.most_digits, problems.train_size, problems.eval_size
    full = all(size >= least for size, least in zip(sizes, (10, 7, 20_000, 2_000), strict=True))
    return "laptop" if full else "laptop-easy"


def _set(values: dict[str, Any], keys: list[str], value: Any, override: str) -> None:
    for key in keys[:-1]:
        inner = values.get(key)
        if inner is None:
            inner = values[key] = {}
        if not isinstance(inner, dict):
            raise ConfigError(f"{override!r}: {key} is a value, not a group of settings")
        values = inner
    values[keys[-1]] = value
