"""Chains against the product of all steps, written out."""

import itertools

import pytest
import torch
from dense import one_hot
from torch import Tensor
from torch.autograd import grad

from anzan.layer import (
    Characters,
    DropoutResidual,
    RelaxedGumbelSoftmax,
    ResultTable,
    Schedule,
    StraightThrough,
    SymbolicChain,
    set_progress,
    symbolic,
)

FIRST, SECOND = [(2, 3), (4, 1), (7, 0)], [5, 0, 8, 1]
letters = Characters("0123456789-")


def make():
    """(a + b) // c, undefined where c is 0: three choices of a pair, four of c."""
    return symbolic(lambda pair, c: sum(pair) // c, encode=letters, spaces=[FIRST, SECOND])


def dense(weights: list[Tensor], index: list[Tensor], embedding: Tensor) -> Tensor:
    """R = Σᵢⱼ z¹ᵢ z²ⱼ Eᵢⱼ over all combinations, each z one-hot forward with its soft gradient."""
    rows = [None if c == 0 else letters(sum(pair) // c) for pair, c in itertools.product(FIRST, SECOND)]
    table = ResultTable.from_rows([rows])
    tokens = one_hot(table.ids, len(letters)).view(3, 4, -1, len(letters))
    first, second = (
        torch.nn.functional.one_hot(i, w.shape[1]).double() - w.detach() + w
        for w, i in zip(weights, index, strict=True)
    )
    return torch.einsum("bi,bj,ijlv,vh->blh", first, second, tokens, embedding)


@pytest.mark.filterwarnings("ignore:.*ZeroDivisionError:RuntimeWarning")
def test_a_chain_is_the_product_of_its_steps() -> None:
    g = torch.Generator().manual_seed(0)
    scores = [torch.randn(30, n, generator=g, dtype=torch.float64, requires_grad=True) for n in (3, 4)]
    embedding = torch.randn(len(letters), 6, generator=g, dtype=torch.float64, requires_grad=True)
    divide = make()
    torch.manual_seed(0)
    embedded, mask, choices = SymbolicChain(StraightThrough(temperature=0.6))(scores, divide.at, embedding)
    full = dense([c.weights for c in choices], [c.index for c in choices], embedding)[:, : embedded.shape[1]]
    torch.testing.assert_close(embedded, full, atol=1e-10, rtol=0)
    upstream = torch.randn(embedded.shape, generator=g, dtype=torch.float64)
    for ours, theirs in zip(
        grad(embedded, [*scores, embedding], upstream, retain_graph=True),
        grad(full, [*scores, embedding], upstream),
        strict=True,
    ):
        assert theirs.any()
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)
    undefined = choices[1].index == 1
    assert undefined.any() and not embedded[undefined].any() and not mask[undefined].any() and mask[~undefined].any()


def test_runs_are_the_sum_of_the_steps_not_their_product() -> None:
    add = symbolic(lambda *a: str(sum(a)), encode=letters, spaces=[range(10)] * 6)
    chain = SymbolicChain()
    scores = [torch.randn(1, 10, requires_grad=True) for _ in range(6)]
    chain(scores, add.at, torch.eye(11))
    assert add.calls == 6 * 10 - 5  # of a million; the choice itself is in each of the six
    before = add.calls
    with torch.no_grad():
        out = chain.eval()(scores, add.at, torch.eye(11))
    best = [int(s.argmax()) for s in scores]
    assert add.calls - before <= 1
    assert letters.decode(out.embedded[0].argmax(-1)[out.mask[0]].tolist()) == str(sum(best))


def test_training_and_evaluation_give_the_same_result_without_noise() -> None:
    add = symbolic(lambda *a: str(sum(a)), encode=letters, spaces=[range(10)] * 3)
    scores = [torch.randn(4, 10, requires_grad=True) for _ in range(3)]
    chain = SymbolicChain(StraightThrough(noise_scale=0.0))
    train = chain(scores, add.at, torch.eye(11))
    with torch.no_grad():
        quiet = chain(scores, add.at, torch.eye(11))
    width = quiet.mask.shape[1]
    assert torch.equal(train.embedded[:, :width], quiet.embedded) and torch.equal(train.mask[:, :width], quiet.mask)
    assert not train.mask[:, width:].any()


def test_masked_steps() -> None:
    add = symbolic(lambda *a: str(sum(a)), encode=letters, spaces=[range(3)] * 2)
    scores = [torch.tensor([[9.0, 0.0, 0.0]]), torch.zeros(1, 3)]
    masks = [torch.tensor([[False, True, False]]), None]
    out = SymbolicChain()(scores, add.at, torch.eye(11), masks)
    assert out.choices[0].index is not None and out.choices[0].index.tolist() == [1]


@pytest.mark.parametrize(
    ("scores", "match"),
    [
        ([], "one or more"),
        ([torch.zeros(2, 0)], "needed for each step"),
        ([torch.zeros(2, 3), torch.zeros(1, 3)], "each"),
    ],
)
def test_scores_that_do_not_fit(scores: list[Tensor], match: str) -> None:
    with pytest.raises(ValueError, match=f"^scores: .*{match}"):
        SymbolicChain()(scores, make().at, torch.eye(11))


def test_a_soft_estimator_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^estimator: one that chooses a candidate needed"):
        SymbolicChain(RelaxedGumbelSoftmax())([torch.zeros(1, 3), torch.zeros(1, 4)], make().at, torch.eye(11))


def test_results_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"^results_at: results of shape \(1, 1, 'length'\) needed"):
        SymbolicChain()([torch.zeros(1, 3)], lambda index: ResultTable(torch.zeros(1, 2, 1).long()), torch.eye(11))


def test_dropout_residual() -> None:
    around = DropoutResidual(Schedule(0.25, 1.0))
    result, residual = torch.zeros(10_000, 2, 3), torch.ones(10_000, 1, 3)
    torch.manual_seed(0)
    out = around(result, residual)
    kept = out[:, 0, 0]
    assert torch.equal(out, kept[:, None, None].expand_as(out)) and set(kept.tolist()) == {0.0, 1.0}
    assert abs(kept.mean().item() - 0.75) < 5 * (0.75 * 0.25 / 10_000) ** 0.5
    set_progress(around, 1.0)
    assert not around(result, residual).any()
    set_progress(around, 0.0)
    assert not around.eval()(result, residual).any()


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_probabilities_are_checked(p: float) -> None:
    with pytest.raises(ValueError, match=r"^p: "):
        DropoutResidual(p)
