"""A cache of results by their arguments, bounded in bytes; the least recently used result is dropped first."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

from torch import Tensor


class ResultCache:
    """Keeps results within a number of bytes.

    Args:
        limit: bound on the memory of arguments and results, in bytes as far as Python reports them; 0 keeps nothing.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.bytes = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def __getitem__(self, key: Hashable) -> Any:
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def __setitem__(self, key: Hashable, result: Any) -> None:
        if not self.limit:
            return
        size = 300 + _bytes(key) + _bytes(result)  # 300 for the entry itself
        self._kept[key] = result, size
        self.bytes += size
        while self.bytes > self.limit:
            _, (_, freed) = self._kept.popitem(last=False)
            self.bytes -= freed


def cache_key(arguments: Sequence[Hashable]) -> Hashable:
    """A key that separates arguments which are equal in Python but may differ for F: 1, 1.0 and True; 0.0 and -0.0."""
    return (*arguments, *map(_kind, arguments))


def _kind(argument: Hashable) -> Hashable:
    if isinstance(argument, tuple):
        return type(argument), *map(_kind, argument)
    return (float, str(argument)) if type(argument) is float else type(argument)


def _bytes(thing: Any) -> int:
    if isinstance(thing, type):
        return 0
    if isinstance(thing, Tensor):
        return sys.getsizeof(thing) + thing.untyped_storage().nbytes()
    parts = sum(map(_bytes, thing)) if isinstance(thing, (tuple, list, set, frozenset)) else 0
    return sys.getsizeof(thing) + parts
