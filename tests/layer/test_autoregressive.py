"""Sequences of choices against enumeration, by plain products over tables of conditional scores."""

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import grad
from unbiased import DRAWS, assert_frequencies, far_off, generator

from anzan.layer import (
    Autoregressive,
    Categorical,
    ExampleNoise,
    Factorised,
    exact_marginal,
    leave_one_out,
    sampled_marginal,
    shortlist,
    top_k_marginal,
    unordered_set,
)

Sequence = tuple[int, ...]


class Tables:
    """Conditional scores of random sequences, and what follows from them by enumeration.

    The scores after every prefix are random, also after prefixes that are invalid themselves, and some prefixes have no
    valid choice.

    Args:
        sizes: choices of each step.
        invalid: the share of choices with the score -inf.
        stop: choice 0 ends a sequence: after it, only 0 is valid.
    """

    def __init__(self, sizes: Sequence, batch: int = 1, seed: int = 0, invalid: float = 0.0, stop: bool = False):
        g = generator(seed)
        self.sizes, self.batch, self.scores = sizes, batch, []
        for t in range(len(sizes)):
            shape = (batch, *sizes[: t + 1])
            scores = torch.randn(shape, generator=g, dtype=torch.float64)
            scores[torch.rand(shape, generator=g) < invalid] = -math.inf
            if stop and t:
                scores[..., 0, :] = -math.inf
                scores[..., 0, 0] = 0.0
            self.scores.append(scores)

    def distribution(self, scores: list[Tensor] | None = None) -> Autoregressive:
        tables = scores or self.scores
        batch = len(tables[0])

        def step(prefixes: Tensor) -> Tensor:
            assert len(prefixes) == batch and prefixes.dtype == torch.long
            examples = torch.arange(batch)[:, None].expand(prefixes.shape[:2])
            return tables[prefixes.shape[2]][(examples, *prefixes.unbind(-1))]

        return Autoregressive(step, len(tables), batch)

    def repeated(self, batch: int) -> list[Tensor]:
        """The scores of the only example, once for each of a batch, to learn."""
        return [s.expand(batch, *s.shape[1:]).clone().requires_grad_() for s in self.scores]

    def conditional(self, b: int, prefix: Sequence) -> list[float]:
        row = self.scores[len(prefix)][(b, *prefix)].tolist()
        powers = [math.exp(s) for s in row]
        if not any(powers):
            powers[0] = 1.0
        return [p / math.fsum(powers) for p in powers]

    def truth(self, b: int = 0) -> dict[Sequence, float]:
        """The probability of every valid sequence of an example."""
        found = {}
        for z in itertools.product(*map(range, self.sizes)):
            p = math.prod(self.conditional(b, z[:t])[z[t]] for t in range(len(z)))
            if p:
                found[z] = p
        return found

    def gradient(self, b: int, weights: dict[Sequence, float]) -> list[Tensor]:
        """Σ w(z) ∇ log p(z) to the scores of an example, by definition."""
        gradients = [torch.zeros_like(s[b]) for s in self.scores]
        for z, w in weights.items():
            for t in range(len(z)):
                for choice, q in enumerate(self.conditional(b, z[:t])):
                    gradients[t][(*z[:t], choice)] += w * ((choice == z[t]) - q)
        return gradients


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    sizes = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    invalid = draw(st.sampled_from([0.0, 0.3, 0.7]))
    return Tables(sizes, draw(st.integers(1, 3)), draw(st.integers(0, 2**31)), invalid, draw(st.booleans()))


def sequences(index: Tensor) -> list[Sequence]:
    return [tuple(z) for z in index.tolist()]


def losses(index: Tensor) -> Tensor:
    """A loss for each sequence that is no sum over its choices."""
    return (index * torch.arange(2, 2 + index.shape[-1])).sum(-1).double().mul(1.7).sin().add(1)


def loss(z: Sequence) -> float:
    return 1 + math.sin(1.7 * sum(c * (t + 2) for t, c in enumerate(z)))


