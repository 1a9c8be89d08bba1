"""Span likelihood and decoding against enumeration in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import grad, gradcheck

from anzan.reader.spans import best_spans, span_loss


def softmax(logits: list[float]) -> list[float]:
    powers = [math.exp(x) for x in logits]
    return [p / math.fsum(powers) for p in powers]


def random_spans(batch: int, spans: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Some of them missing, as collation pads them, in any place."""
    ends = torch.randint(0, length, (batch, spans, 2), generator=generator).sort(-1).values
    return ends.masked_fill(torch.rand(batch, spans, 1, generator=generator) < 0.3, -1)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3), st.integers(0, 4), st.integers(1, 6), st.integers(0, 2**31))
def test_loss_is_the_sum_over_spans(batch: int, spans: int, length: int, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    start, end = torch.randn(2, batch, length, generator=g, dtype=torch.float64) * 3
    where = random_spans(batch, spans, length, g)
    losses = span_loss(start, end, where)
    assert losses.shape == (batch,)
    for b in range(batch):
        p, q = softmax(start[b].tolist()), softmax(end[b].tolist())
        total = math.fsum(p[i] * q[j] for i, j in where[b].tolist() if i >= 0)
        assert losses[b].item() == pytest.approx(-math.log(total) if total else 0.0, rel=1e-9, abs=1e-9)


def test_gradcheck() -> None:
    g = torch.Generator().manual_seed(0)
    start, end = (torch.randn(3, 5, generator=g, dtype=torch.float64, requires_grad=True) for _ in range(2))
    where = torch.tensor([[[0, 1], [2, 2], [-1, -1]], [[-1, -1]] * 3, [[-1, -1], [3, 4], [0, 4]]])
    assert gradcheck(lambda s, e: span_loss(s, e, where), (start, end))


@pytest.mark.parametrize("where", [torch.full((2, 3, 2), -1), torch.zeros(2, 0, 2, dtype=torch.long)])
def test_without_a_span_there_is_no_loss(where: torch.Tensor) -> None:
    start, end = (torch.randn(2, 4, requires_grad=True) for _ in range(2))
    loss = span_loss(start, end, where)
    assert loss.tolist() == [0.0, 0.0]
    for gradient in grad(loss.sum(), (start, end)):
        assert not gradient.any()


@pytest.mark.parametrize("low", [-torch.inf, torch.finfo(torch.float32).min])
def test_tokens_where_no_span_may_stand(low: float) -> None:
    """Masked logits leave a finite loss and gradient, also beside an example without any span."""
    start = torch.tensor([[1.0, low, 2.0, low], [low, 0.0, low, low]], requires_grad=True)
    end = torch.tensor([[1.0, low, 2.0, low], [low, 0.0, low, low]], requires_grad=True)
    loss = span_loss(start, end, torch.tensor([[[0, 2]], [[-1, -1]]]))
    p = math.exp(1) / (math.exp(1) + math.exp(2))
    assert loss.tolist() == pytest.approx([-math.log(p * (1 - p)), 0.0], rel=1e-5)
    for gradient in grad(loss.sum(), (start, end)):
        assert gradient.isfinite().all() and not gradient[1].any()


def test_improbable_spans_stay_finite() -> None:
    start = torch.tensor([[0.0, 500.0]], requires_grad=True)
    loss = span_loss(start, start, torch.tensor([[[0, 0]]]))
    assert loss.item() == pytest.approx(1000.0)
    assert grad(loss, start)[0].tolist() == [pytest.approx([-2.0, 2.0])]


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 6), st.integers(0, 2**31), st.data())
def test_best_spans_by_enumeration(length: int, seed: int, data: st.DataObject) -> None:
    g = torch.Generator().manual_seed(seed)
    start, end = torch.randn(2, length, generator=g, dtype=torch.float64)
    places = [(i, j) for i in range(length) for j in range(i, length)]
    allowed = data.draw(st.lists(st.sampled_from(places), unique=True))
    ranked = best_spans(start, end, iter(allowed), most=3)
    scores = sorted(((start[i].item() + end[j].item(), (i, j)) for i, j in allowed), reverse=True)
    assert [span for span, _ in ranked] == [span for _, span in scores[:3]]
    assert [score for _, score in ranked] == pytest.approx([score for score, _ in scores[:3]])
    assert best_spans(start, end, iter(allowed)) == ranked[:1]
