"""Distributions of results against enumeration of all combinations."""

import itertools
import math
from collections import defaultdict
from functools import reduce

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import grad, gradcheck

from anzan.layer import Factorised, Fold, exact_marginal

STEPS = {
    "sum": lambda s, a: s + a,
    "difference": lambda s, a: s - a,
    "modulo": lambda s, a: (s * 3 + a) % 4,
    "quotient": lambda s, a: s // a,  # undefined for 0
    "even": lambda s, a: None if (s + a) % 5 == 4 else s + a,
}


def enumerated(step, initial: int, scores: list[torch.Tensor]) -> dict[int, float]:
    each = [[math.exp(s) / math.fsum(map(math.exp, row)) for s in row] for row in (t[0].tolist() for t in scores)]
    total: dict[int, float] = defaultdict(float)
    for z in itertools.product(*(range(len(p)) for p in each)):
        state: int | None = initial
        for a in z:
            try:
                state = None if state is None else step(state, a)
            except ZeroDivisionError:
                state = None
        if state is not None:
            total[state] += math.prod(p[a] for p, a in zip(each, z, strict=True))
    return total


@pytest.mark.filterwarnings("ignore:step is undefined")
@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(STEPS)), st.lists(st.integers(2, 4), min_size=1, max_size=4), st.integers(0, 2**31))
def test_every_result_has_its_probability(name: str, sizes: list[int], seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    scores = [torch.randn(1, n, generator=g, dtype=torch.float64) for n in sizes]
    fold = Fold(STEPS[name], 7, [range(n) for n in sizes])
    truth = enumerated(STEPS[name], 7, scores)
    assert set(fold.results) == set(truth)
    seen = fold.log_probs(scores)[0].exp()
    for result, p in truth.items():
        assert abs(float(seen[fold.place([result])[0]]) - p) < 1e-10


def test_it_is_the_exact_marginal_of_a_deterministic_f() -> None:
    g = torch.Generator().manual_seed(0)
    scores = [torch.randn(5, 4, generator=g, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    answer = torch.tensor([3, 0, 9, 4, 5])
    fold = Fold(STEPS["sum"], 0, [range(4)] * 3)
    ours = -fold.log_probs(scores).gather(1, fold.place(answer.tolist())[:, None])[:, 0]
    never = 700.0  # exp(-700) is next to nothing, and finite

    def loss_of(index: torch.Tensor) -> torch.Tensor:
        return torch.where(index.sum(-1) == answer[:, None], 0.0, never).double()

    theirs = exact_marginal(Factorised(scores), loss_of).loss
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)
    for a, b in zip(grad(ours.sum(), scores), grad(theirs.sum(), scores), strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


def test_gradcheck() -> None:
    fold = Fold(STEPS["even"], 0, [range(3)] * 3)
    scores = [torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert gradcheck(lambda *s: fold.log_probs(s), scores)


def test_sixteen_digits_and_hopeless_scores() -> None:
    """10^16 combinations; and a result of probability 1e-180 still has its logarithm and a gradient in float32."""
    fold = Fold(STEPS["sum"], 0, [range(10)] * 16)
    assert sorted(fold.results) == list(range(145))
    scores = [torch.tensor([[0.0] + [-26.0] * 9], requires_grad=True) for _ in range(16)]
    log_p = fold.log_probs(scores)
    assert log_p[0, fold.place([0])[0]].item() == pytest.approx(0.0, abs=1e-6)
    worst = log_p[0, fold.place([144])[0]]
    assert worst.item() == pytest.approx(-16 * 26.0, rel=1e-5)
    assert all(g.isfinite().all() and g.any() for g in grad(worst, scores))


def test_words_fold_too() -> None:
    fold = Fold(lambda s, a: s + a, "", ["ab", "ab"])
    assert fold.results == ["aa", "ab", "ba", "bb"] == [reduce(str.__add__, z) for z in itertools.product("ab", "ab")]
    with pytest.raises(KeyError):
        fold.place(["c"])


def test_exceptions_are_counted_and_reported() -> None:
    with pytest.warns(RuntimeWarning, match=r"^step is undefined for 3 of its arguments, the last with ZeroDivision"):
        fold = Fold(lambda s, a: s // a, 6, [[0, 2, 3], [0, 1]])  # 6 // 0, then 3 // 0 and 2 // 0
    assert fold.failures == 3 and fold.results == [3, 2]
    with pytest.raises(ValueError, match=r"^step: undefined for every") as caught:
        Fold(lambda s, a: unknown, 0, [range(2)])  # noqa: F821 # pyright: ignore[reportUndefinedVariable]
    assert isinstance(caught.value.__cause__, NameError)


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^spaces: "):
        Fold(STEPS["sum"], 0, [])
    with pytest.raises(ValueError, match=r"^spaces: "):
        Fold(STEPS["sum"], 0, [range(2), []])
    with pytest.raises(ValueError, match=r"^step: undefined for every"):
        Fold(lambda s, a: None, 0, [range(2)])
    fold = Fold(STEPS["sum"], 0, [range(2)] * 2)
    with pytest.raises(ValueError, match=r"^scores: one tensor for each of 2 arguments needed, got 1"):
        fold.log_probs([torch.zeros(1, 2)])
    with pytest.raises(ValueError, match=r"^scores: \(batch, 2\) needed, got \(1, 3\)"):
        fold.log_probs([torch.zeros(1, 2), torch.zeros(1, 3)])
