"""Names of a package that are imported on first use (PEP 562), so that `anzan --help` loads no torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(package: str, exports: Mapping[str, tuple[str, ...]]) -> tuple[Callable[[str], Any], list[str]]:
    """The `__getattr__` and `__all__` of a package whose modules `exports` names, each with what it offers.

    >>> __getattr__, __all__ = lazy(__name__, {"reader": ("Reader",)})
    """
    modules = {name: module for module, names in exports.items() for name in names}

    def getattribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return getattribute, sorted(modules)
