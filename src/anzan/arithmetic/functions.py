"""User-defined operations: functions of two numbers that a setting or a model names as `module:function`.

Importing a module runs its code, and presets and model folders come from other people. Nothing is imported until the
user allows it, with `anzan --allow-imports ...` or `allow_imports()` in Python.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from typing import Any

from anzan.errors import AnzanError

_allowed = False


def allow_imports() -> None:
    """Let this process import the functions that settings and models name."""
    global _allowed
    _allowed = True


def import_function(name: str) -> Callable[[Any, Any], Fraction | None]:
    """The function that `module:function` names, with exact results.

    It is called with two ints or Fractions. A float that it returns counts as written: 0.1 is one tenth. If it returns
    None or raises, the result is undefined; the first failure is reported as a RuntimeWarning.

    Raises:
        AnzanError: imports are not allowed, or there is no such module or function.
    """
    if not _allowed:
        raise AnzanError(
            f"operations: {name} is code to import. If you trust it, allow that with anzan --allow-imports COMMAND, or "
            "anzan.arithmetic.allow_imports() in Python"
        )
    module, _, attribute = name.partition(":")
    try:
        function = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise AnzanError(f"operations: {name} cannot be imported: {error}") from error
    if not callable(function):
        raise AnzanError(f"operations: {name} is not a function")
    failed = False

    def compute(a: Any, b: Any) -> Fraction | None:
        nonlocal failed
        try:
            result: Any = function(a, b)
            return None if result is None else Fraction(str(result))
        except Exception as error:
            if not failed:
                failed = True
                warnings.warn(f"{name}({a}, {b}) has no result: {error}", RuntimeWarning, stacklevel=2)
            return None

    return compute
