"""F: a Python callable from arguments to tokens or vectors."""

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

    An exception in F or in `encode` makes the result undefined (None), and `table` marks the candidate as invalid.
    Failures are never silent: `failures` counts them, `last_failure` is the latest, and the first is reported as a
    RuntimeWarning. Results, including undefined ones, are cached by arguments and argument types, across batches and
    epochs.

    Args:
        function: called as ``function(*arguments)``. Returns the input of `encode`, or None if it is undefined.
        encode: turns a result into token ids >= 0, such as `Characters(...)` or, with a tokenizer of transformers,
            ``lambda text: tokenizer(text).input_ids``. Default: the result already is a sequence of ids or a vector.
        spaces: for each argument, all its values, if they do not depend on the example.
        vectorised: `function` takes K lists of equal length and returns a sequence of results.
        cache_bytes: bound on the memory of cached arguments and results, in bytes as far as Python objects and tensors
            report them; the least recently used result is dropped first. 0 switches the cache off.
        limit: the greatest number of combinations of `spaces` that `table` enumerates.
        workers: number of processes that run a slow F; 0 runs it in this one. With workers, F must be a function at
            the top level of a module.
        timeout: seconds after which a call in a worker counts as failed.

    Attributes:
        calls: the number of calls of F.
        failures: the number of calls that failed.
        last_failure: the exception of the latest failure, or None.

    Raises:
        TypeError: function is not callable.
        AnzanError: a timeout without workers, workers for a vectorised function, or an empty space.
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
            raise AnzanError("timeout: needs workers=1 or more, as only another process can be stopped")
        if vectorised and workers:
            raise AnzanError("workers: a vectorised function runs in one call; give workers or vectorised, not both")
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
        """The encoded result of F(*arguments), or None if F is undefined there."""
        return self.results([arguments])[0]

    def results(self, combinations: Sequence[Arguments]) -> list[Any]:
        """The encoded result of each combination of arguments, None if F is undefined there; F runs once for each."""
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
        """The number of combinations of the fixed spaces."""
        return math.prod(len(s) for s in self._spaces())

    def table(
        self,
        candidates: Iterable[Sequence[Arguments]] | None = None,
        device: torch.device | str | None = None,
    ) -> ResultTable:
        """Run F on every candidate.

        Args:
            candidates: `candidates[example][a]`, a tuple of K arguments. Default: every combination of the fixed
                spaces, the last argument varying fastest, in one table for the whole batch.
            device: of the table.

        Raises:
            AnzanError: no candidates are given, and there are no fixed spaces or more combinations than `limit`.
            TypeError: results that are not token ids, and no `encode`.
        """
        return ResultTable.from_rows(self._rows(candidates), device)

    def vectors(
        self,
        candidates: Iterable[Sequence[Arguments]] | None = None,
        device: torch.device | str | None = None,
    ) -> tuple[ResultTable, Tensor]:
        """As `table`, for an F that returns vectors: the table, and the matrix that its ids index."""
        return ResultTable.from_vectors(self._rows(candidates), device)

    def at(self, index: Tensor) -> ResultTable:
        """Run F only on chosen combinations of the fixed spaces, which may be too many to enumerate.

        Args:
            index: (batch, n, K), the position of each argument in its space; or (batch, n), the position of the
                combination in `table()`.

        Returns:
            A table (batch, n, length) on the device of `index`.

        Raises:
            AnzanError: no fixed spaces, or an index of the wrong shape or out of range.
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
        """One line: how many calls were made, how many failed, and the latest failure."""
        last = "" if self.last_failure is None else f", the last with {_described(self.last_failure)}"
        return f"{_name(self.function)}: {self.calls:,} calls, {self.failures:,} failed{last}"

    def close(self) -> None:
        """Stop the workers, if any; they start again when needed."""
        if self._pool is not None:
            self._pool.close()

    def _spaces(self) -> list[tuple[Hashable, ...]]:
        if self.spaces is None:
            raise AnzanError(
                f"{_name(self.function)} has no fixed spaces: give candidates, or spaces in its definition"
            )
        return self.spaces

    def _rows(self, candidates: Iterable[Sequence[Arguments]] | None) -> list[list[Any]]:
        if candidates is None:
            if self.size > self.limit:
                raise AnzanError(
                    f"{_name(self.function)} has {self.size:,} combinations, beyond the limit of {self.limit:,}: "
                    "choose some with shortlist(...) or a sampling objective, and run them with at(index)"
                )
            candidates = [list(product(*self._spaces()))]
        examples = [list(example) for example in candidates]
        results = iter(self.results([arguments for example in examples for arguments in example]))
        return [[next(results) for _ in example] for example in examples]

    def _run(self, combinations: list[Arguments]) -> list[Any]:
        """Raw results; a failed call returns its exception."""
        if not combinations:
            return []
        self.calls += len(combinations)
        if self._pool is not None:
            return self._pool.run(combinations)
        if self.vectorised:
            try:
                results = list(self.function(*map(list, zip(*combinations, strict=True))))
            except Exception:
                # At least one combination fails: run them one at a time to lose only those that do.
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
    """Decorator: turns a Python function into a `SymbolicFunction`.

    Example::

        @symbolic(encode=Characters("0123456789"), spaces=[range(10), range(10)])
        def add(a, b):
            return a + b

    Args:
        function: given if the decorator is used without brackets, ``@symbolic``.
        options: the other arguments of `SymbolicFunction`.
    """
    return SymbolicFunction(function, **options) if function else lambda f: SymbolicFunction(f, **options)


def _attempt(function: Callable[..., Any], arguments: Arguments) -> Any:
    """The result of `function`, or the exception that it raises."""
    try:
        return function(*arguments)
    except Exception as error:
        return error


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
