"""Estimators against what they estimate: frequencies, closed-form Jacobians, published algorithms, masks."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import log_softmax
from scipy.stats import chisquare, ks_2samp, norm
from torch import Tensor
from torch.autograd import grad, gradcheck
from unbiased import CONFIDENCE, DRAWS, generator

from anzan.layer import (
    Choice,
    DecoupledStraightThrough,
    GumbelRao,
    ReinMax,
    RelaxedGumbelSoftmax,
    Sparsemax,
    StraightThrough,
    TopKSoftmax,
    decoupled_straight_through,
    gumbel_rao,
    reinmax,
    relaxed_gumbel_softmax,
    sparsemax,
    straight_through,
    top_k_softmax,
)

TWINS: dict[Callable[..., Choice], type] = {
    relaxed_gumbel_softmax: RelaxedGumbelSoftmax,
    straight_through: StraightThrough,
    decoupled_straight_through: DecoupledStraightThrough,
    gumbel_rao: GumbelRao,
    reinmax: ReinMax,
    sparsemax: Sparsemax,
    top_k_softmax: TopKSoftmax,
}
ALL = list(TWINS)
NOISY = [relaxed_gumbel_softmax, straight_through, gumbel_rao]  # these take a noise scale
RANDOM = [*NOISY, decoupled_straight_through, reinmax]
HARD = [straight_through, decoupled_straight_through, gumbel_rao, reinmax]
SCORES = torch.tensor([1.0, -0.5, 0.0, 2.0, -3.0], dtype=torch.float64)


def seeded(estimate: Callable[..., Choice], seed: int = 0) -> dict[str, torch.Generator]:
    return {"generator": generator(seed)} if estimate in RANDOM else {}


def softmax(scores: list[float]) -> list[float]:
    top = max(scores)
    powers = [math.exp(s - top) for s in scores]
    return [p / sum(powers) for p in powers]


def assert_drawn_from(index: Tensor, probabilities: list[float]) -> None:
    counts = torch.bincount(index.flatten(), minlength=len(probabilities)).tolist()
    assert chisquare(counts, [p * index.numel() for p in probabilities]).pvalue > CONFIDENCE


# -- what is drawn ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("noise_scale", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("estimate", [straight_through, partial(gumbel_rao, samples=1)])
def test_hard_choices_are_drawn_from_softmax_of_scores_over_noise_scale(
    estimate, temperature: float, noise_scale: float
) -> None:
    choice = estimate(SCORES.expand(DRAWS, -1), temperature=temperature, noise_scale=noise_scale, generator=generator())
    assert_drawn_from(choice.index, softmax([s / noise_scale for s in SCORES.tolist()]))


@pytest.mark.parametrize("forward_temperature", [0.3, 1.0, 4.0])
def test_decoupled_draws_at_its_forward_temperature(forward_temperature: float) -> None:
    choice = decoupled_straight_through(
        SCORES.expand(DRAWS, -1), forward_temperature=forward_temperature, temperature=9.0, generator=generator()
    )
    assert choice.index is not None
    assert_drawn_from(choice.index, softmax([s / forward_temperature for s in SCORES.tolist()]))


def test_reinmax_draws_from_softmax_at_any_temperature() -> None:
    choice = reinmax(SCORES.expand(DRAWS, -1), temperature=3.0, generator=generator())
    assert choice.index is not None
    assert_drawn_from(choice.index, softmax(SCORES.tolist()))


def test_float32_draws_too() -> None:
    choice = straight_through(SCORES.float().expand(DRAWS, -1), generator=generator(3))
    assert choice.index is not None
    assert_drawn_from(choice.index, softmax(SCORES.tolist()))


def test_relaxed_tends_to_a_one_hot_draw_as_temperature_falls() -> None:
    off = []
    for temperature in (1.0, 0.1, 0.01, 0.001):
        choice = relaxed_gumbel_softmax(SCORES.expand(DRAWS, -1), temperature=temperature, generator=generator(1))
        weights = choice.weights
        torch.testing.assert_close(weights.sum(-1), torch.ones(DRAWS, dtype=torch.float64))
        off.append(float((1 - weights.max(-1).values).mean()))
        assert_drawn_from(weights.argmax(-1), softmax(SCORES.tolist()))
    assert off == sorted(off, reverse=True) and off[-1] < 1e-3
    # At the limit the mean weight is the probability itself, within 5 standard deviations.
    for mean, p in zip(weights.mean(0).tolist(), softmax(SCORES.tolist()), strict=True):
        assert abs(mean - p) < 5 * math.sqrt(p / DRAWS) + off[-1]


# -- what the gradient is --------------------------------------------------------------------------------------------
def jacobian(weights: Tensor, scores: Tensor) -> Tensor:
    return torch.stack([grad(w, scores, retain_graph=True)[0] for w in weights])


@pytest.mark.parametrize("estimate", [relaxed_gumbel_softmax, straight_through])
@pytest.mark.parametrize("noise_scale", [0.0, 1.0])
def test_jacobian_is_that_of_softmax_at_the_drawn_weights(estimate, noise_scale: float) -> None:
    scores = SCORES.clone().requires_grad_()
    z = estimate(scores, temperature=0.7, noise_scale=noise_scale, generator=generator()).weights
    torch.testing.assert_close(jacobian(z, scores), (torch.diag(z) - torch.outer(z, z)).detach() / 0.7)


def test_decoupled_jacobian_is_that_of_softmax_without_noise() -> None:
    scores = SCORES.clone().requires_grad_()
    choice = decoupled_straight_through(scores, forward_temperature=5.0, temperature=0.7, generator=generator())
    z = torch.tensor(softmax([s / 0.7 for s in SCORES.tolist()]), dtype=torch.float64)
    torch.testing.assert_close(jacobian(choice.weights, scores), (torch.diag(z) - torch.outer(z, z)) / 0.7)


def test_straight_through_differs_from_relaxed_in_the_index_alone() -> None:
    scores = torch.randn(20, 5, generator=generator(), requires_grad=True)
    upstream = torch.randn(20, 5, generator=generator(1))
    hard = straight_through(scores, temperature=0.4, noise_scale=1.5, generator=generator(9))
    soft = relaxed_gumbel_softmax(scores, temperature=0.4, noise_scale=1.5, generator=generator(9))
    assert torch.equal(hard.weights, soft.weights) and torch.equal(hard.log_probs, soft.log_probs)
    assert soft.index is None and hard.index is not None and torch.equal(hard.index, soft.weights.argmax(-1))
    assert torch.equal(grad(hard.weights, scores, upstream)[0], grad(soft.weights, scores, upstream)[0])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_reinmax_is_the_published_algorithm(temperature: float) -> None:
    """Liu et al. (2304.08612), algorithm 2, line by line with its own softmaxes."""
    scores = torch.randn(6, 5, generator=generator(), dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(6, 5, generator=generator(1), dtype=torch.float64)
    choice = reinmax(scores, temperature=temperature, generator=generator(2))
    assert choice.index is not None
    drawn = torch.nn.functional.one_hot(choice.index, 5).double()
    p0 = scores.softmax(-1)
    p1 = (drawn + (scores / temperature).softmax(-1)) / 2
    p1 = ((p1.log() - scores).detach() + scores).softmax(-1)
    p2 = 2 * p1 - p0 / 2
    torch.testing.assert_close(grad(choice.weights, scores, upstream)[0], grad(p2, scores, upstream)[0])


def expected_gradient(estimate: Callable[..., Choice], loss: Callable[[Tensor], Tensor], draws: int) -> tuple:
    """Mean and standard error of the gradient to `SCORES` of `loss` at the hard value, straight through."""
    scores = SCORES.expand(draws, -1).clone().requires_grad_()
    choice = estimate(scores, generator=generator(4))
    hard = torch.nn.functional.one_hot(choice.index, 5).double()
    (gradient,) = grad(loss(hard - choice.weights.detach() + choice.weights).sum(), scores)
    return gradient.mean(0), gradient.std(0) / math.sqrt(draws)


def test_reinmax_is_without_bias_where_the_loss_is_quadratic() -> None:
    matrix = torch.randn(5, 5, generator=generator(5), dtype=torch.float64)
    loss = lambda z: ((z @ matrix) * z).sum(-1)  # noqa: E731
    p = SCORES.softmax(-1).requires_grad_(False)
    values = torch.stack([loss(row) for row in torch.eye(5, dtype=torch.float64)])
    exact = p * (values - (p * values).sum())
    bound = norm.isf(CONFIDENCE / 10)
    mean, error = expected_gradient(reinmax, loss, 200_000)
    assert ((mean - exact).abs() < bound * error).all()
    mean, error = expected_gradient(straight_through, loss, 200_000)
    assert ((mean - exact).abs() > bound * error).any()


def test_gumbel_rao_has_the_mean_of_straight_through_and_less_variance() -> None:
    target = torch.randn(5, generator=generator(6), dtype=torch.float64)
    loss = lambda z: (z - target).square().sum(-1).sqrt()  # noqa: E731
    plain, plain_error = expected_gradient(partial(straight_through, temperature=0.3), loss, DRAWS)
    better, error = expected_gradient(partial(gumbel_rao, temperature=0.3, samples=20), loss, DRAWS)
    assert ((plain - better).abs() < norm.isf(CONFIDENCE / 10) * (plain_error**2 + error**2).sqrt()).all()
    assert (error < 0.8 * plain_error).all()


@pytest.mark.parametrize("chosen", [0, 4])
@pytest.mark.parametrize("noise_scale", [0.5, 2.0])
def test_gumbel_rao_averages_over_the_noise_that_gives_the_choice(chosen: int, noise_scale: float) -> None:
    """Against rejection: relaxed weights from fresh noise, kept where that noise leads to the same choice."""
    scores = SCORES[:, None].expand(-1, 400_000).T
    ours = gumbel_rao(scores, temperature=0.8, noise_scale=noise_scale, samples=1, generator=generator())
    free = relaxed_gumbel_softmax(scores, temperature=0.8, noise_scale=noise_scale, generator=generator(1)).weights
    assert ours.index is not None
    kept = free[free.argmax(-1) == chosen]
    for candidate in range(5):
        mine = ours.weights[ours.index == chosen, candidate]
        assert ks_2samp(mine[:5000].numpy(), kept[:5000, candidate].numpy()).pvalue > CONFIDENCE


# -- without noise ---------------------------------------------------------------------------------------------------
def projection(z: list[float]) -> list[float]:
    """The point of the simplex nearest to z, by root finding."""
    threshold = brentq(lambda t: sum(max(v - t, 0.0) for v in z) - 1, min(z) - 2, max(z), xtol=1e-14)
    return [max(v - threshold, 0.0) for v in z]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([-3.0, -0.5, 0.0, 0.25, 1.0, 2.0]) | st.floats(-3, 3), min_size=1, max_size=7),
    st.sampled_from([0.3, 1.0, 4.0]),
)
def test_sparsemax_is_the_projection_onto_the_simplex(values: list[float], temperature: float) -> None:
    choice = sparsemax(torch.tensor([values], dtype=torch.float64), temperature=temperature)
    assert choice.index is None
    expected = torch.tensor([projection([v / temperature for v in values])], dtype=torch.float64)
    torch.testing.assert_close(choice.weights, expected, atol=1e-10, rtol=0)


def test_gradcheck_of_estimators_without_noise() -> None:
    scores = torch.randn(4, 5, generator=generator(), dtype=torch.float64, requires_grad=True)
    mask = torch.rand(4, 5, generator=generator(1)) < 0.8
    assert gradcheck(lambda s: sparsemax(s, mask, temperature=0.7).weights, (scores,))
    assert gradcheck(lambda s: top_k_softmax(s, mask, k=2, temperature=0.7).weights, (scores,))


@pytest.mark.parametrize("k", [1, 3, 5, 9])
def test_top_k_is_softmax_over_the_k_best(k: int) -> None:
    choice = top_k_softmax(SCORES[None], k=k, temperature=0.7)
    best = sorted(range(5), key=lambda i: -SCORES[i])[:k]
    expected = torch.zeros(5, dtype=torch.float64)
    expected[best] = torch.tensor(softmax([SCORES[i].item() / 0.7 for i in best]), dtype=torch.float64)
    assert choice.index is None
    torch.testing.assert_close(choice.weights[0], expected)


# -- what all have in common -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("estimate", ALL)
def test_log_probs_are_those_of_the_scores_without_noise(estimate) -> None:
    scores = torch.randn(7, 5, generator=generator(), dtype=torch.float64)
    mask = torch.rand(7, 5, generator=generator(1)) < 0.6
    mask[0] = False
    log_probs = estimate(scores, mask, temperature=0.3, **seeded(estimate)).log_probs
    for row, valid, got in zip(scores, mask, log_probs, strict=True):
        assert torch.equal(got[~valid], torch.full_like(got[~valid], -torch.inf))
        if valid.any():
            torch.testing.assert_close(got[valid], torch.from_numpy(log_softmax(row[valid].numpy())))


@pytest.mark.parametrize("module", [TWINS[estimate] for estimate in RANDOM])
def test_no_noise_in_evaluation_mode(module) -> None:
    estimator = module(temperature=0.5)
    scores = torch.randn(100, 5, generator=generator(), dtype=torch.float64)
    first, second = estimator(scores), estimator(scores)
    assert not torch.equal(*((c.weights if c.index is None else c.index) for c in (first, second)))
    quiet: Choice = estimator.eval()(scores)
    torch.testing.assert_close(quiet.weights, (scores / 0.5).exp() / (scores / 0.5).exp().sum(-1, keepdim=True))
    assert quiet.index is None or torch.equal(quiet.index, scores.argmax(-1))
    assert "temperature=0.5" in repr(estimator)


@pytest.mark.parametrize("estimate", ALL)
def test_modules_are_the_functions(estimate) -> None:
    scores, mask = torch.randn(3, 5, generator=generator()), torch.rand(3, 5, generator=generator(2)) < 0.5
    options = {"temperature": 0.5} | ({"noise_scale": 2.0} if estimate in NOISY else {})
    ours = TWINS[estimate](**options)(scores, mask, **seeded(estimate, 7))
    theirs = estimate(scores, mask, **options, **seeded(estimate, 7))
    for a, b in zip(ours, theirs, strict=True):
        assert a is b is None or torch.equal(a, b)


def test_modules_keep_what_is_not_a_temperature() -> None:
    assert TopKSoftmax(k=2).k == 2 and GumbelRao(samples=3).samples == 3
    scores = torch.randn(4, 6, generator=generator())
    assert (TopKSoftmax(k=2)(scores).weights > 0).sum(-1).tolist() == [2] * 4


@pytest.mark.parametrize("estimate", ALL)
@pytest.mark.parametrize("temperature", [0.01, 1.0, 100.0])
def test_invalid_candidates_are_never_chosen(estimate, temperature: float) -> None:
    mask = torch.tensor([False, True, True, False, True])
    scores = torch.tensor([1e30, 0.0, -1.0, 50.0, 1.0]).expand(2000, -1)
    choice = estimate(scores, mask.expand_as(scores), temperature=temperature, **seeded(estimate))
    assert not choice.weights[:, ~mask].any()
    if estimate is not reinmax:  # its weights carry a gradient, they are no point of the simplex
        torch.testing.assert_close(choice.weights.sum(-1), torch.ones(2000))
    if choice.index is not None:
        assert mask[choice.index].all()
        kept = torch.tensor([0, 0, 1, 0, 2])[choice.index]
        assert_drawn_from(kept, softmax([0.0, -1.0, 1.0]))


@pytest.mark.parametrize("estimate", ALL)
def test_rows_without_a_valid_candidate(estimate) -> None:
    scores = torch.randn(3, 4, generator=generator(), requires_grad=True)
    mask = torch.tensor([[False] * 4, [True] * 4, [False] * 4])
    choice = estimate(scores, mask, **seeded(estimate))
    assert not choice.weights[[0, 2]].any() and (choice.log_probs[[0, 2]] == -torch.inf).all()
    assert choice.index is None or choice.index[[0, 2]].tolist() == [0, 0]
    total = choice.weights.square().sum() + choice.log_probs.masked_fill(~mask, 0.0).square().sum()
    (gradient,) = grad(total, scores)
    assert gradient.isfinite().all() and not gradient[[0, 2]].any() and gradient[1].any()


@pytest.mark.parametrize("estimate", ALL)
def test_no_candidates_at_all(estimate) -> None:
    choice = estimate(torch.zeros(3, 0))
    assert choice.weights.shape == choice.log_probs.shape == (3, 0)
    assert choice.index is None or choice.index.tolist() == [0, 0, 0]


@pytest.mark.parametrize("estimate", ALL)
def test_leading_dimensions_are_free(estimate) -> None:
    scores = torch.randn(2, 3, 4, generator=generator())
    mask = torch.rand(2, 3, 4, generator=generator(1)) < 0.7
    whole = estimate(scores, mask, **seeded(estimate, 3))
    flat = estimate(scores.view(6, 4), mask.view(6, 4), **seeded(estimate, 3))
    torch.testing.assert_close(whole.weights.view(6, 4), flat.weights)
    assert whole.index is None or torch.equal(whole.index.flatten(), flat.index)


@pytest.mark.parametrize("estimate", ALL)
@pytest.mark.parametrize("twin", [False, True])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_temperatures_are_checked(estimate, twin: bool, value: float) -> None:
    with pytest.raises(ValueError, match=r"^temperature: a number above 0 needed"):
        TWINS[estimate](temperature=value) if twin else estimate(SCORES, temperature=value)


@pytest.mark.parametrize(
    ("estimate", "name", "value"),
    [
        *((estimate, "noise_scale", value) for estimate in NOISY for value in (-0.1, math.nan)),
        (decoupled_straight_through, "forward_temperature", -0.1),
        (gumbel_rao, "samples", 0),
        (top_k_softmax, "k", 0),
    ],
)
@pytest.mark.parametrize("twin", [False, True])
def test_options_are_checked(estimate, name: str, value: float, twin: bool) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        TWINS[estimate](**{name: value}) if twin else estimate(SCORES, **{name: value})


@pytest.mark.parametrize("estimate", ALL)
@settings(deadline=None, max_examples=80)
@given(
    st.lists(
        st.sampled_from([1e30, -1e30, 3.4e38, -3.4e38, 1e-45, 0.0, math.inf, -math.inf])
        | st.floats(width=32, allow_nan=False),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([1e-3, 1.0, 1e3]),
    st.integers(0, 31),
)
def test_any_float32_scores_stay_finite(estimate, values: list[float], temperature: float, valid: int) -> None:
    scores = torch.tensor([values], requires_grad=True)
    mask = torch.tensor([[bool(valid >> i & 1) for i in range(len(values))]])
    choice = estimate(scores, mask, temperature=temperature, **seeded(estimate))
    assert choice.weights.isfinite().all() and choice.log_probs[mask].isfinite().all()
    upstream = torch.arange(1.0, len(values) + 1)
    (gradient,) = grad((choice.weights * upstream).sum() + choice.log_probs[mask].clamp_min(-1e30).sum(), scores)
    assert gradient.isfinite().all()
    if choice.index is not None and mask.any():
        assert mask[0, int(choice.index)]


@pytest.mark.parametrize("estimate", HARD)
def test_a_great_lead_decides(estimate) -> None:
    values = [0.0, 1e30, -1e30]
    assert estimate(torch.tensor([values]), **seeded(estimate)).index.tolist() == [1]


@pytest.mark.parametrize("estimate", RANDOM)
def test_a_generator_decides_the_draw(estimate) -> None:
    scores = SCORES.expand(50, -1)
    a, b, c = (estimate(scores, generator=generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(a.weights, b.weights) and (a.index is None or torch.equal(a.index, b.index))
    assert not torch.equal(*((x.weights if x.index is None else x.index) for x in (a, c)))
    torch.manual_seed(0)
    state = torch.get_rng_state()
    estimate(scores, generator=generator())
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("estimate", ALL)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_scores_are_decided_in_float32(estimate, dtype: torch.dtype) -> None:
    half = torch.randn(3, 5, generator=generator()).to(dtype).requires_grad_()
    choice = estimate(half, **seeded(estimate))
    full = estimate(half.detach().float(), **seeded(estimate))
    assert torch.equal(choice.weights, full.weights) and choice.weights.dtype == torch.float32
    assert grad(choice.weights.square().sum(), half)[0].dtype == dtype
