"""F in other processes: same results, and nothing that F does can stop training."""

import os
import signal
import time

import pytest
from functions import slow

from anzan.layer import SymbolicFunction, symbolic


@symbolic
def decorated(a: int) -> list[int]:
    return [a + 1]


@pytest.mark.filterwarnings("ignore:.*is undefined:RuntimeWarning")
def test_exceptions_timeouts_and_deaths_are_undefined_results() -> None:
    f = SymbolicFunction(slow, workers=2, timeout=1.0)
    try:
        start = time.monotonic()
        results = f.results([(a,) for a in range(9)])
        assert time.monotonic() - start < 500
        assert [r and r[0] for r in results] == [0, 1, 2, None, None, None, None, 7, 8]
        assert f.failures == 4 and f.calls == 9
        assert os.getpid() not in {r[1] for r in results if r}
        f(4)
        assert f.calls == 9  # an undefined result is remembered too
        assert f.results([(10,)])[0][0] == 10
        f(14), f.close()
        assert f(11)[0] == 11  # workers start again
    finally:
        f.close()


def test_workers_run_at_the_same_time() -> None:
    f = SymbolicFunction(slow, workers=2)
    try:
        assert len({pid for _, pid in f.results([(a,) for a in range(10, 60)])}) == 2
    finally:
        f.close()


def test_a_worker_that_died_while_idle_is_replaced() -> None:
    f = SymbolicFunction(slow, workers=1)
    try:
        first = f(10)[1]
        os.kill(first, signal.SIGKILL)
        assert f._pool is not None
        f._pool._idle[0].process.join()
        again = f(11)
        assert again is None or again[1] != first  # lost at worst where the pipe took it in time
        assert f(12)[1] != first
    finally:
        f.close()


@pytest.mark.filterwarnings("ignore:.*is undefined:RuntimeWarning")
def test_arguments_that_cannot_travel() -> None:
    f = SymbolicFunction(slow, workers=1)
    try:
        assert f.results([(lambda: None,), (10,)])[0] is None and isinstance(f.last_failure, TypeError)
        assert f(12)[0] == 12
    finally:
        f.close()


def test_a_timeout_says_so() -> None:
    f = SymbolicFunction(slow, workers=1, timeout=0.3)
    try:
        with pytest.warns(RuntimeWarning, match=r"^slow\(4\) is undefined: TimeoutError: no result in 0\.3 s"):
            assert f(4) is None
        assert isinstance(f.last_failure, TimeoutError)
    finally:
        f.close()


def test_a_decorated_function_runs_in_workers_too() -> None:
    f = SymbolicFunction(decorated.function, workers=1)
    try:
        assert f.table([[(1,), (2,)]]).ids.tolist() == [[[2], [3]]]
    finally:
        f.close()


def test_a_function_that_a_worker_cannot_import() -> None:
    with pytest.raises(TypeError, match=r"^workers: a function at the top level of a module needed, got .*<lambda>"):
        SymbolicFunction(lambda a: [a], workers=1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"timeout": 1.0}, "^timeout: needs workers"),
        ({"workers": -1}, "^workers: at least 1"),
        ({"workers": 1, "timeout": 0.0}, "^timeout: seconds above 0"),
        ({"workers": 1, "vectorised": True}, "^workers: a vectorised function"),
    ],
)
def test_options_are_checked(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        SymbolicFunction(slow, **options)
