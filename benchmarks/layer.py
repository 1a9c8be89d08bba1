"""Time and memory of the layer as the number of candidates grows, against two ways to write it by hand.

    python benchmarks/layer.py [--candidates 10 100 1000 ...] [--batch 1] [--length 20] [--hidden 768]

In one run, forward and backward to the scores, with straight-through Gumbel-Softmax:

* `layer`: `anzan.layer.SymbolicLayer` on an integer result table;
* `dense`: Proposition 1 as it stands, `F.gumbel_softmax(hard=True) @ E` with one-hot rows, times the embedding;
* `embed all`: what one would write by hand, every candidate's result embedded and weighted.

The embedding's gradient is left out at first: it is 94 MB of zeros but for a few rows, the same for all three, and in a
real network the encoder's own backward pass has it anyway. `with_embedding_gradient` has the times with it.

Vocabulary 30,522 and hidden size 768 (BERT-base), results of 20 tokens drawn from the 13 that print numbers. Peak
memory is that of a process of its own, less what it had before; less than 1 MiB counts as 1 MiB. Times are medians of
rounds that alternate between the methods. A method stops where it would need more than `--memory` GiB. Last, the share
of the layer in a whole training step at the paper's shapes: 55 pairs, 75 tokens, BERT-base. Writes
results/benchmarks/layer.json.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from anzan.layer import ResultTable, SymbolicLayer
from anzan.training.results import commit, device_name, write_json

ROOT = Path(__file__).parent.parent
VOCABULARY = 30_522
NUMERALS = 13  # ten digits, a sign, `=` and a separator

Step = Callable[[Tensor, Tensor], Tensor]


def results(candidates: int, length: int) -> Tensor:
    """Token ids (candidates, length): of different lengths, few distinct tokens, spread over the vocabulary."""
    g = torch.Generator().manual_seed(0)
    ids = torch.randint(NUMERALS, (candidates, length), generator=g) * (VOCABULARY // NUMERALS)
    ends = torch.randint(length // 2, length + 1, (candidates, 1), generator=g)
    return ids.masked_fill(torch.arange(length) >= ends, -1)


def layer(ids: Tensor) -> Step:
    table, module = ResultTable(ids[None]), SymbolicLayer()
    return lambda scores, embedding: module(scores, table, embedding).embedded


def dense(ids: Tensor) -> Step:
    candidates, length = ids.shape
    rows = torch.zeros(candidates, length, VOCABULARY)
    rows.scatter_(2, ids.clamp_min(0)[..., None], (ids >= 0).float()[..., None])
    rows = rows.view(candidates, -1)
    return lambda scores, embedding: (
        (F.gumbel_softmax(scores, hard=True) @ rows).view(-1, length, VOCABULARY) @ embedding
    )


def embed_all(ids: Tensor) -> Step:
    there = (ids >= 0)[..., None]

    def step(scores: Tensor, embedding: Tensor) -> Tensor:
        every = F.embedding(ids.clamp_min(0), embedding) * there
        return torch.einsum("ba,alh->blh", F.gumbel_softmax(scores, hard=True), every)

    return step


METHODS: dict[str, Callable[[Tensor], Step]] = {"layer": layer, "dense": dense, "embed all": embed_all}


def floats(method: str, candidates: int, batch: int, length: int, hidden: int) -> float:
    """About how many numbers of 4 bytes a step keeps at once, to tell what cannot fit."""
    if method == "dense":
        return candidates * length * VOCABULARY
    if method == "embed all":
        return 3 * candidates * length * hidden
    return 8 * candidates * length * (1 + batch / 4)


def inputs(candidates: int, batch: int, hidden: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(batch, candidates, requires_grad=True), torch.randn(VOCABULARY, hidden)


def once(step: Step, scores: Tensor, embedding: Tensor) -> float:
    """Seconds of forward and backward."""
    scores.grad = embedding.grad = None
    started = time.perf_counter()
    step(scores, embedding).square().sum().backward()
    return time.perf_counter() - started


def held(what: str) -> int:
    """Bytes that this process holds (VmRSS), or has held at most (VmHWM), by Linux's account."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


def memory(method: str, candidates: int, batch: int, length: int, hidden: int) -> int:
    """Bytes that one method needs on top of scores and embedding, its table or one-hot rows included."""
    ids = results(candidates, length)
    scores, embedding = inputs(candidates, batch, hidden)
    warm = METHODS["layer"](results(2, 2))
    once(warm, torch.zeros(batch, 2, requires_grad=True), embedding)  # torch's own buffers
    before = held("VmRSS") - ids.nbytes  # the ids count, what it took to draw them does not
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
    once(METHODS[method](ids), scores, embedding)
    return max(held("VmHWM") - before, 2**20)


def ratio(slow: list[float], fast: list[float]) -> float:
    """The median over rounds, the first left out."""
    return round(statistics.median(x / y for x, y in zip(slow[1:], fast[1:], strict=True)), 2)