# -- enumeration -----------------------------------------------------------------------------------------------------
@settings(deadline=None, max_examples=40)
@given(tables())
def test_everything_is_what_some_example_can_choose(table: Tables) -> None:
    p = table.distribution()
    truths = [table.truth(b) for b in range(table.batch)]
    everything = p.everything()
    log_probs = p.log_prob(everything)
    assert p.size() == math.prod(table.sizes)
    for b, truth in enumerate(truths):
        assert sequences(everything[b]) == sorted(set().union(*truths))
        expected = [truth.get(z, 0.0) for z in sequences(everything[b])]
        assert log_probs[b].exp().tolist() == pytest.approx(expected, abs=1e-14)
        assert log_probs[b].exp().sum().item() == pytest.approx(1)


@settings(deadline=None, max_examples=40)
@given(tables())
def test_log_prob_of_any_sequence(table: Tables) -> None:
    every = torch.cartesian_prod(*map(torch.arange, table.sizes)).reshape(1, -1, len(table.sizes))
    log_probs = table.distribution().log_prob(every.expand(table.batch, -1, -1))
    for b in range(table.batch):
        truth = table.truth(b)
        for z, each in zip(sequences(every[0]), log_probs[b].tolist(), strict=True):
            assert each == (pytest.approx(math.log(truth[z])) if z in truth else -math.inf)


@settings(deadline=None, max_examples=40)
@given(tables())
def test_a_beam_as_wide_as_all_prefixes_is_exact(table: Tables) -> None:
    best = table.distribution().best(math.prod(table.sizes))
    for b in range(table.batch):
        truth = table.truth(b)
        assert sequences(best[b])[: len(truth)] == sorted(truth, key=lambda z: -truth[z])
        assert len(set(sequences(best[b]))) == best.shape[1] == math.prod(table.sizes)


@settings(deadline=None, max_examples=40)
@given(tables(), st.integers(1, 4))
def test_best_is_a_beam_search(table: Tables, k: int) -> None:
    """best(1) is greedy; a beam keeps the k most probable of the continuations of its k prefixes."""
    best = table.distribution().best(k)
    for b in range(table.batch):
        beam: dict[Sequence, float] = {(): 1.0}
        for _ in table.sizes:
            longer = {(*z, c): p * q for z, p in beam.items() for c, q in enumerate(table.conditional(b, z)) if p * q}
            beam = dict(sorted(longer.items(), key=lambda item: -item[1])[:k])
        assert sequences(best[b])[: len(beam)] == list(beam)


def test_sequences_of_one_choice_are_categorical() -> None:
    scores = torch.randn(3, 5, generator=generator(), dtype=torch.float64)
    p, flat = (
        Autoregressive(lambda prefixes: scores[:, None].expand(-1, prefixes.shape[1], -1), 1, 3),
        Categorical(scores),
    )
    torch.testing.assert_close(p.log_prob(p.everything()), flat.log_prob(flat.everything()))
    assert torch.equal(p.best(3)[..., 0], flat.best(3))
    assert torch.equal(p.draw(4, generator())[..., 0], flat.draw(4, generator()))


# -- draws -----------------------------------------------------------------------------------------------------------
def sampled() -> Tables:
    """Nine valid sequences out of eighteen: some choices are invalid, and 0 ends a sequence."""
    table = Tables((3, 2, 3), seed=7, invalid=0.2, stop=True)
    assert len(table.truth()) == 9
    return table


