"""Noise keyed by example: against SplitMix64 in plain integers, and against the distributions it must have."""

import pytest
import torch
from scipy import stats

from anzan.layer import DropoutResidual, ExampleNoise, StraightThrough, straight_through, unordered_set
from anzan.layer._noise import gumbel_noise

MASK = (1 << 64) - 1


def splitmix(state: int) -> int:
    """The output function of SplitMix64, as in Java's SplittableRandom."""
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def slow_uniform(key: int, stream: int, *places: int) -> float:
    golden = 0x9E3779B97F4A7C15
    state = splitmix((key + golden * stream) & MASK)
    for place in places:
        state = splitmix((state + golden * (place + 1)) & MASK)
    return ((state >> 11) + 0.5) * 2.0**-53


def test_it_is_splitmix() -> None:
    keys = torch.tensor([0, 1, -1, 2**62, -(2**63), 12345])
    noise = ExampleNoise(keys)
    first, second = noise.uniform(2, 3), noise.uniform()
    for b, key in enumerate(keys.tolist()):
        assert [[slow_uniform(key & MASK, 1, i, j) for j in range(3)] for i in range(2)] == first[b].tolist()
        assert slow_uniform(key & MASK, 2) == second[b].item()


def test_published_values() -> None:
    """SplitMix64 from seed 1234567: its first outputs, as Rosetta Code has them."""
    golden, state, made = 0x9E3779B97F4A7C15, 1234567, []
    for _ in range(5):
        state = (state + golden) & MASK
        made.append(splitmix(state))
    assert made == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


def test_it_is_uniform_and_independent() -> None:
    """Consecutive keys, places and streams, which is what training gives it."""
    noise = ExampleNoise(torch.arange(2000))
    first, second = noise.uniform(50), noise.uniform(50)
    for draws in (first.flatten(), first[:, 0], first[0], second[:, 7]):
        assert draws.min() > 0 and draws.max() < 1
        assert stats.kstest(draws.numpy(), "uniform").pvalue > 1e-4
    for a, b in ((first[:-1], first[1:]), (first[:, :-1], first[:, 1:]), (first, second)):
        assert abs(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()) < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gumbel_noise_is_gumbel(dtype: torch.dtype) -> None:
    drawn = gumbel_noise(torch.zeros(3000, 20, dtype=dtype), ExampleNoise(torch.arange(3000)))
    assert drawn.dtype == dtype and drawn.isfinite().all()
    assert stats.kstest(drawn.double().flatten().numpy(), "gumbel_r").pvalue > 1e-4


def test_choices_are_draws_from_the_softmax() -> None:
    scores = torch.tensor([0.0, 1.0, 2.0]).expand(30_000, 3)
    index = straight_through(scores, generator=ExampleNoise(torch.arange(30_000))).index
    assert index is not None
    seen = torch.bincount(index, minlength=3)
    assert stats.chisquare(seen.numpy(), 30_000 * scores[0].double().softmax(0).numpy()).pvalue > 1e-4


def test_an_example_draws_the_same_in_any_batch_however_padded() -> None:
    torch.manual_seed(0)
    scores, keys = torch.randn(6, 4), torch.arange(6) * 7
    padded = torch.cat([scores, torch.randn(6, 5)], 1)
    mask = torch.arange(9).expand(6, 9) < 4
    loss_of = lambda index: index.float()  # noqa: E731
    whole = straight_through(scores, generator=ExampleNoise(keys)).index
    assert whole is not None
    sets = unordered_set(scores, loss_of, samples=3, generator=ExampleNoise(keys))
    for rows in (slice(0, 2), slice(2, 6)):
        noise = ExampleNoise(keys[rows])
        assert (straight_through(padded[rows], mask[rows], generator=noise).index == whole[rows]).all()
        some = unordered_set(padded[rows], loss_of, mask[rows], samples=3, generator=ExampleNoise(keys[rows]))
        torch.testing.assert_close(some.loss, sets.loss[rows])
        assert (some.index == sets.index[rows]).all()


def test_streams_and_branches_differ() -> None:
    scores, keys = torch.zeros(500, 10), torch.arange(500)
    noise, layer = ExampleNoise(keys), StraightThrough()
    first, second = layer(scores, generator=noise).index, layer(scores, generator=noise).index
    assert 0.02 < (first == second).float().mean() < 0.25
    example, branch = torch.tensor([0, 0, 1, 0]), torch.tensor([0, 1, 0, 0])
    drawn = noise.branch(example, branch).uniform(4)
    assert (drawn[0] == drawn[3]).all() and len({row[0].item() for row in drawn}) == 3
    kept = DropoutResidual(0.5)(torch.zeros(500, 2), torch.ones(500, 2), ExampleNoise(keys))[:, 0]
    assert 0.4 < kept.mean() < 0.6


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^keys: integers of shape \(batch,\)"):
        ExampleNoise(torch.zeros(3))
    with pytest.raises(ValueError, match=r"^keys: integers of shape \(batch,\)"):
        ExampleNoise(torch.zeros(3, 1, dtype=torch.long))
    with pytest.raises(ValueError, match=r"^keys: one for each of 4 examples needed, got 3"):
        straight_through(torch.zeros(4, 2), generator=ExampleNoise(torch.arange(3)))
