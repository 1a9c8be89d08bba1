"""Worker processes for a slow F; a call that takes too long is stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from anzan.errors import AnzanError
from anzan.worker import serve


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


class Pool:
    """Runs a function in worker processes. The standard library's pools cannot stop a call that hangs.

    Args:
        function: defined at the top level of a module, since workers import it.
        workers: number of processes.
        timeout: the longest time of a call in seconds; None for no limit.

    Raises:
        TypeError: a function that a worker cannot import.
        AnzanError: workers below 1, or a timeout not above 0.
    """

    def __init__(self, function: Callable[..., Any], workers: int, timeout: float | None = None):
        self._idle: list[_Worker] = []
        if workers < 1:
            raise AnzanError(f"workers: at least 1 needed, got {workers}")
        if timeout is not None and not timeout > 0:
            raise AnzanError(f"timeout: seconds above 0 needed, got {timeout}")
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "<none>")
        if module is None or "<" in name:
            raise TypeError(f"workers: a function at the top level of a module needed, got {name}")
        self.address = module, name
        self.size = workers
        self.timeout = timeout

    def run(self, combinations: Sequence[Sequence[Hashable]]) -> list[Any]:
        """The result of each combination of arguments, or the exception of a failed call; TimeoutError if stopped."""
        results: list[Any] = [None] * len(combinations)
        waiting = list(enumerate(combinations))[::-1]
        busy: dict[Connection, tuple[_Worker, int, float]] = {}
        try:
            while waiting or busy:
                while waiting and len(busy) < self.size:
                    worker = self._idle.pop() if self._idle else self._start()
                    try:
                        worker.pipe.send(tuple(waiting[-1][1]))
                    except OSError:  # it died while idle; start another
                        _stop(worker)
                        continue
                    except Exception as error:
                        self._idle.append(worker)
                        results[waiting.pop()[0]] = TypeError(f"arguments that cannot be sent to a worker: {error}")
                        continue
                    busy[worker.pipe] = worker, waiting.pop()[0], time.monotonic()
                if not busy:
                    continue
                for pipe in wait(list(busy), None if self.timeout is None else self._patience(busy)):
                    worker, place, _ = busy.pop(pipe)  # pyright: ignore[reportArgumentType]
                    try:
                        results[place] = worker.pipe.recv()
                        self._idle.append(worker)
                    except (EOFError, OSError):
                        results[place] = RuntimeError("the worker died")
                        _stop(worker)
                    except Exception as error:  # a result that cannot be unpickled here
                        results[place] = error
                        self._idle.append(worker)
                now = time.monotonic()
                for worker, place, since in list(busy.values()):
                    if self.timeout is not None and now - since >= self.timeout:
                        del busy[worker.pipe]
                        results[place] = TimeoutError(f"no result in {self.timeout:g} s")
                        _stop(worker)
        finally:
            for worker, _, _ in busy.values():
                _stop(worker)
        return results

    def close(self) -> None:
        """Stop the idle workers."""
        while self._idle:
            _stop(self._idle.pop())

    def __del__(self) -> None:
        self.close()

    def _patience(self, busy: dict[Connection, tuple[_Worker, int, float]]) -> float:
        assert self.timeout is not None
        return max(0.0, min(since for _, _, since in busy.values()) + self.timeout - time.monotonic())

    def _start(self) -> _Worker:
        context = get_context("spawn")  # a fork may hang if torch has threads
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(there, *self.address, list(sys.path)), daemon=True)
        process.start()
        there.close()
        try:
            ready = here.recv()  # the timeout counts from the end of the imports
        except (EOFError, OSError):
            ready = RuntimeError("it died; in a script, start workers under `if __name__ == '__main__':`")
        if isinstance(ready, Exception):
            _stop(_Worker(process, here))
            raise TypeError(f"workers: {'.'.join(self.address)} could not be imported in a worker: {ready}")
        return _Worker(process, here)


def _stop(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.kill()
    worker.process.join()
