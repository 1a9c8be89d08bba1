"""Settings: dataclasses made from plain mappings, such as YAML or JSON, with errors that name the setting."""

from __future__ import annotations

import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from anzan.errors import AnzanError

T = TypeVar("T")

_KINDS = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}


class ConfigError(AnzanError):
    """A setting that cannot be used; one line that names it and the mend."""


def from_mapping(kind: type[T], values: Any, where: str = "") -> T:
    """A dataclass of settings from a mapping; groups are mappings too, and what is missing has its default.

    Args:
        kind: a dataclass; its fields are numbers, texts, booleans, lists, mappings, or dataclasses of this sort. It
            checks its own values in `__post_init__` and raises `AnzanError` with a message that begins with a field.
        values: the mapping. A single value is accepted where a list is needed.
        where: the path of this group, such as ``model.``, for messages.

    Raises:
        ConfigError: an unknown key, a value of the wrong type, or one that `kind` refuses.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where.rstrip('.')}: a group of settings is needed, got {values!r}")
    hints = get_type_hints(kind)
    known = [f.name for f in fields(kind) if f.init]  # pyright: ignore[reportArgumentType]
    made = {}
    for key, value in values.items():
        if key not in known:
            close = get_close_matches(str(key), known, 1)
            hint = f"did you mean {where}{close[0]}?" if close else f"known here: {', '.join(sorted(known))}"
            raise ConfigError(f"unknown setting {where}{key}: {hint}")
        made[key] = _convert(hints[key], value, where + key)
    try:
        return kind(**made)
    except ConfigError:
        raise
    except AnzanError as error:
        raise ConfigError(f"{where}{error}") from None


def _convert(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        *others, hint = (a for a in get_args(hint) if a is not type(None))
        for other in others:  # such as int | float
            with suppress(ConfigError):
                return _convert(other, value, where)
    if is_dataclass(hint):
        if isinstance(value, hint):  # pyright: ignore[reportArgumentType]
            return value
        return from_mapping(hint, value, where + ".")  # pyright: ignore[reportArgumentType]
    origin = get_origin(hint) or hint
    if origin is list:
        items = value if isinstance(value, (list, tuple)) else [value]
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
    raise ConfigError(f"{where}: {_KINDS.get(origin, 'a group of settings')} needed, got {value!r}")