def test_independent_draws() -> None:
    table = sampled()
    drawn = table.distribution().draw(DRAWS, generator())[0]
    assert_frequencies(Counter(sequences(drawn)), table.truth())


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_draws_without_replacement(k: int, keyed: bool) -> None:
    """Ordered draws have the sequential probability p(a) p(b) / (1 - p(a)) ...; the rest is what was not drawn."""
    table = sampled()
    truth = table.truth()
    p = table.distribution([s.expand(DRAWS, *s.shape[1:]) for s in table.scores])
    index, rest = p.draw_distinct(k, ExampleNoise(torch.arange(DRAWS)) if keyed else generator())
    drawn = [tuple(sequences(row)) for row in index]
    sequential = {}
    for order in itertools.permutations(truth, k):
        left = 1 - torch.tensor([0.0, *(truth[z] for z in order)], dtype=torch.float64).cumsum(0)
        sequential[order] = math.prod(truth[z] / float(left[i]) for i, z in enumerate(order))
    assert_frequencies(Counter(drawn), sequential)
    left = [math.fsum(truth[z] for z in truth.keys() - set(order)) for order in drawn]
    torch.testing.assert_close(rest.exp(), torch.tensor(left, dtype=torch.float64))


@settings(deadline=None, max_examples=40)
@given(tables(), st.integers(1, 60))
def test_draws_are_distinct_and_valid_ones_first(table: Tables, k: int) -> None:
    """Where an example has fewer valid sequences than k, it draws all of them, and nothing is left."""
    index, rest = table.distribution().draw_distinct(k, generator())
    for b in range(table.batch):
        truth, drawn = table.truth(b), sequences(index[b])
        assert len(drawn) == len(set(drawn)) == min(k, math.prod(table.sizes))
        valid = min(k, len(truth))
        assert set(drawn[:valid]) <= truth.keys() and not truth.keys() & set(drawn[valid:])
        left = math.fsum(truth[z] for z in truth.keys() - set(drawn))
        assert rest[b].exp().item() == pytest.approx(left, rel=1e-9, abs=0)


def test_the_rest_is_precise_in_float32() -> None:
    """A distribution that is nearly sure: 1 - p would be rounded to 0."""
    scores = torch.tensor([[[0.0, -30.0]]])
    p = Autoregressive(lambda prefixes: scores.expand(-1, prefixes.shape[1], -1), 2, 1)
    for distribution in (p, Factorised([scores[0]] * 2)):
        index, rest = distribution.draw_distinct(1, generator())
        assert index.tolist() == [[[0, 0]]] and rest.item() == pytest.approx(math.log(2) - 30, abs=1e-5)


def test_an_example_draws_the_same_in_any_batch_however_wide() -> None:
    """Noise is keyed by example, place in the beam and choice; choices that pad the scores are invalid."""
    table, keys = Tables((3, 4, 3), batch=6, seed=1, invalid=0.2), torch.arange(6) * 7
    padded = [torch.nn.functional.pad(s, (0, 2) * (s.dim() - 1), value=-math.inf) for s in table.scores]
    whole = table.distribution()
    for rows in (slice(0, 1), slice(0, 2), slice(2, 6)):
        for scores in (table.scores, padded):
            some = table.distribution([s[rows] for s in scores])
            for k in (1, 3, 5):
                drawn, rest = some.draw_distinct(k, ExampleNoise(keys[rows]))
                expected, left = whole.draw_distinct(k, ExampleNoise(keys))
                there = whole.log_prob(expected)[rows].isfinite()
                assert (drawn == expected[rows])[there].all() and there[:, 0].all()
                torch.testing.assert_close(rest, left[rows])
                assert torch.equal(some.draw(k, ExampleNoise(keys[rows])), whole.draw(k, ExampleNoise(keys))[rows])


# -- objectives ------------------------------------------------------------------------------------------------------
@settings(deadline=None, max_examples=40)
@given(tables())
def test_exact_marginal_and_its_gradient(table: Tables) -> None:
    scores = [s.clone().requires_grad_() for s in table.scores]
    estimate = exact_marginal(table.distribution(scores), losses)
    gradients = grad(estimate.loss.sum(), scores)
    for b in range(table.batch):
        likelihood = {z: p * math.exp(-loss(z)) for z, p in table.truth(b).items()}
        total = math.fsum(likelihood.values())
        assert estimate.loss[b].item() == pytest.approx(-math.log(total))
        expected = table.gradient(b, {z: -p / total for z, p in likelihood.items()})
        for ours, theirs in zip(gradients, expected, strict=True):
            torch.testing.assert_close(ours[b], theirs, atol=1e-10, rtol=0)


