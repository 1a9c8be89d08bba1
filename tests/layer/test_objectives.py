"""Objectives against enumeration in numpy, and against the properties of an unbiased estimator."""

import itertools
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from torch import Tensor
from torch.autograd import grad
from unbiased import CONFIDENCE, DRAWS, Network, far_off, generator

from anzan.layer import (
    Categorical,
    Estimate,
    Factorised,
    ResultTable,
    SymbolicLayer,
    embed,
    exact_marginal,
    leave_one_out,
    one_argument_out,
    sampled_marginal,
    straight_through,
    top_k_marginal,
    unordered_set,
)


def probabilities(scores: np.ndarray, valid: np.ndarray) -> np.ndarray:
    powers = np.where(valid, np.exp(scores - scores[valid].max()), 0.0)
    return powers / powers.sum()


# -- exact objectives against enumeration ----------------------------------------------------------------------------
@st.composite
def cases(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Scores with ties, a mask with at least one valid candidate a row, losses with duplicates."""
    batch, candidates = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    g = generator(draw(st.integers(0, 2**31)))
    scores = torch.randn(batch, candidates, generator=g, dtype=torch.float64)
    if draw(st.booleans()):
        scores = scores.round()
    mask = torch.rand(batch, candidates, generator=g) < draw(st.sampled_from([0.3, 0.7, 1.0]))
    mask[:, int(torch.randint(candidates, (), generator=g))] = True
    losses = torch.rand(batch, candidates, generator=g, dtype=torch.float64) * 5
    return scores.requires_grad_(), mask, losses.round() if draw(st.booleans()) else losses


@settings(deadline=None, max_examples=80)
@given(cases(), st.integers(1, 7))
def test_marginals_are_what_enumeration_gives(case: tuple[Tensor, Tensor, Tensor], k: int) -> None:
    scores, mask, losses = case
    losses.requires_grad_()
    for estimate in (
        exact_marginal(scores, lambda index: losses.gather(1, index), mask),
        top_k_marginal(scores, lambda index: losses.gather(1, index), mask, k=k),
    ):
        to_scores, to_losses = grad(estimate.loss.sum(), (scores, losses), retain_graph=True)
        assert estimate.target == "marginal"
        for b in range(len(scores)):
            p = probabilities(scores[b].detach().numpy(), mask[b].numpy())
            run = np.zeros(len(p), bool)
            run[estimate.index[b].numpy()] = True
            if estimate.approximation == "none":
                assert run.all()
            else:  # the k best, ties broken anyhow
                assert sorted(p[run])[::-1] == pytest.approx(sorted(p)[::-1][:k], abs=1e-12) and run.sum() == k
            likelihood = np.where(run, p * np.exp(-losses[b].detach().numpy()), 0.0)
            posterior = likelihood / likelihood.sum()
            assert abs(estimate.loss[b].item() + math.log(likelihood.sum())) < 1e-10
            assert np.abs(to_scores[b].numpy() - (p - posterior)).max() < 1e-10
            assert np.abs(to_losses[b].numpy() - posterior).max() < 1e-10


@settings(deadline=None, max_examples=40)
@given(cases())
def test_a_set_of_all_candidates_is_exact(case: tuple[Tensor, Tensor, Tensor]) -> None:
    scores, mask, losses = case
    estimate = unordered_set(scores, lambda index: losses.gather(1, index), mask, samples=6, generator=generator())
    (gradient,) = grad(estimate.loss.sum(), scores)
    assert estimate.approximation == "none"
    for b in range(len(scores)):
        p = probabilities(scores[b].detach().numpy(), mask[b].numpy())
        values = losses[b].detach().numpy()
        mean = (p * values).sum()
        assert abs(estimate.loss[b].item() - mean) < 1e-10
        assert np.abs(gradient[b].numpy() - p * (values - mean)).max() < 1e-10


def by_permutations(chosen: list[float]) -> tuple[float, list[float]]:
    """p(S), the probability to draw this set without replacement, and p(S | first draw s) for each s: by definition."""

    def sequence(order: tuple[float, ...], left: float) -> float:
        total = 1.0
        for p in order:
            total *= p / left
            left -= p
        return total

    given_first = []
    for s, p in enumerate(chosen):
        rest = chosen[:s] + chosen[s + 1 :]
        given_first.append(sum(sequence(order, 1 - p) for order in itertools.permutations(rest)))
    return sum(sequence(order, 1.0) for order in itertools.permutations(chosen)), given_first


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_unordered_set_is_the_published_estimator(samples: int) -> None:
    """Kool et al. (ICLR 2020), equations 8 and 13, with p(S) and R(S, s) summed over all orders."""
    scores = torch.randn(5, 7, generator=generator(), dtype=torch.float64, requires_grad=True)
    values = torch.rand(5, 7, generator=generator(1), dtype=torch.float64)
    estimate = unordered_set(scores, lambda i: values.gather(1, i), samples=samples, generator=generator(2))
    (gradient,) = grad(estimate.loss.sum(), scores)
    p = scores.softmax(-1).detach()
    for b, index in enumerate(estimate.index.tolist()):
        chosen = [float(p[b, i]) for i in index]
        f = [float(values[b, i]) for i in index]
        total, first = by_permutations(chosen)
        ratio = [r / total for r in first]
        assert estimate.loss[b].item() == pytest.approx(
            sum(q * r * x for q, r, x in zip(chosen, ratio, f, strict=True))
        )
        expected = np.zeros(7)
        for s, i in enumerate(index):
            # Second order: s is out of the domain. It stands in its own baseline with a ratio of 1.
            others = [j for j in range(samples) if j != s]
            without, given_first = by_permutations([chosen[j] / (1 - chosen[s]) for j in others])
            baseline = chosen[s] * f[s] + sum(
                chosen[j] * r / without * f[j] for j, r in zip(others, given_first, strict=True)
            )
            weight = chosen[s] * ratio[s] * (f[s] - baseline)
            expected += weight * ((np.arange(7) == i) - p[b].numpy())
        assert gradient[b].numpy() == pytest.approx(expected, abs=1e-9)


# -- Proposition 2 ---------------------------------------------------------------------------------------------------
def test_the_hard_layer_is_the_latent_variable_model_in_expectation() -> None:
    """Yoshikawa et al. (NLP2022), proposition 2: E over Gumbel noise of p(y|x, F(z)) is Σ p(y|x, F(z)) p(z|x)."""
    draws = 200_000
    table = ResultTable.from_rows([[[0, 1], [2], None, [2], [3, 3, 0]]])
    scores = torch.randn(1, 5, generator=generator(), dtype=torch.float64)
    embedding = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    read = torch.randn(3, 4, generator=generator(2), dtype=torch.float64)

    def likelihood(embedded: Tensor) -> Tensor:
        return (embedded.sum(-2).tanh() @ read).softmax(-1)[..., 1]

    torch.manual_seed(0)
    seen = likelihood(SymbolicLayer()(scores.expand(draws, -1), table, embedding).embedded)
    p = probabilities(scores[0].numpy(), table.valid[0].numpy())
    each = likelihood(embed(table.ids[0], embedding)[0]).numpy()
    error = float(seen.std()) / math.sqrt(draws)
    assert abs(float(seen.mean()) - (p * each).sum()) < norm.isf(CONFIDENCE / 2) * error
    assert error < 1e-3  # the test has power


# -- unbiasedness ----------------------------------------------------------------------------------------------------
def gradients_of(network: Network, objective: Callable[..., Estimate]) -> Tensor:
    scores = network.scores.expand(DRAWS, -1).clone().requires_grad_()
    estimate = objective(scores, network.loss_of, generator=generator(3))
    assert estimate.target == "expected"
    return grad(estimate.loss.sum(), scores)[0]


@pytest.mark.parametrize(
    "objective",
    [
        *(partial(leave_one_out, samples=n) for n in (2, 4)),
        *(partial(unordered_set, samples=n) for n in (2, 3, 5)),
    ],
)
def test_sampled_objectives_have_no_bias(objective) -> None:
    network = Network()
    expected, marginal = network.exact()
    gradients = gradients_of(network, objective)
    assert not far_off(gradients, expected)
    assert far_off(gradients, marginal)  # the two targets differ, and the test tells them apart


def test_straight_through_fails_the_test_of_unbiasedness() -> None:
    network = Network()
    scores = network.scores.expand(DRAWS, -1).clone().requires_grad_()
    torch.manual_seed(0)
    out = SymbolicLayer()(scores, network.table, network.embedding)
    gradients = grad(network.loss(out.embedded).sum(), scores)[0]
    for exact in network.exact():
        assert far_off(gradients, exact)


def test_values_have_no_bias_either() -> None:
    network = Network()
    p = network.scores.softmax(-1)[0]
    mean = float((p * network.loss_of(torch.arange(6)[None])[0]).sum())
    for objective in (leave_one_out, unordered_set):
        losses = objective(network.scores.expand(DRAWS, -1), network.loss_of, generator=generator(4)).loss
        assert not far_off(losses[:, None], torch.tensor([mean]))


def test_a_set_has_less_variance_than_independent_draws() -> None:
    network = Network()
    network.scores = network.scores * 2  # nearly sure
    one, other = (gradients_of(network, partial(o, samples=4)).var(0).sum() for o in (unordered_set, leave_one_out))
    assert one < 0.5 * other


def test_sampled_marginal_tends_to_the_marginal() -> None:
    """Its bias falls with the number of draws: to nothing, within chance, at 500."""
    network = Network()
    _, exact = network.exact()
    away = []
    for samples, draws in ((2, DRAWS), (20, 4000), (500, 400)):
        scores = network.scores.expand(draws, -1).clone().requires_grad_()
        estimate = sampled_marginal(scores, network.loss_of, samples=samples, generator=generator(6))
        assert estimate.target == "marginal" and estimate.losses.shape == (draws, samples)
        gradients = grad(estimate.loss.sum(), scores)[0]
        away.append((gradients.mean(0) - exact).norm().item())
    assert away[0] > away[1] > away[2] and not far_off(gradients, exact)


def test_sampled_marginal_of_all_candidates_is_exact() -> None:
    network = Network()
    scores = network.scores.clone().requires_grad_()
    estimate = sampled_marginal(scores, network.loss_of, objective=unordered_set, samples=6, generator=generator())
    exact = exact_marginal(scores, network.loss_of)
    torch.testing.assert_close(estimate.loss, exact.loss, atol=1e-10, rtol=0)
    torch.testing.assert_close(
        grad(estimate.loss.sum(), scores)[0], grad(exact.loss.sum(), scores)[0], atol=1e-10, rtol=0
    )


@pytest.mark.parametrize("objective", [leave_one_out, unordered_set, one_argument_out])
def test_sampled_marginal_of_answers_that_are_all_but_impossible(objective) -> None:
    """Likelihoods of e^-500 are 0 in float32; the marginal and its gradient are those of e^0, 500 further up."""
    scores = torch.randn(3, 4, generator=generator(), requires_grad=True)
    losses = torch.rand(3, 4, generator=generator(1))
    seen = []
    for shift in (0.0, 500.0):
        p = Factorised([scores]) if objective is one_argument_out else scores
        loss_of = lambda i: (losses + shift).gather(1, i[..., 0] if i.dim() == 3 else i)  # noqa: B023, E731
        estimate = sampled_marginal(p, loss_of, objective=objective, samples=3, generator=generator(2))
        seen.append((estimate.loss, grad(estimate.loss.sum(), scores)[0]))
    torch.testing.assert_close(seen[1][0] - 500, seen[0][0], atol=1e-3, rtol=0)
    torch.testing.assert_close(seen[1][1], seen[0][1], atol=1e-4, rtol=0)


def test_equal_losses_teach_nothing_and_give_no_nan() -> None:
    scores = torch.zeros(3, 4, requires_grad=True)
    estimate = sampled_marginal(scores, lambda index: torch.full(index.shape, 1e30))
    assert estimate.loss.tolist() == pytest.approx([1e30] * 3)
    assert not grad(estimate.loss.sum(), scores)[0].any()


# -- edges -----------------------------------------------------------------------------------------------------------
OBJECTIVES = [exact_marginal, top_k_marginal, leave_one_out, unordered_set]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    ("values", "possible"), [([1e38, -1e38, 0.0], [0]), ([-3.4e38] * 3, [0, 1, 2]), ([0.0, 3.4e38, 3.4e38], [1, 2])]
)
def test_no_nan_at_large_scores(objective, values: list[float], possible: list[int]) -> None:
    scores = torch.tensor([values], requires_grad=True)
    losses = torch.tensor([[0.5, 1e30, 2.0]])
    draws = {"generator": generator()} if objective in (leave_one_out, unordered_set) else {}
    estimate = objective(scores, lambda index: losses.gather(1, index), **draws)
    gradient = grad(estimate.loss.sum(), scores)[0]
    assert estimate.loss.isfinite().all() and gradient.isfinite().all()
    if estimate.target == "marginal":
        truth = -math.log(sum(math.exp(-losses[0, i]) for i in possible) / len(possible))
        assert estimate.loss.item() == pytest.approx(truth, rel=1e-5)
    assert gradient.any() == (len(possible) > 1)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_rows_without_a_valid_candidate(objective) -> None:
    """Nothing to choose: the loss of no result, and no gradient."""
    scores = torch.randn(2, 4, generator=generator(), requires_grad=True)
    mask = torch.tensor([[False] * 4, [True, False, True, True]])
    table = ResultTable(torch.arange(4).view(1, 4, 1).expand(2, -1, -1), mask)

    def loss_of(index: Tensor) -> Tensor:
        return embed(table.rows(index), torch.ones(4, 1))[0].sum((-1, -2)) + 1  # 1 without a result, 2 with one

    estimate = objective(scores, loss_of, mask)
    assert estimate.loss.tolist() == pytest.approx([1.0, 2.0])
    assert not grad(estimate.loss.sum(), scores)[0][0].any()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_of_another_shape(objective) -> None:
    with pytest.raises(ValueError, match=r"^loss_of: losses of shape \(2, \d\) needed, got \(2,\)"):
        objective(torch.zeros(2, 3), lambda index: torch.zeros(2))


@pytest.mark.parametrize("shape", [(3,), (2, 0), (2, 3, 4)])
def test_scores_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^scores: shape \(batch, candidates\), with a candidate, needed"):
        exact_marginal(torch.zeros(shape), lambda index: index.float())


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda s, f: top_k_marginal(s, f, k=0), "k"),
        (lambda s, f: leave_one_out(s, f, samples=1), "samples"),
        (lambda s, f: unordered_set(s, f, samples=1), "samples"),
        (lambda s, f: unordered_set(s, f, samples=13), "samples"),
        (lambda s, f: one_argument_out(Factorised([s]), f, samples=0), "samples"),
    ],
)
def test_options_are_checked(call, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        call(torch.zeros(2, 3), lambda index: index.float())


def test_the_approximation_is_named() -> None:
    scores, losses = torch.zeros(1, 3), torch.zeros(1, 3)
    loss_of = lambda index: losses.gather(1, index)  # noqa: E731
    assert exact_marginal(scores, loss_of).approximation == "none"
    assert top_k_marginal(scores, loss_of, k=2).approximation == "most probable"
    assert top_k_marginal(scores, loss_of, k=3).approximation == "none"
    assert leave_one_out(scores, loss_of).approximation == "draws"
    assert unordered_set(scores, loss_of, samples=2).approximation == "draws without replacement"


def test_the_network_behind_learns_too() -> None:
    """Gradients reach the downstream network's own weights, weighted as the objective says."""
    scores = torch.randn(1, 5, generator=generator(), dtype=torch.float64)
    weight = torch.randn(5, generator=generator(1), dtype=torch.float64, requires_grad=True)
    p = scores.softmax(-1)[0]
    losses = weight**2
    marginal = -(p * (-losses).exp()).sum().log()
    expected = (p * losses).sum()
    for objective, exact in ((exact_marginal, marginal), (partial(unordered_set, samples=5), expected)):
        estimate = objective(scores, lambda index: (weight**2)[index])
        torch.testing.assert_close(grad(estimate.loss.sum(), weight)[0], grad(exact, weight, retain_graph=True)[0])


def test_masked_scores_are_those_of_categorical() -> None:
    scores = torch.randn(2, 4, generator=generator())
    mask = torch.tensor([[True, False, True, True], [True, True, True, False]])
    by_mask = exact_marginal(scores, lambda i: i.float(), mask).loss
    assert torch.equal(by_mask, exact_marginal(Categorical(scores, mask), lambda i: i.float()).loss)


def test_straight_through_and_objectives_agree_on_the_draw() -> None:
    """One draw of leave-one-out is the draw of the hard layer: both are argmax of scores + Gumbel noise."""
    scores = torch.randn(2000, 5, generator=generator(), dtype=torch.float64)
    mean = scores.softmax(-1).mean(0)
    for index in (straight_through(scores, generator=generator(1)).index, Categorical(scores).draw(1, generator(1))):
        assert index is not None
        share = torch.bincount(index.flatten(), minlength=5) / 2000
        assert ((share - mean).abs() < 5 * (mean / 2000).sqrt()).all()
