"""Distributions over combinations against enumeration."""

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unbiased import DRAWS, assert_frequencies, generator

from anzan.layer import Categorical, Factorised, shortlist


def enumerated(scores: list[torch.Tensor]) -> dict[tuple[int, ...], float]:
    """The probability of every combination of one example, by plain products."""
    each = [[math.exp(s) / math.fsum(map(math.exp, row)) for s in row] for row in (t[0].tolist() for t in scores)]
    return {
        z: math.prod(p[i] for p, i in zip(each, z, strict=True))
        for z in itertools.product(*(range(len(p)) for p in each))
    }


def some_scores(sizes: tuple[int, ...], seed: int = 0, batch: int = 1) -> list[torch.Tensor]:
    g = generator(seed)
    return [torch.randn(1, n, generator=g, dtype=torch.float64).expand(batch, -1) for n in sizes]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 20), st.integers(0, 2**31))
def test_the_most_probable_combinations_are_exact(sizes: list[int], k: int, seed: int) -> None:
    scores = some_scores(tuple(sizes), seed)
    p = Factorised(scores)
    truth = enumerated(scores)
    assert p.size() == len(truth)
    best = [tuple(z) for z in p.best(k)[0].tolist()]
    assert best == sorted(truth, key=lambda z: -truth[z])[:k]
    assert p.log_prob(p.best(k))[0].exp().tolist() == pytest.approx([truth[z] for z in best])
    everything = p.everything()
    assert [tuple(z) for z in everything[0].tolist()] == list(truth)
    assert p.log_prob(everything)[0].exp().tolist() == pytest.approx(list(truth.values()))


def test_the_most_probable_of_a_categorical() -> None:
    p = Categorical(torch.tensor([[0.0, 3.0, 1.0, 2.0]]), torch.tensor([[True, False, True, True]]))
    assert p.best(2).tolist() == [[3, 2]] and p.size() == 4
    assert p.log_prob(torch.tensor([[1]])).tolist() == [[-math.inf]]


def test_independent_draws() -> None:
    scores = some_scores((2, 3, 2))
    drawn = Factorised(scores).draw(DRAWS, generator())[0]
    assert_frequencies(Counter(map(tuple, drawn.tolist())), enumerated(scores))
    flat = torch.tensor([list(enumerated(scores).values())], dtype=torch.float64).log()
    index = Categorical(flat).draw(DRAWS, generator())[0]
    assert_frequencies(Counter(index.tolist()), dict(enumerate(enumerated(scores).values())))


@pytest.mark.parametrize("kind", ["categorical", "factorised"])
def test_draws_without_replacement(kind: str) -> None:
    """Ordered draws have the sequential probability p(a) p(b) / (1 - p(a)); the rest is what was not drawn."""
    scores = some_scores((2, 3))
    truth = enumerated(scores)
    if kind == "factorised":
        p = Factorised([s.expand(DRAWS, -1) for s in scores])
    else:
        p = Categorical(torch.tensor([list(truth.values())], dtype=torch.float64).log().expand(DRAWS, -1))
        truth = dict(enumerate(truth.values()))
    index, rest = p.draw_distinct(2, generator())
    pairs = [tuple(tuple(z) if isinstance(z, list) else z for z in row) for row in index.tolist()]
    sequential = {(a, b): truth[a] * truth[b] / (1 - truth[a]) for a in truth for b in truth if a != b}
    assert_frequencies(Counter(pairs), sequential)
    left = [1 - truth[a] - truth[b] for a, b in pairs]
    torch.testing.assert_close(rest.exp(), torch.tensor(left, dtype=torch.float64))


@pytest.mark.parametrize("k", [6, 9])
def test_everything_drawn_leaves_no_rest(k: int) -> None:
    index, rest = Factorised(some_scores((2, 3))).draw_distinct(k, generator())
    assert sorted(map(tuple, index[0].tolist())) == list(itertools.product(range(2), range(3)))
    assert rest.tolist() == [-math.inf]


def test_nearly_certain_scores_draw_distinct_combinations_without_nan() -> None:
    scores = [torch.tensor([[0.0, -1e30, -200.0]]), torch.tensor([[1e30, 0.0, -1e30]])]
    index, rest = Factorised(scores).draw_distinct(4, generator())
    assert len(set(map(tuple, index[0].tolist()))) == 4 and not rest.isnan().any()
    assert index[0, 0].tolist() == [0, 0]


@pytest.mark.parametrize("scores", [[], [torch.zeros(2, 3), torch.zeros(1, 3)], [torch.zeros(2, 0)], [torch.zeros(3)]])
def test_scores_that_do_not_fit(scores: list[torch.Tensor]) -> None:
    with pytest.raises(ValueError, match=r"^scores: \(batch, choices\)"):
        Factorised(scores)


