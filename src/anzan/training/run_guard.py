"""Refuses to resume a folder with different settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anzan.settings import ConfigError, from_mapping
from anzan.training.checkpoints import has_whole
from anzan.training.results import write_json
from anzan.training.settings import RunConfig

_FILE = "run.json"

MAY_CHANGE = {"train.epochs", "train.time_limit"}
"""How long a run is."""


def check_same_run(config: RunConfig, out: Path) -> None:
    """Refuse to go on in a folder that holds something else than this run; an empty one will do.

    Raises:
        ConfigError: a setting differs, or the folder holds something that is no run.
    """
    if not out.exists() or all(path.name.startswith(".") for path in out.iterdir()):  # a killed run leaves a draft
        return
    if not (out / _FILE).is_file():
        if has_whole(out):  # a run from before this file was written
            return
        raise ConfigError(f"{out}: contains something else than a run to go on with; choose another --out")
    try:
        settings = from_mapping(RunConfig, json.loads((out / _FILE).read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ConfigError(f"{out / _FILE}: damaged, so its run is unknown; choose another --out") from None
    held, wanted = _flat(settings.to_dict()), _flat(config.to_dict())
    for key in sorted((held.keys() | wanted.keys()) - MAY_CHANGE):
        if held.get(key) != wanted.get(key):
            raise ConfigError(
                f"{key}: {wanted.get(key)}, but {held.get(key)} in the run in {out}; go on with that value or choose "
                "another --out"
            )


def claim(config: RunConfig, out: Path) -> None:
    """Write down which run a folder holds."""
    write_json(out / _FILE, config.to_dict())


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