@settings(deadline=None, max_examples=40)
@given(tables(), st.integers(0, 2**31))
def test_a_set_of_all_sequences_is_exact(table: Tables, seed: int) -> None:
    most = max(len(table.truth(b)) for b in range(table.batch))
    samples = max(2, min(most, 8))
    scores = [s.clone().requires_grad_() for s in table.scores]
    p = table.distribution(scores)
    drawn = unordered_set(p, losses, samples=samples, generator=generator(seed))
    by_draws = sampled_marginal(p, losses, objective=unordered_set, samples=samples, generator=generator(seed))
    exact = exact_marginal(p, losses)
    for b in range(table.batch):
        truth = table.truth(b)
        if len(truth) > samples:
            continue
        mean = math.fsum(q * loss(z) for z, q in truth.items())
        expected = table.gradient(b, {z: q * loss(z) for z, q in truth.items()})
        assert drawn.loss[b].item() == pytest.approx(mean, abs=1e-10)
        assert by_draws.loss[b].item() == pytest.approx(exact.loss[b].item(), abs=1e-10)
        to_drawn, to_draws, to_exact = (grad(e.loss[b], scores, retain_graph=True) for e in (drawn, by_draws, exact))
        for t, each in enumerate(expected):
            torch.testing.assert_close(to_drawn[t][b], each, atol=1e-10, rtol=0)
            torch.testing.assert_close(to_draws[t], to_exact[t], atol=1e-10, rtol=0)


@pytest.mark.parametrize("samples", [2, 3, 5])
@pytest.mark.parametrize("objective", [unordered_set, leave_one_out])
def test_sampled_objectives_have_no_bias(objective, samples: int) -> None:
    table = sampled()
    truth, scores = table.truth(), table.repeated(DRAWS)
    estimate = objective(table.distribution(scores), losses, samples=samples, generator=generator(3))
    mean = math.fsum(p * loss(z) for z, p in truth.items())
    assert not far_off(estimate.loss.detach()[:, None], torch.tensor([mean], dtype=torch.float64))
    gradients = torch.cat([g.flatten(1) for g in grad(estimate.loss.sum(), scores)], 1)
    likelihood = {z: p * math.exp(-loss(z)) for z, p in truth.items()}
    expected, marginal = (
        torch.cat([g.flatten() for g in table.gradient(0, weights)])
        for weights in (
            {z: p * loss(z) for z, p in truth.items()},
            {z: -p / math.fsum(likelihood.values()) for z, p in likelihood.items()},
        )
    )
    assert not far_off(gradients, expected)
    assert far_off(gradients, marginal)  # the two targets differ, and the test tells them apart


def test_the_most_probable_sequences_bound_the_marginal() -> None:
    table = Tables((3, 4, 2), batch=2, seed=2)
    p = table.distribution()
    exact = exact_marginal(p, losses).loss
    bounds = [top_k_marginal(p, losses, k=k) for k in (1, 5, 24)]
    assert [e.approximation for e in bounds] == ["most probable", "most probable", "none"]
    assert (bounds[0].loss > bounds[1].loss).all() and (bounds[1].loss > exact).all()
    torch.testing.assert_close(bounds[2].loss, exact)


def test_shortlists() -> None:
    table = Tables((3, 4, 2), batch=2, seed=2)
    p = table.distribution()
    assert shortlist(p, 24).approximation == "none" and torch.equal(shortlist(p, 24).index, p.everything())
    listed = shortlist(p, 5)
    assert listed.approximation == "most probable" and torch.equal(listed.index, p.best(5))
    for b in range(2):
        truth = table.truth(b)
        assert listed.mass[b].item() == pytest.approx(math.fsum(truth[z] for z in sequences(listed.index[b])))


