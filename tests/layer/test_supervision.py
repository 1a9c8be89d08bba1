"""The argument loss against a loop over examples in plain Python."""

import math
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import grad, gradcheck

from anzan.layer import argument_loss, entropy, pseudo_labels, relaxed_gumbel_softmax

Kind = Literal["bce", "marginal"]
KINDS: list[Kind] = ["bce", "marginal"]


def by_hand(scores: Tensor, acceptable: Tensor, valid: Tensor, kind: str) -> float:
    losses = []
    for s, good, there in zip(scores.tolist(), acceptable.tolist(), valid.tolist(), strict=True):
        kept = [a for a in range(len(s)) if there[a]]
        total = math.fsum(math.exp(s[a]) for a in kept)
        p = {a: math.exp(s[a]) / total for a in kept}
        right = [a for a in kept if good[a]]
        if not right:
            continue
        if kind == "marginal":
            losses.append(-math.log(math.fsum(p[a] for a in right)))
        else:
            losses.append(-sum(math.log(p[a]) if a in right else math.log(1 - p[a]) for a in kept) / len(kept))
    return sum(losses) / len(losses) if losses else 0.0


def loss_of(scores: Tensor, acceptable: Tensor, valid: Tensor, kind: Kind) -> Tensor:
    return argument_loss(relaxed_gumbel_softmax(scores, valid).log_probs, acceptable, valid, kind)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4), st.integers(2, 6), st.integers(0, 2**31), st.sampled_from(KINDS), st.booleans())
def test_against_a_loop(batch: int, candidates: int, seed: int, kind: Kind, give_mask: bool) -> None:
    g = torch.Generator().manual_seed(seed)
    scores = torch.randn(batch, candidates, generator=g, dtype=torch.float64)
    acceptable = torch.rand(batch, candidates, generator=g) < 0.3
    valid = torch.rand(batch, candidates, generator=g) < 0.7
    valid &= valid.sum(-1, keepdim=True) > 1  # with a single candidate p = 1: tested below
    log_probs = relaxed_gumbel_softmax(scores, valid).log_probs
    loss = argument_loss(log_probs, acceptable, valid if give_mask else None, kind)
    assert loss.item() == pytest.approx(by_hand(scores, acceptable, valid, kind), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck(kind: Kind) -> None:
    g = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 5, generator=g, dtype=torch.float64, requires_grad=True)
    acceptable = torch.rand(4, 5, generator=g) < 0.4
    acceptable[1] = False
    valid = torch.rand(4, 5, generator=g) < 0.8
    valid[3] = False
    assert gradcheck(lambda s: loss_of(s, acceptable, valid, kind), (scores,))


@pytest.mark.parametrize("kind", KINDS)
def test_without_labels_there_is_no_loss(kind: Kind) -> None:
    scores = torch.randn(3, 4, requires_grad=True)
    valid = torch.tensor([[True] * 4, [True, False, True, False], [False] * 4])
    acceptable = torch.zeros(3, 4, dtype=torch.bool)
    acceptable[1, 1] = acceptable[2, 0] = True  # at candidates that are not valid: no label
    loss = loss_of(scores, acceptable, valid, kind)
    (gradient,) = grad(loss, scores)
    assert loss.item() == 0.0 and not gradient.any()


@pytest.mark.parametrize("kind", KINDS)
def test_without_candidates_there_is_no_loss(kind: Kind) -> None:
    scores = torch.zeros(2, 0, requires_grad=True)
    loss = argument_loss(scores.log_softmax(-1), torch.zeros(2, 0, dtype=torch.bool), kind=kind)
    assert loss.item() == 0.0
    assert grad(loss, scores)[0].shape == (2, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_unlabelled_examples_do_not_count(kind: Kind) -> None:
    scores = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    acceptable = torch.tensor([[True, False, False, True], [False] * 4])
    valid = torch.ones(2, 4, dtype=torch.bool)
    both, alone = loss_of(scores, acceptable, valid, kind), loss_of(scores[:1], acceptable[:1], valid[:1], kind)
    torch.testing.assert_close(both, alone)
    assert not grad(both, scores)[0][1].any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("labels", [[True, False, False], [False, True, False], [True, True, True]])
def test_no_nan_where_the_scorer_is_certain(kind: Kind, dtype: torch.dtype, labels: list[bool]) -> None:
    """p = 1 for one candidate and 0 for the others, right or wrong."""
    scores = torch.tensor([[1e4, -1e4, 0.0]], dtype=dtype, requires_grad=True)
    loss = loss_of(scores, torch.tensor([labels]), torch.ones(1, 3, dtype=torch.bool), kind)
    (gradient,) = grad(loss, scores)
    assert loss.isfinite() and gradient.isfinite().all()
    if labels == [False, True, False]:
        assert gradient[0, 1] < 0 < gradient[0, 0]  # a way out


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_candidate_is_certain(kind: Kind) -> None:
    scores = torch.randn(1, 3, requires_grad=True)
    valid = torch.tensor([[False, True, False]])
    loss = loss_of(scores, valid, valid, kind)
    assert loss.item() == pytest.approx(0.0, abs=1e-6) and grad(loss, scores)[0].isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_shared_mask(kind: Kind) -> None:
    scores = torch.randn(3, 4, dtype=torch.float64)
    valid = torch.tensor([[True, True, False, True]])
    acceptable = torch.tensor([[True, False, True, False]]).expand(3, -1)
    log_probs = relaxed_gumbel_softmax(scores, valid).log_probs
    expected = by_hand(scores, acceptable, valid.expand(3, -1), kind)
    assert argument_loss(log_probs, acceptable, valid, kind).item() == pytest.approx(expected)


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind: 'bce' or 'marginal' needed, got 'hinge'"):
        argument_loss(torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool), kind="hinge")  # pyright: ignore[reportArgumentType]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4), st.integers(0, 6), st.integers(0, 2**31), st.booleans(), st.booleans())
