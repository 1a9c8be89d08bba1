"""A folder goes on with the run that it holds, and with no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anzan.training.checkpoints import has_whole
from anzan.training.results import write_json
from anzan.training.settings import ConfigError, RunConfig

_FILE = "run.json"

MAY_CHANGE = {"train.max_steps", "train.minutes", "train.workers"}
"""How long a run is and what makes its batches."""


def check_same_run(config: RunConfig, out: Path) -> None:
    """Refuse to go on in a folder with something else in it than this run; an empty one will do.

    Raises:
        ConfigError: a setting differs, or the folder holds something that is no run.
    """
    if not out.exists() or all(path.name.startswith(".") for path in out.iterdir()):  # a killed run leaves a draft
        return
    if not (out / _FILE).is_file():
        if has_whole(out):  # a run of before this file was written
            return
        raise ConfigError(f"{out}: it holds something else than a run to go on with; choose another --out")
    try:
        held = _flat(dict(json.loads((out / _FILE).read_text(encoding="utf-8"))))
    except (ValueError, TypeError):
        raise ConfigError(f"{out / _FILE}: broken, so the run cannot be told; choose another --out") from None
    wanted = _flat(config.to_dict())
    for key in sorted(held.keys() & wanted.keys() - MAY_CHANGE):
        if held[key] != wanted[key]:
            raise ConfigError(
                f"{key}: {wanted[key]}, and {held[key]} in the run that {out} holds; go on with that or choose another "
                "--out"
            )


def claim(config: RunConfig, out: Path) -> None:
    """Write down which run a folder holds."""
    write_json(out / _FILE, config.to_dict())


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