def test_a_scorer_learns_a_program() -> None:
    """Three of four instructions, in an order that is seen from the loss alone."""
    torch.manual_seed(0)
    scorer, wanted = torch.nn.Embedding(5, 4), torch.tensor([2, 0, 3])
    optimiser = torch.optim.Adam(scorer.parameters(), 0.1)

    def step(prefixes: Tensor) -> Tensor:
        return scorer(torch.nn.functional.pad(prefixes + 1, (1, 0))[..., -1])

    for _ in range(100):
        p = Autoregressive(step, length=3, batch=8)
        estimate = unordered_set(p, lambda index: (index != wanted).sum(-1).float(), samples=4)
        optimiser.zero_grad()
        estimate.loss.mean().backward()
        optimiser.step()
    p = Autoregressive(step, length=3, batch=1)
    assert p.best(1)[0].tolist() == [wanted.tolist()] and p.log_prob(p.best(1)).exp().item() > 0.9


# -- edges -----------------------------------------------------------------------------------------------------------
def test_no_valid_choice_takes_the_first() -> None:
    scores = torch.full((1, 1, 3), -math.inf, requires_grad=True)
    p = Autoregressive(lambda prefixes: scores.expand(-1, prefixes.shape[1], -1), 2, 1)
    assert p.everything().tolist() == p.best(1).tolist() == p.draw(1).tolist() == [[[0, 0]]]
    estimate = unordered_set(p, losses, samples=2, generator=generator())
    assert estimate.loss.item() == pytest.approx(1.0)
    assert not grad(estimate.loss.sum(), scores)[0].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_large_scores_give_no_nan(dtype: torch.dtype) -> None:
    scores = torch.tensor([[[0.0, 6e4, -6e4, math.inf, -math.inf]]], dtype=dtype, requires_grad=True)
    p = Autoregressive(lambda prefixes: scores.expand(-1, prefixes.shape[1], -1), 3, 1)
    assert p.best(1).tolist() == p.draw(1).tolist() == [[[3, 3, 3]]]
    index, rest = p.draw_distinct(4, generator())
    assert len(set(sequences(index[0]))) == 4 and not rest.isnan().any() and rest.dtype == torch.float32
    estimate = unordered_set(p, lambda index: losses(index).float(), samples=3, generator=generator())
    assert estimate.loss.isfinite().all() and grad(estimate.loss.sum(), scores)[0].isfinite().all()


def test_nan_scores_are_not_hidden() -> None:
    p = Autoregressive(lambda prefixes: torch.tensor([[[0.0, math.nan]]]).expand(-1, prefixes.shape[1], -1), 2, 1)
    assert p.log_prob(torch.tensor([[[0, 0]]])).isnan().all()


@pytest.mark.parametrize(("length", "batch", "name"), [(0, 1, "length"), (1, 0, "batch")])
def test_counts_are_checked(length: int, batch: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: at least 1 needed, got 0"):
        Autoregressive(lambda prefixes: prefixes.float(), length, batch)


@pytest.mark.parametrize("shape", [(2, 3), (2, 1, 0), (2, 2, 3), (1, 1, 3), (2, 1, 3, 1)])
def test_scores_of_another_shape(shape: Sequence) -> None:
    with pytest.raises(ValueError, match=r"^step: scores of shape \(2, 1, choices\) needed, got"):
        Autoregressive(lambda prefixes: torch.zeros(shape), 2, 2).draw(1)


def test_too_many_to_enumerate() -> None:
    p = Autoregressive(lambda prefixes: torch.zeros(1, 1, 10).expand(-1, prefixes.shape[1], -1), 30, 1)
    assert p.size() == 10**30
    with pytest.raises(ValueError, match="more than 1,000,000 sequences to enumerate"):
        p.everything()
    assert p.draw_distinct(5, generator())[0].shape == (1, 5, 30)


def test_a_mask_needs_plain_scores() -> None:
    with pytest.raises(ValueError, match=r"^mask: only for scores \(batch, candidates\)"):
        exact_marginal(Tables((2,)).distribution(), losses, torch.ones(1, 2, dtype=torch.bool))
