"""The result table: padding, distinct tokens, errors."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anzan.layer import ResultTable

ROWS = st.lists(st.lists(st.none() | st.lists(st.integers(0, 9), max_size=4), max_size=4), max_size=3)


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_rows_come_back(rows: list[list[list[int] | None]]) -> None:
    table = ResultTable.from_rows(rows)
    candidates = max([0, *map(len, rows)])
    assert table.ids.shape[:2] == table.valid.shape == (len(rows), candidates)
    assert table.ids.shape[2] == max([0, *(len(ids) for row in rows for ids in row if ids is not None)])
    for b, row in enumerate(rows):
        for a in range(candidates):
            ids = row[a] if a < len(row) else None
            assert bool(table.valid[b, a]) == (ids is not None)
            got = table.ids[b, a].tolist()
            assert got == [*(ids or []), *[-1] * (len(got) - len(ids or []))]
            assert int(table.lengths[b, a]) == len(ids or [])
            assert table.mask[b, a].tolist() == [i >= 0 for i in got]


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_distinct_tokens(rows: list[list[list[int] | None]]) -> None:
    table = ResultTable.from_rows(rows)
    tokens, inverse = table.distinct
    assert tokens.tolist() == sorted({i for row in rows for ids in row if ids for i in ids})
    assert torch.equal(torch.cat([tokens, torch.tensor([-1])])[inverse], table.ids)


def test_every_candidate_is_valid_by_default() -> None:
    assert ResultTable(torch.tensor([[[1, -1], [-1, -1]]])).valid.tolist() == [[True, True]]


def test_integers_of_any_kind() -> None:
    table = ResultTable(torch.tensor([[[1, 2]]], dtype=torch.int32), torch.tensor([[1]]))
    assert table.ids.dtype == torch.long and table.valid.dtype == torch.bool


def test_to_and_repr() -> None:
    table = ResultTable.from_rows([[[1, 2], None]], device="cpu").to("cpu")
    assert repr(table) == "ResultTable(batch=1, candidates=2, length=2, valid=1)"


@pytest.mark.parametrize(
    "ids", [torch.zeros(2, 3, dtype=torch.long), torch.zeros(1, 2, 3), torch.zeros(1, 2, 3, dtype=torch.bool)]
)
def test_ids_are_checked(ids: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"^ids: integers of shape \(batch or 1, candidates, length\) needed, got"):
        ResultTable(ids)


@pytest.mark.parametrize("ids", [[[[1, -2]]], [[[-1, 1]]], [[[1, 2, 3], [1, -1, 3]]]])
def test_padding_is_checked(ids: list) -> None:
    with pytest.raises(ValueError, match=r"^ids: token ids >= 0 with -1 after the last one needed"):
        ResultTable(torch.tensor(ids))


def test_valid_is_checked() -> None:
    with pytest.raises(ValueError, match=r"^valid: shape \(1, 2\) needed to match ids, got \(1, 3\)$"):
        ResultTable(torch.zeros(1, 2, 3, dtype=torch.long), torch.ones(1, 3))


def test_negative_ids_in_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^rows\[1\]\[0\]: token ids must be >= 0, got -3$"):
        ResultTable.from_rows([[[1]], [[2, -3]]])


def test_rows() -> None:
    table = ResultTable(torch.tensor([[[1, 2], [3, -1], [4, 5]]]), torch.tensor([[True, True, False]]))
    assert table.rows(torch.tensor([1, 0, 2])).tolist() == [[3, -1], [1, 2], [-1, -1]]  # one table for three examples
    assert table.rows(torch.tensor([[1, 0]])).tolist() == [[[3, -1], [1, 2]]]
    own = ResultTable(torch.tensor([[[1], [2]], [[3], [4]]]))
    assert own.rows(torch.tensor([1, 0])).tolist() == [[2], [3]]
    assert own.rows(torch.tensor([[1, 1, 0], [0, 1, 0]])).tolist() == [[[2], [2], [1]], [[3], [4], [3]]]


def test_vectors_are_kept_once() -> None:
    table, matrix = ResultTable.from_vectors([[[1.0, 2.0], None], [[[3.0, 4.0], [1.0, 2.0]], torch.tensor([3.0, 4.0])]])
    assert matrix.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert table.ids.tolist() == [[[0, -1], [-1, -1]], [[1, 0], [1, -1]]]
    assert table.valid.tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize("rows", [[[[1.0], [1.0, 2.0]]], [[None]], []])
def test_vectors_of_different_sizes(rows: list) -> None:
    with pytest.raises(ValueError, match=r"^rows: vectors of one size needed"):
        ResultTable.from_vectors(rows)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([[[1, 2], [0.5, 1.5]]], torch.float32),
        ([[[1, 2], [3, 4]]], torch.float32),
        ([[torch.tensor([1.0, 2.0], dtype=torch.float64)]], torch.float64),
        ([[torch.tensor([1.0], dtype=torch.float64), [2]]], torch.float32),
    ],
)
def test_vectors_of_whole_numbers_stay_vectors(rows: list, kind: torch.dtype) -> None:
    table, matrix = ResultTable.from_vectors(rows)
    assert matrix.dtype == kind
    assert [matrix[i].tolist() for i in table.ids[0, :, 0]] == [list(map(float, v)) for v in rows[0]]


@pytest.mark.parametrize("result", [[0.5], [-0.5], 3, ["1"], [[1]], torch.tensor([1.0])])
def test_results_that_are_no_ids(result: object) -> None:
    with pytest.raises(TypeError, match=r"^rows\[0\]\[1\]: a sequence of token ids needed, got "):
        ResultTable.from_rows([[[2], result]])  # pyright: ignore[reportArgumentType]
