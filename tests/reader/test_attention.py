"""Attention in bfloat16: against the formula in float64, inside each kind of encoder, and never while measuring."""

import platform
from pathlib import Path

import pytest
import torch
from readers import MakeReader
from torch import nn

from anzan.reader.attention import bfloat16_attention, computes_in_bfloat16, use_bfloat16_attention
from anzan.reader.batch import collate_examples
from anzan.reader.labels import make_example

TEXTS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 1,120 pens.", "Who has more: Anna or Carl?", [["Carl"]]),
    ("Anna has 7 pens. Carl has 5 pens.", "What is the maximum?", [["7"]]),
]


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).detach().norm() / b.detach().norm())


def test_the_formula_and_its_gradients() -> None:
    torch.manual_seed(0)
    exact = [torch.randn(2, 3, 37, 16, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    mask = torch.zeros(2, 1, 37, 37).masked_fill(torch.rand(2, 1, 37, 37) < 0.3, torch.finfo(torch.float32).min)
    mask[..., 0] = 0
    q, k, v = exact
    expected = ((q @ k.mT / 4 + mask).softmax(-1) @ v).transpose(1, 2)
    out = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, exact, out)

    given = [x.detach().float().requires_grad_() for x in exact]
    with torch.autocast("cpu", torch.bfloat16):
        got, weights = bfloat16_attention(nn.Module(), *given, mask)
    assert got.dtype == torch.bfloat16 and weights is None
    gradients = torch.autograd.grad(got, given, out.to(torch.bfloat16))
    for a, b in zip((got, *gradients), (expected, *wanted), strict=True):
        assert relative(a.double(), b) < 0.02  # bfloat16 has 8 bits
    assert relative(bfloat16_attention(nn.Module(), *given, mask)[0].double(), expected) < 1e-5


@pytest.mark.parametrize("objective", ["straight-through", "unordered-set"])
def test_a_training_step_and_a_measurement(make_reader: MakeReader, objective: str) -> None:
    options = {"noise_scale": 0.0} if objective == "straight-through" else {}
    model, text_encoder = make_reader(choice={"objective": objective, "options": options})
    batch = collate_examples([make_example(text_encoder, *text) for text in TEXTS], text_encoder)
    model.train()

    def gradient(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(seed)
        loss = model(batch).loss
        model.zero_grad()
        loss.backward()
        return loss.detach(), model.spans.weight.grad.clone()

    loss, exact = gradient()
    text = batch.text
    embedded = model.encoder.get_input_embeddings()(text.ids)
    measured = model.encode(embedded, text.attention, text.types)
    use_bfloat16_attention(model.encoder)
    with torch.autocast("cpu", torch.bfloat16):
        close, gradients = gradient()
    assert float(close) == pytest.approx(float(loss), rel=0.05) and relative(gradients, exact) < 0.2
    # Without autocast, as all measuring is done, nothing has changed.
    torch.testing.assert_close(model.encode(embedded, text.attention, text.types), measured)


@pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64", reason="Linux lists what an x86 processor can do"
)
def test_a_processor_says_what_it_computes_in() -> None:
    [flags, *_] = [line.split() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")]
    if {"avx512_bf16", "amx_bf16"} & set(flags):
        assert computes_in_bfloat16()
    if "avx512f" not in flags:
        assert not computes_in_bfloat16()
