"""Objectives of factorised scores, against enumeration of all combinations."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import grad
from unbiased import DRAWS, Network, far_off, generator

from anzan.layer import (
    Factorised,
    exact_marginal,
    leave_one_out,
    one_argument_out,
    sampled_marginal,
    top_k_marginal,
    unordered_set,
)


def factorised(batch: int = 1) -> tuple[list[Tensor], Callable[[Tensor], Tensor], Tensor]:
    """Scores of three arguments, the loss of a combination, and p over all 24 combinations."""
    g = generator(21)
    scores = [torch.randn(1, n, generator=g, dtype=torch.float64) for n in (2, 3, 4)]
    values = torch.randn(2, 3, 4, generator=g, dtype=torch.float64)
    a, b, c = (s.softmax(-1)[0] for s in scores)
    p = a[:, None, None] * b[None, :, None] * c
    return [s.expand(batch, -1).clone().requires_grad_() for s in scores], lambda i: values[i.unbind(-1)], p


def factorised_exact() -> tuple[float, list[Tensor]]:
    scores, loss_of, p = factorised()
    values = loss_of(torch.cartesian_prod(*(torch.arange(n) for n in (2, 3, 4)))).view(2, 3, 4)
    mean = float((p * values).sum())
    gradients = []
    for k, s in enumerate(scores):
        others = tuple(d for d in range(3) if d != k)
        gradients.append((p * values).sum(others) - s.softmax(-1)[0].detach() * mean)
    return mean, gradients


def test_exact_marginal_of_factorised_scores() -> None:
    scores, loss_of, p = factorised()
    estimate = exact_marginal(Factorised(scores), loss_of)
    values = loss_of(torch.cartesian_prod(*(torch.arange(n) for n in (2, 3, 4)))).view(2, 3, 4)
    likelihood = p * (-values).exp()
    assert estimate.loss[0].item() == pytest.approx(-math.log(float(likelihood.sum())), abs=1e-10)
    for k, gradient in enumerate(grad(estimate.loss.sum(), scores)):
        others = tuple(d for d in range(3) if d != k)
        exact = (p - likelihood / likelihood.sum()).sum(others)
        torch.testing.assert_close(gradient[0], exact, atol=1e-10, rtol=0)


@pytest.mark.parametrize("objective", [leave_one_out, unordered_set, one_argument_out])
def test_sampled_objectives_of_factorised_scores_have_no_bias(objective) -> None:
    scores, loss_of, _ = factorised(DRAWS)
    estimate = objective(Factorised(scores), loss_of, generator=generator(5))
    mean, exact = factorised_exact()
    assert not far_off(estimate.loss.detach()[:, None], torch.tensor([mean]))
    assert not far_off(torch.cat(grad(estimate.loss.sum(), scores), 1), torch.cat(exact))


def test_one_argument_out_of_a_single_argument_is_exact() -> None:
    network = Network()
    scores = network.scores.clone().requires_grad_()
    estimate = one_argument_out(Factorised([scores]), lambda i: network.loss_of(i[..., 0]), generator=generator())
    torch.testing.assert_close(grad(estimate.loss.sum(), scores)[0][0], network.exact()[0], atol=1e-10, rtol=0)


def test_sampled_marginal_by_a_single_argument_is_exact() -> None:
    scores, loss_of, _ = factorised()
    pair = Factorised(scores[:1])
    by_argument = sampled_marginal(pair, lambda i: loss_of(i.expand(-1, -1, 3) % 2), objective=one_argument_out)
    both = exact_marginal(pair, lambda i: loss_of(i.expand(-1, -1, 3) % 2))
    torch.testing.assert_close(by_argument.loss, both.loss, atol=1e-10, rtol=0)


@pytest.mark.parametrize("samples", [1, 3])
def test_one_argument_out_is_the_published_estimator(samples: int) -> None:
    """By loops over arguments, draws and choices, from the runs that the estimate says it made."""
    g = generator(9)
    scores = [torch.randn(2, n, generator=g, dtype=torch.float64, requires_grad=True) for n in (2, 3)]
    values = torch.randn(2, 2, 3, generator=g, dtype=torch.float64)
    loss_of = lambda i: torch.stack([values[b][i[b].unbind(-1)] for b in range(2)])  # noqa: E731
    estimate = one_argument_out(Factorised(scores), loss_of, samples=samples, generator=generator(5))
    blocks = estimate.index.split([2 * samples, 3 * samples], 1)
    for k, argument in enumerate(scores):
        log_p, runs = argument.log_softmax(-1), blocks[k].view(2, samples, -1, 2)
        mean = torch.zeros((), dtype=torch.float64)
        for b in range(2):
            for drawn in runs[b].tolist():
                assert [z[k] for z in drawn] == list(range(argument.shape[1]))
                assert len({z[1 - k] for z in drawn}) == 1
                for choice, z in enumerate(drawn):
                    mean = mean + log_p[b, choice].exp() * values[b][tuple(z)] / samples
        ours, theirs = grad(estimate.loss.sum(), argument, retain_graph=True)[0], grad(mean, argument)[0]
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)


@pytest.mark.parametrize("objective", [leave_one_out, unordered_set, one_argument_out, top_k_marginal])
def test_an_empty_batch(objective) -> None:
    estimate = objective(Factorised([torch.zeros(0, 2), torch.zeros(0, 3)]), lambda index: index.sum(-1).float())
    assert estimate.loss.shape == (0,)


def test_a_hundred_million_combinations() -> None:
    """Eight digits: no table, few runs of F, and the sum is learnt."""
    scores = [torch.zeros(1, 10, requires_grad=True) for _ in range(8)]
    optimiser = torch.optim.Adam(scores, 0.3)
    target = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
    runs = 0
    for step in range(150):
        estimate = one_argument_out(
            Factorised(scores), lambda i: (i != target).sum(-1).float(), samples=1, generator=generator(step)
        )
        runs = max(runs, estimate.index.shape[1])
        optimiser.zero_grad()
        estimate.loss.sum().backward()
        optimiser.step()
    assert Factorised(scores).size() == 10**8 and runs == 80
    assert Factorised(scores).best(1)[0, 0].tolist() == target.tolist()
