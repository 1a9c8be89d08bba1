"""Operations of your own: functions of two numbers that a setting or a model names as `module:function`.

Importing a module runs its code, and presets and model folders come from others. So a name alone imports nothing:
`anzan --allow-imports ...`, or `allow_imports()` in Python, says that what is named is trusted.
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
    """From here on, this process imports the functions that settings and models name."""
    global _allowed
    _allowed = True


def imported(name: str) -> Callable[[Any, Any], Fraction | None]:
    """The function that `module:function` names, made exact.

    It is called with two ints or Fractions. What it returns is taken as it is written, 0.1 as a tenth. Where it returns
    None, or raises, the result is undefined; the first failure is reported as a RuntimeWarning.

    Raises:
        ValueError: imports are not allowed, or there is no such module or function.
    """
    if not _allowed:
        raise AnzanError(
            f"operations: {name} is code to be imported, so it needs your word that you trust it: anzan "
            "--allow-imports COMMAND, or anzan.arithmetic.functions.allow_imports() in Python"
        )
    module, _, attribute = name.partition(":")
    try:
        function = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise AnzanError(f"operations: {name} cannot be imported: {error}") from error
    if not callable(function):
        raise AnzanError(f"operations: {name} is no function")
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
