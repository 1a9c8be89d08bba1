"""The layer from scores to embedded result, and what it learns from a loss behind F."""

from itertools import combinations

import pytest
import torch
from dense import straight_through_sum, weighted_sum
from torch.autograd import grad

from anzan.layer import (
    RelaxedGumbelSoftmax,
    ResultTable,
    StraightThrough,
    SymbolicFunction,
    SymbolicLayer,
    argument_loss,
)

PAIRS = list(combinations(range(4), 2))


def digits(n: int) -> list[int]:
    return [int(c) for c in str(n)]


@pytest.mark.parametrize("shared", [False, True])
def test_forward_and_backward_are_the_dense_ones(shared: bool) -> None:
    g = torch.Generator().manual_seed(0)
    rows = [[digits(100 * b + a) if (a + b) % 3 else None for a in range(5)] for b in range(1 if shared else 3)]
    table = ResultTable.from_rows(rows)
    scores = torch.randn(3, 5, generator=g, dtype=torch.float64, requires_grad=True)
    embedding = torch.randn(10, 4, generator=g, dtype=torch.float64, requires_grad=True)
    for estimator in (StraightThrough(0.7), RelaxedGumbelSoftmax(0.7)):
        out = SymbolicLayer(estimator)(scores, table, embedding)
        if out.choice.index is None:
            dense = weighted_sum(out.choice.weights, table.ids, embedding)
        else:
            dense = straight_through_sum(out.choice.weights, out.choice.index, table.ids, embedding)
        torch.testing.assert_close(out.embedded, dense)
        upstream = torch.randn(dense.shape, generator=g, dtype=torch.float64)
        ours = grad(out.embedded, (scores, embedding), upstream, retain_graph=True)
        theirs = grad(dense, (scores, embedding), upstream)
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b)
        assert out.mask.shape == out.embedded.shape[:2]


def test_straight_through_is_the_default_and_evaluation_is_certain() -> None:
    layer = SymbolicLayer().eval()
    scores = torch.tensor([[0.0, 2.0, 1.0]])
    out = layer(scores, ResultTable.from_rows([[[0], [1, 2], [3]]]), torch.eye(4))
    assert isinstance(layer.estimator, StraightThrough)
    assert torch.equal(out.embedded, torch.eye(4)[None, [1, 2]]) and out.mask.all() and out.choice.index.tolist() == [1]


def test_no_candidates_at_all() -> None:
    out = SymbolicLayer()(torch.zeros(2, 0), ResultTable.from_rows([[], []]), torch.eye(4))
    assert out.embedded.shape == (2, 0, 4) and out.mask.shape == (2, 0)


@pytest.mark.parametrize("shape", [(2, 3), (3, 4), (3,), (3, 2, 3)])
def test_scores_that_do_not_go_with_the_table_get_one_line(shape: tuple[int, ...]) -> None:
    table = ResultTable.from_rows([[[0], [1], [2]]] * 3)
    with pytest.raises(ValueError, match=r"scores: shape \(3, 3\) needed"):
        SymbolicLayer()(torch.zeros(shape), table, torch.eye(4))


def test_the_argument_loss_is_at_hand() -> None:
    assert SymbolicLayer.argument_loss is argument_loss


def test_learns_which_operands_make_the_target() -> None:
    """Six pairs of operands; a cue says which pair's sum is wanted; only the sum's digits are ever compared."""
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(0)
    add = SymbolicFunction(lambda a, b: a + b, encode=digits)
    operands = torch.randint(10, 90, (64, 4), generator=g).tolist()
    cue = torch.randint(0, 6, (64,), generator=g)
    table = add.table([[(o[i], o[j]) for i, j in PAIRS] for o in operands])
    embedding = torch.randn(10, 16, generator=g)
    wanted = torch.zeros(64, table.ids.shape[2], 16)
    for b, (o, c) in enumerate(zip(operands, cue.tolist(), strict=True)):
        total = digits(o[PAIRS[c][0]] + o[PAIRS[c][1]])
        wanted[b, : len(total)] = embedding[total]

    scorer = torch.nn.Linear(6, 6)
    layer = SymbolicLayer(StraightThrough(temperature=1.0))
    optimizer = torch.optim.Adam(scorer.parameters(), lr=0.1)
    features = torch.eye(6)[cue]
    losses = []
    for _ in range(150):
        loss = (layer(scorer(features), table, embedding).embedded - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.2 * sum(losses[:10])
    chosen = layer.eval()(scorer(features), table, embedding).choice.index
    assert torch.equal(chosen, cue)
    assert add.calls <= 64 * 6 and add.failures == 0