def test_pseudo_labels_against_a_loop(batch: int, candidates: int, seed: int, give_mask: bool, shared: bool) -> None:
    g = torch.Generator().manual_seed(seed)
    scores = torch.randn(batch, candidates, generator=g, dtype=torch.float64)
    acceptable = torch.rand(batch, candidates, generator=g) < 0.2
    valid = torch.rand(1 if shared else batch, candidates, generator=g) < 0.6
    log_probs = relaxed_gumbel_softmax(scores, valid.expand_as(scores)).log_probs
    own = pseudo_labels(log_probs, acceptable, valid if give_mask else None)
    for b, row in enumerate(scores.tolist()):
        there = [a for a in range(candidates) if valid.expand_as(scores)[b, a]]
        expected = [False] * candidates
        if there and not any(acceptable[b, a] for a in there):
            expected[max(there, key=row.__getitem__)] = True
        assert own[b].tolist() == expected


def test_pseudo_labels_keep_to_the_mask() -> None:
    """Where the mask is narrower than that of the scores."""
    mask = torch.tensor([[False, True]])
    assert pseudo_labels(torch.tensor([[2.0, 1.0]]).log_softmax(-1), torch.zeros(1, 2).bool(), mask).tolist() == [
        [False, True]
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_pseudo_labels_sharpen_what_is_there(kind: Kind) -> None:
    scores = torch.tensor([[0.3, 0.1, -0.2], [2.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    acceptable = torch.tensor([[False] * 3, [False, True, False]])
    log_probs = scores.log_softmax(-1)
    own = pseudo_labels(log_probs, acceptable)
    (gradient,) = grad(argument_loss(log_probs, own, kind=kind), scores)
    assert gradient[0, 0] < 0 < gradient[0, 1:].min()  # a step of descent raises the most probable one
    assert not gradient[1].any()  # an example with a label is left to it


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**31), st.booleans())
def test_entropy_against_a_loop(batch: int, candidates: int, seed: int, give_mask: bool) -> None:
    g = torch.Generator().manual_seed(seed)
    scores = 5 * torch.randn(batch, candidates, generator=g, dtype=torch.float64)
    valid = torch.rand(batch, candidates, generator=g) < 0.7
    expected = []
    for row, there in zip(scores.tolist(), valid.tolist(), strict=True):
        weights = [math.exp(s) for s, t in zip(row, there, strict=True) if t]
        expected.append(-math.fsum(w / sum(weights) * math.log(w / sum(weights)) for w in weights))
    log_probs = relaxed_gumbel_softmax(scores, valid).log_probs
    assert entropy(log_probs, valid if give_mask else None).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_entropy_where_a_probability_is_0_or_nothing_is_valid() -> None:
    scores = torch.tensor([[0.0, -1e30, 0.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], requires_grad=True)
    valid = torch.tensor([[True] * 3, [False] * 3, [True] * 3])
    h = entropy(relaxed_gumbel_softmax(scores, valid).log_probs, valid)
    assert h.tolist() == pytest.approx([math.log(2), 0.0, math.log(3)])
    (gradient,) = grad(h.sum(), scores)
    assert gradient.abs().max() < 1e-7  # each is at its most, or has none


def test_gradcheck_of_entropy() -> None:
    g = torch.Generator().manual_seed(0)
    scores = torch.randn(3, 2, 4, generator=g, dtype=torch.float64, requires_grad=True)
    valid = torch.rand(3, 2, 4, generator=g) < 0.8
    assert gradcheck(lambda s: entropy(s.masked_fill(~valid, -torch.inf).log_softmax(-1), valid), (scores,))


def test_a_bonus_leaves_the_others_the_share_that_its_weight_promises() -> None:
    """The optimum of -sum p d + w H is softmax(-d / w): here one candidate is better than six others by 0.5."""
    scores = torch.zeros(1, 7, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=0.05)
    losses = torch.tensor([0.0, *[0.5] * 6], dtype=torch.float64)
    for _ in range(600):
        log_probs = scores.log_softmax(-1)
        optimiser.zero_grad()
        ((log_probs.exp() * losses).sum() - 0.1 * entropy(log_probs).sum()).backward()
        optimiser.step()
    others = 6 * math.exp(-5)
    assert 1 - scores.softmax(-1)[0, 0].item() == pytest.approx(others / (1 + others), rel=1e-3)