def test_too_many_to_enumerate() -> None:
    with pytest.raises(ValueError, match="100,000,000 combinations are too many to enumerate"):
        Factorised([torch.zeros(1, 10)] * 8).everything()


# -- shortlists ------------------------------------------------------------------------------------------------------
def test_a_shortlist_is_everything_within_the_limit() -> None:
    scores = torch.randn(2, 5, generator=generator(), dtype=torch.float64)
    listed = shortlist(scores, 5)
    assert listed.approximation == "none" and listed.index.tolist() == [list(range(5))] * 2
    torch.testing.assert_close(listed.scores, scores.log_softmax(-1))
    torch.testing.assert_close(listed.mass, torch.ones(2, dtype=torch.float64))


def test_a_shortlist_of_the_most_probable() -> None:
    scores = some_scores((10,) * 8, batch=2)
    listed = shortlist(Factorised(scores), 20)
    assert listed.approximation == "most probable" and listed.index.shape == (2, 20, 8)
    best = [int(s[0].argmax()) for s in scores]
    assert listed.index[0, 0].tolist() == best
    top = math.prod(float(s[0].softmax(-1).max()) for s in scores)
    assert listed.scores[0, 0].exp().item() == pytest.approx(top) and top < listed.mass[0] < 1


def test_a_drawn_shortlist_brings_every_candidate_in() -> None:
    scores = torch.zeros(200, 5)
    listed = shortlist(scores, 2, how="draws without replacement", generator=generator())
    assert listed.approximation == "draws without replacement" and listed.index.shape == (200, 2)
    assert set(listed.index.flatten().tolist()) == set(range(5))
    torch.testing.assert_close(listed.mass, torch.full((200,), 0.4))


def test_shortlist_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"^limit: at least 1"):
        shortlist(torch.zeros(1, 2), 0)
    with pytest.raises(ValueError, match=r"^how: 'any' is unknown"):
        shortlist(torch.zeros(1, 2), 1, how="any")  # pyright: ignore[reportArgumentType]


def test_every_row_draws_from_its_own_scores() -> None:
    """Four rows, nearly certain of different combinations."""
    wanted = torch.tensor([[0, 2], [1, 0], [0, 1], [1, 2]])
    scores = [30.0 * torch.nn.functional.one_hot(wanted[:, k], n).double() for k, n in enumerate((2, 3))]
    p = Factorised(scores)
    assert p.best(1)[:, 0].tolist() == wanted.tolist()
    assert p.best(4)[:, 0].tolist() == wanted.tolist()
    assert p.draw(3, generator()).tolist() == [[row] * 3 for row in wanted.tolist()]
    assert p.draw_distinct(3, generator())[0][:, 0].tolist() == wanted.tolist()
    flat = Categorical(scores[0][:, :, None].add(scores[1][:, None]).flatten(1))
    place = (wanted[:, 0] * 3 + wanted[:, 1]).tolist()
    assert flat.best(1)[:, 0].tolist() == flat.draw_distinct(2, generator())[0][:, 0].tolist() == place
    assert flat.draw(3, generator()).tolist() == [[i] * 3 for i in place]


@pytest.mark.parametrize("seed", range(20))
def test_impossible_choices_are_drawn_last(seed: int) -> None:
    """Two arguments with one possible choice each, one with ten: ten combinations can be, 30 cannot."""
    p = Factorised([torch.tensor([[0.0, -torch.inf]]), torch.tensor([[-torch.inf, 0.0]]), torch.zeros(1, 10)])
    index, rest = p.draw_distinct(4, generator(seed))
    assert {tuple(z[:2]) for z in index[0].tolist()} == {(0, 1)} and len({z[2] for z in index[0].tolist()}) == 4
    assert rest.exp().item() == pytest.approx(0.6, rel=1e-5)
    beyond, _ = p.draw_distinct(12, generator(seed))
    assert {z[2] for z in beyond[0, :10].tolist() if tuple(z[:2]) == (0, 1)} == set(range(10))


def test_an_empty_batch() -> None:
    p = Factorised([torch.zeros(0, 2), torch.zeros(0, 3)])
    assert p.best(4).shape == p.draw(4).shape == p.draw_distinct(4)[0].shape == (0, 4, 2)


def test_a_mask_needs_plain_scores() -> None:
    with pytest.raises(ValueError, match=r"^mask: only for scores \(batch, candidates\)"):
        shortlist(Factorised([torch.zeros(1, 2)]), 1, torch.ones(1, 2, dtype=torch.bool))
