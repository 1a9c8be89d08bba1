"""F: what runs, what is kept, what is undefined."""

import gc
import itertools
import tracemalloc
import warnings
from fractions import Fraction

import pytest
import torch

from anzan.layer import Characters, SymbolicFunction, symbolic


def test_results_are_encoded_and_run_once_per_combination() -> None:
    seen = []

    def add(a: int, b: int) -> int:
        seen.append((a, b))
        return a + b

    f = SymbolicFunction(add, encode=lambda n: [int(c) for c in str(n)])
    assert [f(7, 5), f(7, 5), f(5, 7), f(7, 5)] == [[1, 2]] * 4
    assert seen == [(7, 5), (5, 7)] and f.calls == 2 and f.failures == 0


def test_without_encode_the_result_is_the_ids() -> None:
    assert SymbolicFunction(lambda *a: a)(3, 1, 2) == (3, 1, 2)
    assert SymbolicFunction(lambda: ())() == ()


@pytest.mark.filterwarnings("ignore:.*is undefined:RuntimeWarning")
def test_undefined_results() -> None:
    """None and exceptions, in F or in its encoding, are undefined; exceptions are counted, once per combination."""
    f = SymbolicFunction(lambda a, b: None if b == 9 else a // b, encode=lambda n: {0: [0], 1: [1]}[n])
    assert f(1, 9) is None and (f.calls, f.failures, f.last_failure) == (1, 0, None)
    assert f(1, 0) is None and f.failures == 1 and isinstance(f.last_failure, ZeroDivisionError)
    assert f(8, 2) is None and f.failures == 2 and isinstance(f.last_failure, KeyError)
    assert f(1, 0) is None and f(8, 2) is None and f(3, 3) == [1]
    assert (f.calls, f.failures) == (4, 2)


def test_an_interrupt_is_no_failure_of_f() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    f = SymbolicFunction(stop)
    with pytest.raises(KeyboardInterrupt):
        f()
    assert f.failures == 0


def test_the_least_recently_used_result_is_dropped() -> None:
    f = SymbolicFunction(lambda a: [a], cache_bytes=1500)  # three of these, of less than 500 bytes each
    for a, calls in ((1, 1), (2, 2), (3, 3), (1, 3), (4, 4), (1, 4), (3, 4), (2, 5)):
        assert f(a) == [a] and f.calls == calls, a


def test_the_cache_keeps_within_its_bound() -> None:
    """Against what the interpreter says it allocated."""
    f = SymbolicFunction(lambda a: [a] * 50, cache_bytes=2**20)
    f(0)
    gc.collect()
    tracemalloc.start()
    for a in range(1000, 6000):
        f(a)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 0.3 * 2**20 < size < 2**20
    assert f.calls == 5001
    f(5999)
    assert f.calls == 5001


def test_the_cache_can_be_off() -> None:
    f = SymbolicFunction(lambda a: [a], cache_bytes=0)
    assert [f(1), f(1)] == [[1], [1]] and f.calls == 2


def test_arguments_that_are_equal_but_of_different_types() -> None:
    f = SymbolicFunction(lambda a: a, encode=lambda a: [len(str(a))])
    assert [f(1), f(1.0), f(True)] == [[1], [3], [4]] and f.calls == 3


def test_a_callable_is_needed() -> None:
    with pytest.raises(TypeError, match="function: a callable needed, got int"):
        SymbolicFunction(3)  # pyright: ignore[reportArgumentType]


@pytest.mark.filterwarnings("ignore:.*is undefined:RuntimeWarning")
def test_table() -> None:
    divide = SymbolicFunction(lambda a, b: a / b, encode=lambda q: [q.numerator, q.denominator])
    half, zero, two = Fraction(1, 2), Fraction(0), Fraction(2)
    table = divide.table([[(half, two), (two, zero), (zero, two)], [(two, half)]])
    assert table.ids.tolist() == [[[1, 4], [-1, -1], [0, 1]], [[4, 1], [-1, -1], [-1, -1]]]
    assert table.valid.tolist() == [[True, False, True], [True, False, False]]
    assert divide.failures == 1


def test_the_first_failure_is_reported_and_all_are_counted() -> None:
    @symbolic(encode=Characters("0123456789"))
    def halve(a: int) -> int:
        if a % 2:
            raise ValueError("an odd number")
        return a // 2

    with pytest.warns(RuntimeWarning, match=r"^halve\(3\) is undefined: ValueError: an odd number\. Further") as caught:
        assert halve(3) is None and halve(4) == [2]
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert halve(5) is None
    assert halve.report() == "halve: 3 calls, 2 failed, the last with ValueError: an odd number"


def test_a_string_needs_an_encoding() -> None:
    with pytest.raises(TypeError, match=r"returned the string '12': give encode=Characters"):
        symbolic(lambda: "12")()


# -- fixed spaces ----------------------------------------------------------------------------------------------------
def test_fixed_spaces_make_one_table_for_the_batch() -> None:
    add = symbolic(lambda a, b: a + b, encode=Characters("0123456789"), spaces=[range(3), (5, 9)])
    table = add.table()
    rows = [[[int(c) for c in str(a + b)] for a, b in itertools.product(range(3), (5, 9))]]
    assert table.ids.tolist() == [[r + [-1] * (2 - len(r)) for r in rows[0]]] and add.size == 6
    add.table()
    assert add.calls == 6


def test_at_runs_chosen_combinations_only() -> None:
    power = symbolic(lambda *digits: digits, spaces=[range(10)] * 8)
    index = torch.randint(10, (2, 3, 8), generator=torch.Generator().manual_seed(0))
    table = power.at(index)
    assert torch.equal(table.ids, index) and power.calls == 6 and power.size == 10**8
    flat = (index * 10 ** torch.arange(7, -1, -1)).sum(-1)
    assert torch.equal(power.at(flat).ids, index) and power.calls == 6


def test_too_many_combinations_for_a_table() -> None:
    power = symbolic(lambda *digits: digits, spaces=[range(10)] * 8)
    with pytest.raises(ValueError, match=r"has 100,000,000 combinations, beyond the limit of 1,000,000: choose some"):
        power.table()
    assert power.calls == 0
    assert symbolic(lambda a: [a], spaces=[range(5)], limit=5).table().ids.shape == (1, 5, 1)


def test_without_spaces_candidates_are_needed() -> None:
    with pytest.raises(ValueError, match="has no fixed spaces: give candidates"):
        symbolic(lambda a: [a]).table()
    with pytest.raises(ValueError, match=r"^spaces: at least one value needed"):
        symbolic(lambda a, b: [a], spaces=[range(3), []])


# -- vectorised ------------------------------------------------------------------------------------------------------
def test_a_vectorised_function_runs_once_on_what_is_new() -> None:
    seen = []

    @symbolic(vectorised=True, encode=Characters("0123456789-"))
    def subtract(a: list[int], b: list[int]) -> list[int]:
        seen.append(len(a))
        return (torch.tensor(a) - torch.tensor(b)).tolist()

    assert subtract.table([[(5, 3), (3, 5)], [(5, 3), (9, 9)]]).ids.tolist() == [[[2, -1], [10, 2]], [[2, -1], [0, -1]]]
    subtract.table([[(5, 3), (7, 3)]])
    assert seen == [3, 1] and subtract.calls == 4


@pytest.mark.filterwarnings("ignore:.*is undefined:RuntimeWarning")
def test_a_failure_in_a_vectorised_function_costs_one_candidate() -> None:
    divide = symbolic(lambda a, b: [x // y for x, y in zip(a, b, strict=True)], vectorised=True, encode=lambda n: [n])
    assert divide.results([(6, 3), (1, 0), (8, 2)]) == [[2], None, [4]] and divide.failures == 1


def test_a_vectorised_function_of_the_wrong_length() -> None:
    with pytest.raises(ValueError, match="2 results needed for 2 combinations, got 1"):
        symbolic(lambda a: a[:1], vectorised=True).results([(1,), (2,)])


# -- vectors ---------------------------------------------------------------------------------------------------------
def test_vectors() -> None:
    point = symbolic(lambda a: None if a == 2 else (a, 0.5, -a), spaces=[[1, 2, 3]])
    table, matrix = point.vectors()
    assert matrix.dtype == torch.float32 and table.valid.tolist() == [[True, False, True]]
    assert matrix[table.rows(torch.tensor([[0, 2]]))].tolist() == [[[[1.0, 0.5, -1.0]], [[3.0, 0.5, -3.0]]]]


# -- Characters ------------------------------------------------------------------------------------------------------
def test_characters() -> None:
    letters = Characters("0123456789-")
    assert letters(-120) == [10, 1, 2, 0] and len(letters) == 11
    assert letters.decode([10, 1, 2, 0, -1, -1]) == "-120"
    with pytest.raises(ValueError, match=r"'1\.5' has '\.', which is not in the alphabet"):
        letters(1.5)
    with pytest.raises(ValueError, match=r"^alphabet: each character once"):
        Characters("aba")


def test_nested_arguments_of_different_types_and_signs() -> None:
    f = SymbolicFunction(lambda p: [len(str(p))])
    for argument in [((1, 0),), ((1.0, 0),), ((True, 0),), 0.0, -0.0]:
        assert f(argument) == [len(str(argument))]
    assert f.calls == 5


def test_the_cache_sees_what_arguments_hold() -> None:
    f = SymbolicFunction(lambda p: [len(p[0])], cache_bytes=100_000)
    f(("x" * 1_000_000,)), f(("x" * 1_000_000,))
    assert f.calls == 2  # too large to keep
    g = SymbolicFunction(lambda a: [[float(a + i) for i in range(100)]], cache_bytes=10_000)
    for a in range(10):
        g(a)
    g(0)
    assert g.calls == 11  # four rows of 2,400 bytes fit, not ten


@pytest.mark.parametrize(
    "index", [torch.tensor([[6]]), torch.tensor([[-1]]), torch.tensor([[[0, 3]]]), torch.zeros(1, 1, 3).long()]
)
def test_at_beyond_the_spaces(index: torch.Tensor) -> None:
    f = SymbolicFunction(lambda a, b: [a + b], spaces=[range(2), range(3)])
    with pytest.raises(ValueError, match=r"^index: "):
        f.at(index)


def test_at_of_an_empty_batch() -> None:
    f = SymbolicFunction(lambda a, b: [a + b], spaces=[range(2), range(3)])
    assert f.at(torch.zeros(0, 4, 2).long()).ids.shape[:2] == (0, 4)