def slope(figures: list[dict[str, Any]], what: str, method: str) -> float | None:
    """Growth between the two largest sizes, as the exponent of the number of candidates."""
    points = [(f["candidates"], f[what][method]) for f in figures if f[what].get(method)]
    if len(points) < 2:
        return None
    (a, x), (b, y) = points[-2:]
    return round(math.log(y / x) / math.log(b / a), 2)


def share_of_a_step(steps: int) -> dict[str, float]:
    """The layer's part of a training step of the whole reader at the paper's shapes."""
    from transformers import BertConfig

    from anzan.reader.batch import Batch, CandidateBatch, LabelBatch, TextBatch
    from anzan.reader.config import CalculatorReaderConfig
    from anzan.reader.network import CalculatorReader

    torch.manual_seed(0)
    size, text, pairs, length = 2, 180, 55, 75
    network = CalculatorReader(CalculatorReaderConfig(encoder=BertConfig().to_dict())).train()
    ids, everywhere = torch.randint(VOCABULARY, (size, text)), torch.ones(size, text)
    rows = results(size * pairs, length).view(size, pairs, length)
    batch = Batch(
        TextBatch(ids, 0 * ids, everywhere.long(), everywhere.bool()),
        CandidateBatch(
            numbers=torch.arange(11).expand(size, -1),
            pairs=torch.combinations(torch.arange(11)).expand(size, -1, -1),
            valid=torch.ones(size, pairs).bool(),
            rows=rows,
        ),
        LabelBatch(
            text_spans=torch.full((size, 1, 2), 5),
            row_spans=torch.full((size, pairs, 1, 2), -1),
            acceptable=torch.zeros(size, pairs).bool(),
        ),
    )
    optimiser = torch.optim.AdamW(network.parameters(), 1e-5)
    whole, alone = [], []
    for _ in range(steps + 1):
        started = time.perf_counter()
        network(batch).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        whole.append(time.perf_counter() - started)
        scores = torch.randn(size, pairs, requires_grad=True)
        embedding = network.embedding
        started = time.perf_counter()
        out = network.objective.layer(scores, ResultTable(rows), embedding)
        out.embedded.sum().backward()
        alone.append(time.perf_counter() - started)
        embedding.grad = None
    seconds, part = statistics.median(whole[1:]), statistics.median(alone[1:])
    return {"step_s": round(seconds, 4), "layer_s": round(part, 5), "share_percent": round(100 * part / seconds, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, nargs="+", default=[10, 55, 100, 1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", type=float, default=12.0, help="GiB that a method may need")
    parser.add_argument("--only", choices=METHODS, help="print one method's peak memory")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "benchmarks" / "layer.json")
    a = parser.parse_args()
    shape = (a.batch, a.length, a.hidden)
    if a.only:
        print(memory(a.only, a.candidates[0], *shape))
        return
    figures = []
    for n in a.candidates:
        ids = results(n, a.length)
        fitting = [m for m in METHODS if floats(m, n, *shape) * 4 < a.memory * 2**30]
        times: dict[str, list[float]] = {m: [] for m in fitting}
        scores, embedding = inputs(n, a.batch, a.hidden)
        steps = {m: METHODS[m](ids) for m in fitting}
        for _ in range(a.rounds + 1):
            for m in fitting:
                times[m].append(once(steps[m], scores, embedding))
        whole: dict[str, list[float]] = {m: [] for m in fitting}
        embedding.requires_grad_()
        for _ in range(4):
            for m in fitting:
                whole[m].append(once(steps[m], scores, embedding))
        del steps, scores, embedding
        started = time.perf_counter()
        ResultTable(ids[None])
        built = time.perf_counter() - started
        bytes_ = {}
        for m in fitting:
            call = [sys.executable, __file__, "--only", m, "--candidates", str(n), "--batch", str(a.batch), "--length",
                    str(a.length), "--hidden", str(a.hidden)]  # fmt: skip
            bytes_[m] = int(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
        row = {
            "candidates": n, "seconds": {m: statistics.median(t[1:]) for m, t in times.items()}, "bytes": bytes_,
            "table_s": built,
            "faster_than": {m: ratio(t, times["layer"]) for m, t in times.items() if m != "layer"},
            "less_memory_than": {m: round(b / bytes_["layer"], 1) for m, b in bytes_.items() if m != "layer"},
            "with_embedding_gradient": {
                "seconds": {m: statistics.median(t[1:]) for m, t in whole.items()},
                "faster_than": {m: ratio(t, whole["layer"]) for m, t in whole.items() if m != "layer"},
            },
        }  # fmt: skip
        figures.append(row)
        print(json.dumps(row), file=sys.stderr)
    report = {
        "benchmark": "symbolic layer, forward and backward", "vocabulary": VOCABULARY, "batch": a.batch,
        "length": a.length, "hidden": a.hidden, "rounds": a.rounds, "sizes": figures,
        "slope_of_time": {m: slope(figures, "seconds", m) for m in METHODS},
        "slope_of_memory": {m: slope(figures, "bytes", m) for m in METHODS},
        "step_at_the_paper_s_shapes": share_of_a_step(a.rounds),
        "device": device_name(), "commit": commit(), "command": " ".join(["python", *sys.argv]),
    }  # fmt: skip
    write_json(a.out, report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
