"""F: any Python callable from arguments to tokens."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import product
from typing import Any, overload

import torch
from torch import Tensor

from anzan.errors import AnzanError
from anzan.layer._cache import ResultCache, cache_key
from anzan.layer._pool import Pool
from anzan.layer._table import ResultTable

Arguments = Sequence[Hashable]


class SymbolicFunction:
    """Wraps a Python function of K arguments whose results become token ids or vectors.

    An exception in F or in `encode` is an undefined result (None): `table` marks the candidate as not valid. Failures
    are counted in `failures`, the latest is kept in `last_failure`, and the first is reported as a RuntimeWarning, so
    that they are never silent. Results, undefined ones too, are cached by their arguments and the arguments' types,
    across batches and epochs.

    Args:
        function: called as ``function(*arguments)``. Returns what `encode` takes, or None where it is undefined.
        encode: turns a result into token ids >= 0, such as `Characters(...)`, or for a tokenizer of transformers
            ``lambda text: tokenizer(text).input_ids``; default: the result already is a sequence of ids or a vector.
        spaces: for each argument, all its values, where they do not depend on the example.
        vectorised: `function` takes K equally long lists and returns a sequence of results.
        cache_bytes: bound on the memory that cached arguments and results take, as far as Python's own objects and
            tensors show it, the least recently used dropped first; 0 switches the cache off.
        limit: the most combinations of `spaces` that `table` enumerates.
        workers: processes to run a slow F in; 0 runs it here. F must then be a function at the top level of a module.
        timeout: seconds after which a call in a worker counts as failed.

    Raises:
        TypeError: function is not callable.
        ValueError: a timeout without workers, workers for a vectorised function, or an empty space.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        encode: Callable[[Any], Sequence[int]] | None = None,
        spaces: Sequence[Iterable[Hashable]] | None = None,
        vectorised: bool = False,
        cache_bytes: int = 256 * 2**20,
        limit: int = 1_000_000,
        workers: int = 0,
        timeout: float | None = None,
    ):
        if not callable(function):
            raise TypeError(f"function: a callable needed, got {type(function).__name__}")
        if timeout is not None and not workers:
            raise AnzanError("timeout: needs workers, at least 1: only another process can be stopped")
        if vectorised and workers:
            raise AnzanError("workers: a vectorised function runs in one call; give either, not both")
        self.function = function
        self.encode = encode
        self.spaces = None if spaces is None else [tuple(s) for s in spaces]
        if self.spaces is not None and not all(self.spaces):
            raise AnzanError(f"spaces: at least one value needed for each argument, got {self.spaces}")
        self.vectorised = vectorised
        self.limit = limit
        self.calls = 0
        self.failures = 0
        self.last_failure: Exception | None = None
        self._pool = Pool(function, workers, timeout) if workers else None
        self._cache = ResultCache(cache_bytes)

    def __call__(self, *arguments: Hashable) -> Any:
        """The encoded result of F(*arguments), or None where F is undefined."""
        return self.results([arguments])[0]

    def results(self, combinations: Sequence[Arguments]) -> list[Any]:
        """The encoded result of each combination of arguments, None where F is undefined; F runs once for each."""
        keys = [cache_key(arguments) for arguments in combinations]
        found: dict[Hashable, Any] = {}
        new: dict[Hashable, Arguments] = {}
        for key, arguments in zip(keys, combinations, strict=True):
            if key in self._cache:
                found[key] = self._cache[key]
            else:
                new.setdefault(key, arguments)
        for (key, arguments), result in zip(new.items(), self._run(list(new.values())), strict=True):
            found[key] = self._cache[key] = self._encoded(arguments, result)
        return [found[key] for key in keys]

    @property
    def size(self) -> int:
        """How many combinations the fixed spaces have."""
        return math.prod(len(s) for s in self._spaces())

    def table(
        self,
        candidates: Iterable[Sequence[Arguments]] | None = None,
        device: torch.device | str | None = None,
    ) -> ResultTable:
        """Run F on every candidate.

        Args:
            candidates: `candidates[example][a]`, a tuple of K arguments; default: every combination of the fixed
                spaces, the last argument running fastest, in one table for the whole batch.
            device: where to put the table.

        Raises:
            ValueError: without candidates, where there are no fixed spaces or more combinations than `limit`.
            TypeError: results that are neither token ids nor encoded.
        """
        return ResultTable.from_rows(self._rows(candidates), device)

    def vectors(
        self,
        candidates: Iterable[Sequence[Arguments]] | None = None,
        device: torch.device | str | None = None,
    ) -> tuple[ResultTable, Tensor]:
        """As `table`, for an F that returns vectors: the table, and the matrix to look its ids up in."""
        return ResultTable.from_vectors(self._rows(candidates), device)

    def at(self, index: Tensor) -> ResultTable:
        """Run F on chosen combinations of the fixed spaces only, however many there are in all.

        Args:
            index: (batch, n, K), the place of each argument in its space; or (batch, n), the place of the combination
                in `table()`.

        Returns:
            A table (batch, n, length) on the device of `index`.

        Raises:
            ValueError: no fixed spaces, an index of another shape or beyond the spaces.
        """
        spaces = self._spaces()
        sizes = [len(s) for s in spaces]
        if index.dim() not in (2, 3) or (index.dim() == 3 and index.shape[2] != len(sizes)):
            raise AnzanError(f"index: (batch, n) or (batch, n, {len(sizes)}) needed, got {tuple(index.shape)}")
        ends = [self.size] if index.dim() == 2 else sizes
        for part, end in zip([index] if index.dim() == 2 else index.unbind(-1), ends, strict=True):
            if part.numel() and not 0 <= int(part.min()) <= int(part.max()) < end:
                raise AnzanError(f"index: 0 to {end - 1} needed, got {int(part.min())} to {int(part.max())}")
        if not len(index):
            return ResultTable(index.new_zeros(0, index.shape[1], 0))
        if index.dim() == 2:
            index = torch.stack([index // math.prod(sizes[k + 1 :]) % n for k, n in enumerate(sizes)], -1)
        rows = [
            [tuple(s[i] for s, i in zip(spaces, one, strict=True)) for one in example] for example in index.tolist()
        ]
        return self.table(rows, index.device)

    def report(self) -> str:
        """One line on what was run and what failed."""
        last = "" if self.last_failure is None else f", the last with {_described(self.last_failure)}"
        return f"{_name(self.function)}: {self.calls:,} calls, {self.failures:,} failed{last}"

    def close(self) -> None:
        """Stop the workers, if there are any; they start again when they are needed."""
        if self._pool is not None:
            self._pool.close()

    def _spaces(self) -> list[tuple[Hashable, ...]]:
        if self.spaces is None:
            raise AnzanError(f"{_name(self.function)} has no fixed spaces: give candidates, or spaces when it is made")
        return self.spaces

    def _rows(self, candidates: Iterable[Sequence[Arguments]] | None) -> list[list[Any]]:
        if candidates is None:
            if self.size > self.limit:
                raise AnzanError(
                    f"{_name(self.function)} has {self.size:,} combinations, beyond the limit of {self.limit:,}: "
                    "choose some with shortlist(...) or an objective that samples, and run them with at(index)"
                )
            candidates = [list(product(*self._spaces()))]
        examples = [list(example) for example in candidates]
        results = iter(self.results([arguments for example in examples for arguments in example]))
        return [[next(results) for _ in example] for example in examples]

    def _run(self, combinations: list[Arguments]) -> list[Any]:
        """Raw results; an exception stands for itself."""
        if not combinations:
            return []
        self.calls += len(combinations)
        if self._pool is not None:
            return self._pool.run(combinations)
        if self.vectorised:
            try:
                results = list(self.function(*map(list, zip(*combinations, strict=True))))
            except Exception:
                # Some combination fails: one at a time, only that one is lost.
                return [_attempt(self._one, arguments) for arguments in combinations]
            if len(results) != len(combinations):
                raise AnzanError(
                    f"{_name(self.function)}: {len(combinations)} results needed for {len(combinations)} combinations, "
                    f"got {len(results)}"
                )
            return results
        return [_attempt(self.function, arguments) for arguments in combinations]

    def _one(self, *arguments: Hashable) -> Any:
        return next(iter(self.function(*([a] for a in arguments))))

    def _encoded(self, arguments: Arguments, result: Any) -> Any:
        if self.encode is not None and result is not None and not isinstance(result, Exception):
            result = _attempt(self.encode, (result,))
        if isinstance(result, Exception):
            self.failures += 1
            self.last_failure = result
            if self.failures == 1:
                call = f"{_name(self.function)}({', '.join(map(repr, arguments))})"
                warnings.warn(
                    f"{call} is undefined: {_described(result)}. Further failures are counted in .failures",
                    RuntimeWarning,
                    stacklevel=5,
                )
            return None
        if isinstance(result, str):
            raise TypeError(
                f"{_name(self.function)} returned the string {result[:40]!r}: "
                "give encode=Characters(...) or a tokenizer"
            )
        return result


@overload
def symbolic(function: Callable[..., Any], /, **options: Any) -> SymbolicFunction: ...
@overload
def symbolic(**options: Any) -> Callable[[Callable[..., Any]], SymbolicFunction]: ...
def symbolic(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Decorator: a Python function becomes a `SymbolicFunction`, with that class's options.

    ``@symbolic`` or ``@symbolic(encode=Characters("0123456789"), spaces=[range(10), range(10)])``.
    """
    return SymbolicFunction(function, **options) if function else lambda f: SymbolicFunction(f, **options)


def _attempt(function: Callable[..., Any], arguments: Arguments) -> Any:
    """What `function` returns, or the exception that it raises."""
    try:
        return function(*arguments)
    except Exception as error:
        return error


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
