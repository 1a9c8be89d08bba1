"""A good citizen of torch: compiled, under autocast, saved, imported alone."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import grad

from anzan.layer import (
    DecoupledStraightThrough,
    GumbelRao,
    ReinMax,
    RelaxedGumbelSoftmax,
    ResultTable,
    Sparsemax,
    StraightThrough,
    SymbolicLayer,
    TopKSoftmax,
    embed,
    exact_marginal,
    leave_one_out,
    top_k_marginal,
    unordered_set,
)

MODULES = [RelaxedGumbelSoftmax, StraightThrough, DecoupledStraightThrough, GumbelRao, ReinMax, Sparsemax, TopKSoftmax]


def problem() -> tuple[ResultTable, Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    table = ResultTable.from_rows([[[0, 1], [2], None, [2]], [[3, 3, 0], [], [1], [2, 0]]])
    return table, torch.randn(2, 4, generator=g, requires_grad=True), torch.randn(5, 3, generator=g, requires_grad=True)


@pytest.mark.parametrize("module", MODULES)
def test_no_graph_breaks_from_the_table_on(module) -> None:
    table, scores, embedding = problem()
    layer = SymbolicLayer(module()).eval()  # without noise, so that both ways can be compared

    def step(scores: Tensor, embedding: Tensor) -> Tensor:
        out = layer(scores, table, embedding)
        return out.embedded.square().sum() + layer.argument_loss(
            out.choice.log_probs, table.ids[..., 0] == 2, table.valid
        )

    torch._dynamo.reset()
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    plain, fast = step(scores, embedding), compiled(scores, embedding)
    torch.testing.assert_close(fast, plain)
    for a, b in zip(grad(fast, (scores, embedding)), grad(plain, (scores, embedding)), strict=True):
        torch.testing.assert_close(a, b)
    layer.train()
    assert torch.isfinite(torch.compile(step, fullgraph=True, backend="aot_eager")(scores, embedding))


@pytest.mark.parametrize("objective", [exact_marginal, top_k_marginal, leave_one_out, unordered_set])
def test_no_graph_breaks_in_objectives(objective) -> None:
    table, scores, embedding = problem()

    def step(scores: Tensor, embedding: Tensor) -> Tensor:
        loss_of = lambda index: embed(table.rows(index), embedding)[0].square().sum((-1, -2))  # noqa: E731
        return objective(scores, loss_of, table.valid).loss.sum()

    torch._dynamo.reset()
    fast = torch.compile(step, fullgraph=True, backend="aot_eager")(scores, embedding)
    assert all(g.isfinite().all() for g in grad(fast, (scores, embedding)))


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(module, dtype: torch.dtype) -> None:
    table, inputs, embedding = problem()
    scorer, reader, layer = nn.Linear(4, 4), nn.Linear(3, 2), SymbolicLayer(module())
    with torch.autocast("cpu", dtype=dtype):
        out = layer(scorer(inputs.detach()), table, embedding)
        loss = reader(out.embedded).sum()
    loss.backward()
    assert out.choice.log_probs.dtype == torch.float32 and out.embedded.dtype == torch.float32
    assert all(p.grad is not None and p.grad.isfinite().all() for p in [*scorer.parameters(), *reader.parameters()])
    assert embedding.grad is not None and embedding.grad.dtype == torch.float32


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_result_has_the_embedding_s_dtype(module, dtype: torch.dtype) -> None:
    table, scores, embedding = problem()
    out = SymbolicLayer(module())(scores, table, embedding.to(dtype))
    assert out.embedded.dtype == dtype
    out.embedded.double().square().sum().backward()
    assert scores.grad is not None and scores.grad.isfinite().all()


@pytest.mark.parametrize("module", MODULES)
def test_the_device_of_the_scores_is_kept(module) -> None:
    """On the meta device: any tensor that were made on the CPU would not go together with the others."""
    table, scores, embedding = problem()
    layer = SymbolicLayer(module()).eval()
    ids, valid = table.ids.to("meta"), table.valid.to("meta")
    away = object.__new__(ResultTable)  # the check in its constructor needs values
    away.ids, away.valid, away.distinct = ids, valid, tuple(t.to("meta") for t in table.distinct)
    out = layer(scores.to("meta"), away, embedding.to("meta"))
    assert out.embedded.device.type == out.mask.device.type == "meta" and out.embedded.shape == (2, 3, 3)


def test_layers_add_nothing_to_a_state_dict() -> None:
    network = nn.Sequential(nn.Linear(2, 2), SymbolicLayer())
    assert set(network.state_dict()) == {"0.weight", "0.bias"}


def test_import_brings_torch_only() -> None:
    code = (
        "import sys, torch; before = set(sys.modules); import anzan.layer; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['anzan']"


@pytest.mark.slow
def test_import_adds_at_most_50_ms_to_torch_s_own(tmp_path) -> None:
    """As installed: from byte code, which pip writes, whatever the environment says about writing any."""
    code = (
        "import sys, time, torch\n"
        f"sys.pycache_prefix, sys.dont_write_bytecode = {str(tmp_path)!r}, False\n"
        "before = {*sys.modules}\n"
        "for _ in range(6):\n"
        "    t = time.process_time(); import anzan.layer; print(time.process_time() - t)\n"
        "    for name in sys.modules.keys() - before: del sys.modules[name]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    _, *seconds = map(float, done.stdout.split())  # the first one writes the byte code
    assert len(seconds) == 5 and min(seconds) < 0.05
