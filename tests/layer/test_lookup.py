"""Lookup against the dense construction, forward and backward."""

from typing import NamedTuple

import pytest
import torch
from dense import straight_through_sum, weighted_sum
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import grad, gradcheck

from anzan.layer import Choice, ResultTable, lookup, relaxed_gumbel_softmax, straight_through


def assert_close(ours: list[Tensor], theirs: list[Tensor]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)


class Case(NamedTuple):
    scores: Tensor
    table: ResultTable
    embedding: Tensor
    upstream: Tensor

    @property
    def mask(self) -> Tensor:
        return self.table.valid.expand_as(self.scores)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Scores, a table with padding, undefined and duplicate results (at times shared by the batch), embeddings."""
    batch, candidates = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    length, vocabulary, hidden = draw(st.integers(0, 4)), draw(st.integers(1, 7)), draw(st.integers(1, 4))
    shared, defined = draw(st.booleans()), draw(st.sampled_from([0.0, 0.5, 1.0]))
    g = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    rows: list[list[list[int] | None]] = []
    for _ in range(1 if shared else batch):
        row: list[list[int] | None] = []
        for _ in range(candidates):
            kind = float(torch.rand((), generator=g))
            if kind >= defined:
                row.append(None)
            elif row and kind < 0.3 * defined:
                row.append(row[-1])  # a duplicate, or one more that is undefined
            else:
                size = int(torch.randint(0, length + 1, (), generator=g))
                row.append(torch.randint(0, vocabulary, (size,), generator=g).tolist())
        rows.append(row)
    longest = max([0, *(len(ids) for row in rows for ids in row if ids)])
    return Case(
        torch.randn(batch, candidates, generator=g, dtype=torch.float64, requires_grad=True),
        ResultTable.from_rows(rows),
        torch.randn(vocabulary, hidden, generator=g, dtype=torch.float64, requires_grad=True),
        torch.randn(batch, longest, hidden, generator=g, dtype=torch.float64),
    )


def with_gradients(output: Tensor, upstream: Tensor, *inputs: Tensor) -> list[Tensor]:
    gradients = grad(output, inputs, upstream, retain_graph=True, materialize_grads=True)
    return [output.detach(), *gradients]


@settings(deadline=None, max_examples=60)
@given(cases())
def test_soft_lookup_is_the_dense_sum(case: Case) -> None:
    choice = relaxed_gumbel_softmax(case.scores, case.mask, noise_scale=0.0)
    embedded, mask = lookup(choice, case.table, case.embedding)
    dense = weighted_sum(choice.weights, case.table.ids, case.embedding)
    inputs = (choice.weights, case.embedding, case.scores)
    ours, theirs = (with_gradients(o, case.upstream, *inputs) for o in (embedded, dense))
    assert_close(ours, theirs)
    # In play: the longest result with a weight.
    for b, row in enumerate(choice.weights.tolist()):
        results = case.table.ids[b if case.table.ids.shape[0] > 1 else 0].tolist()
        longest = max([0, *(sum(i >= 0 for i in r) for w, r in zip(row, results, strict=True) if w > 0)])
        assert mask[b].tolist() == [l < longest for l in range(mask.shape[1])]


@settings(deadline=None, max_examples=60)
@given(cases())
def test_hard_lookup_reads_one_row_and_has_the_gradient_of_the_sum(case: Case) -> None:
    choice = straight_through(case.scores, case.mask, generator=torch.Generator().manual_seed(0))
    assert choice.index is not None
    embedded, mask = lookup(choice, case.table, case.embedding)
    for b, index in enumerate(choice.index.tolist()):
        shared = case.table.ids.shape[0] == 1
        tokens = [i for i in case.table.ids[0 if shared else b, index].tolist() if i >= 0]
        if not case.mask[b].any():
            tokens = []
        expected = torch.zeros_like(embedded[b])
        expected[: len(tokens)] = case.embedding[tokens]
        assert torch.equal(embedded[b], expected)
        assert mask[b].tolist() == [l < len(tokens) for l in range(mask.shape[1])]
    dense = straight_through_sum(choice.weights, choice.index, case.table.ids, case.embedding)
    inputs = (choice.weights, case.embedding, case.scores)
    ours, theirs = (with_gradients(o, case.upstream, *inputs) for o in (embedded, dense))
    assert_close(ours, theirs)


def small() -> tuple[ResultTable, Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    table = ResultTable.from_rows([[[0, 1], [2], None, [2]], [[3, 3, 0], [], [1], [2, 0]]])
    weights = torch.rand(2, 4, generator=g, dtype=torch.float64, requires_grad=True)
    return table, weights, torch.randn(5, 3, generator=g, dtype=torch.float64, requires_grad=True)


def test_gradcheck_of_the_soft_path() -> None:
    table, weights, embedding = small()
    assert gradcheck(lambda w, e: lookup(Choice(w, w, None), table, e)[0], (weights, embedding))


def test_gradcheck_of_the_hard_path_in_the_embedding() -> None:
    table, weights, embedding = small()
    index = torch.tensor([1, 0])
    assert gradcheck(lambda e: lookup(Choice(weights.detach(), weights, index), table, e)[0], (embedding,))


def test_shared_table_of_a_batch_of_one() -> None:
    table = ResultTable.from_rows([[[1], [2, 3]]])
    embedding = torch.eye(4)
    choice = straight_through(torch.tensor([[0.0, 1.0]]), noise_scale=0.0)
    embedded, mask = lookup(choice, table, embedding)
    assert torch.equal(embedded, embedding[[2, 3]][None]) and mask.tolist() == [[True, True]]


def test_tokens_at_invalid_candidates_never_show() -> None:
    ids = torch.tensor([[[5, 6], [7, -1]], [[5, 6], [7, 8]]])
    table = ResultTable(ids, torch.tensor([[False, True], [False, False]]))
    embedding = torch.randn(9, 2)
    for estimate in (straight_through, relaxed_gumbel_softmax):
        embedded, mask = lookup(estimate(torch.tensor([[9.0, 0.0]] * 2), table.valid), table, embedding)
        assert torch.equal(embedded[0], torch.stack([embedding[7], torch.zeros(2)]))
        assert not embedded[1].any() and mask.tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize("length", [0, 3])
@pytest.mark.parametrize("hard", [False, True])
def test_no_candidates_at_all(length: int, hard: bool) -> None:
    scores = torch.zeros(2, 0, requires_grad=True)
    table = ResultTable(torch.zeros(2, 0, length, dtype=torch.long))
    choice = (straight_through if hard else relaxed_gumbel_softmax)(scores, table.valid)
    embedded, mask = lookup(choice, table, torch.randn(5, 4))
    assert embedded.shape == (2, length, 4) and not embedded.any() and not mask.any() and mask.shape == (2, length)


def test_half_precision_embeddings() -> None:
    table, weights, embedding = small()
    for index in (None, torch.tensor([1, 0])):
        half = embedding.detach().to(torch.bfloat16).requires_grad_()
        embedded, _ = lookup(Choice(weights, weights, index), table, half)
        g_weights, g_embedding = grad(embedded.sum(), (weights, half))
        assert embedded.dtype == g_embedding.dtype == torch.bfloat16 and g_weights.dtype == torch.float64


@pytest.mark.parametrize("shape", [(2, 3), (3, 4), (4,), (2, 4, 1)])
def test_shapes_that_do_not_go_together(shape: tuple[int, ...]) -> None:
    table, _, embedding = small()  # (2, 4, 3)
    weights = torch.zeros(shape)
    with pytest.raises(ValueError, match=r"^weights: \(batch, candidates\) needed to match a table of \(2, 4, 3\)"):
        lookup(Choice(weights, weights, None), table, embedding)
