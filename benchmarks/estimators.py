"""How honest is each gradient? Bias, variance and direction of every estimator and objective, against enumeration.

    python benchmarks/estimators.py [--draws 20000] [--model DIR] [--problems linear network reader]

For each problem the exact gradient to the scores is enumerated for both targets: -log E[p(y|F(z))] (the marginal
likelihood) and E[-log p(y|F(z))] (its Jensen bound). Then each estimator and objective draws many times:

* bias: the distance of its mean gradient from the exact one, as a share of the exact one's length, and how much of that
  chance explains (one standard error of the mean);
* spread: the root of the total variance of one draw, as a share of the exact one's length;
* cosine: of one draw to the exact gradient, on average, and of the mean.

Problems: `linear`, a loss linear in the embedded result; `network`, a small ReLU network behind it; `reader`, the
calculator reader's own span loss on two possession problems with each of their ten pairs. Writes docs/estimators.md,
docs/estimators.png and results/benchmarks/estimators.json.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torch.autograd import grad

from anzan.files import whole_file
from anzan.layer import (
    Choice,
    Estimate,
    ResultTable,
    decoupled_straight_through,
    embed,
    exact_marginal,
    gumbel_rao,
    leave_one_out,
    lookup,
    reinmax,
    relaxed_gumbel_softmax,
    sampled_marginal,
    sparsemax,
    straight_through,
    top_k_marginal,
    top_k_softmax,
    unordered_set,
)
from anzan.training.results import commit, device_name, write_json

ROOT = Path(__file__).parent.parent
TARGETS = ("marginal", "expected")
Draw = Callable[..., Choice]
Objective = Callable[..., Estimate]
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

ESTIMATORS: dict[str, Draw] = {
    "straight-through, t = 1": straight_through,
    "straight-through, t = 0.3": partial(straight_through, temperature=0.3),
    "straight-through, t = 3": partial(straight_through, temperature=3.0),
    "relaxed Gumbel-Softmax, t = 1": relaxed_gumbel_softmax,
    "decoupled, backward t = 3": partial(decoupled_straight_through, temperature=3.0),
    "ReinMax": reinmax,
    "Gumbel-Rao, 10 samples": gumbel_rao,
    "sparsemax": sparsemax,
    "top-3 softmax": partial(top_k_softmax, k=3),
}
OBJECTIVES: dict[str, Objective] = {
    "exact marginal": exact_marginal,
    "top-3 marginal": partial(top_k_marginal, k=3),
    "leave-one-out, 2 draws": partial(leave_one_out, samples=2),
    "leave-one-out, 4 draws": partial(leave_one_out, samples=4),
    "unordered set, 2": partial(unordered_set, samples=2),
    "unordered set, 4": partial(unordered_set, samples=4),
    "sampled marginal, 4 draws": partial(sampled_marginal, samples=4),
}
RANDOM = (straight_through, relaxed_gumbel_softmax, decoupled_straight_through, reinmax, gumbel_rao, leave_one_out,
          unordered_set, sampled_marginal)  # fmt: skip


@dataclass
class Problem:
    """Scores (1, candidates), results, and a loss (n,) of embedded results (n, length, hidden), their mask (n, length)
    and the candidate (n,) that each is or, for a mixture, that has the greatest weight."""

    name: str
    scores: Tensor
    table: ResultTable
    embedding: Tensor
    loss: Loss

    def __post_init__(self) -> None:
        # What each candidate's own result costs, and the slope there: a hard choice is one of these, so the network
        # need not run again for every draw.
        embedded, mask = embed(self.table.ids[0], self.embedding)
        embedded = embedded.detach().requires_grad_()
        losses = self.loss(embedded, mask, torch.arange(len(embedded)))
        (self.slopes,) = grad(losses.sum(), embedded)
        self.losses = losses.detach().double()

    def hard_loss(self, index: Tensor, embedded: Tensor) -> Tensor:
        """The loss of chosen candidates (n,), with its slope to what was embedded for them."""
        moved = ((embedded - embedded.detach()) * self.slopes[index]).sum((-1, -2))
        return self.losses[index] + moved

    def exact(self) -> dict[str, Tensor]:
        """Gradients to the scores of both targets, by enumeration."""
        p = self.scores[0].double().softmax(-1)
        losses = self.losses.double()
        joint = p * (-losses).exp()
        return {"marginal": p - joint / joint.sum(), "expected": p * (losses - (p * losses).sum())}


def linear() -> Problem:
    return _synthetic("linear", lambda weights: lambda embedded, mask, index: (embedded * weights).sum((-1, -2)))


def network() -> Problem:
    def make(weights: Tensor) -> Loss:
        g = torch.Generator().manual_seed(3)
        inner, outer = (torch.randn(*s, generator=g, dtype=torch.float64) for s in ((8, 16), (16, 4)))
        return lambda embedded, mask, index: -((embedded.sum(-2) @ inner).relu() @ outer / 4).log_softmax(-1)[..., 0]

    return _synthetic("network", make)


def _synthetic(name: str, make: Callable[[Tensor], Loss]) -> Problem:
    """Ten candidates with results of one to three of twelve tokens."""
    g = torch.Generator().manual_seed(1)
    rows = [torch.randint(12, (1 + i % 3,), generator=g).tolist() for i in range(10)]
    scores, embedding = (torch.randn(*s, generator=g, dtype=torch.float64) for s in ((1, 10), (12, 8)))
    weights = torch.randn(3, 8, generator=g, dtype=torch.float64) / 3
    return Problem(name, scores, ResultTable.from_rows([rows]), embedding, make(weights))


def reader(model: str | None, kind: str) -> Problem:
    """A reader's loss on one transfer problem, its scores brought to a standard deviation of 1.

    Max: one whose answer must be computed. Argmax: the answer is a name. A trained reader is nearly certain, where no
    estimator draws anything but the best: these scores are of one that is under way.
    """
    from anzan.reader.batch import collate_examples
    from anzan.reader.encoders import locate_encoder
    from anzan.reader.labels import make_example
    from anzan.reader.network import CalculatorReader
    from anzan.reader.objective import NO_ANSWER
    from anzan.reader.reader import Reader
    from anzan.reader.spans import span_loss
    from anzan.reader.tokenizer import load_tokenizer
    from anzan.tasks.possession import Possession, generate

    torch.manual_seed(0)
    if model:
        asked = Reader.load(model)
    else:
        tokenizer = load_tokenizer(locate_encoder("anzan-tiny"))
        asked = Reader(CalculatorReader.from_encoder("anzan-tiny", tokenizer), tokenizer)
    network, text_encoder = asked.model, asked.text_encoder
    problems = generate(Possession(people=4, transfers=1, questions=(kind,)), 20, seed=5)
    examples = [make_example(text_encoder, p.passage, p.question, p.answers) for p in problems]
    example = next(e for e in examples if any(e.acceptable) or kind == "argmax")
    with torch.no_grad():
        scored = network.scored(collate_examples([example], text_encoder))
    scores = scored.scores.double()

    def loss(embedded: Tensor, mask: Tensor, index: Tensor) -> Tensor:
        view, spans = scored.reading(network.views, torch.zeros_like(index), index)
        view = view.with_row_mask(mask)
        losses = span_loss(*network.read_embedded(network.embed(view, embedded), view), spans)
        return torch.where((spans[..., 0] >= 0).any(1), losses, NO_ANSWER)

    return Problem(f"reader, {kind}", scores / scores.std(), scored.table, network.embedding.detach(), loss)


def gradients(problem: Problem, method: Draw | Objective, draws: int) -> Tensor:
    """One gradient to the scores for each draw, (draws, candidates); one row where nothing is drawn."""
    function = method.func if isinstance(method, partial) else method
    n = draws if function in RANDOM else 1
    options = {"generator": torch.Generator().manual_seed(7)} if function in RANDOM else {}
    scores = problem.scores.expand(n, -1).clone().requires_grad_()
    if method in OBJECTIVES.values():
        loss = method(scores, lambda index: problem.losses[index], **options).loss  # pyright: ignore
    else:
        choice: Choice = method(scores, **options)  # pyright: ignore
        embedded, mask = lookup(choice, problem.table, problem.embedding)
        if choice.index is not None:
            loss = problem.hard_loss(choice.index, embedded)
        else:
            parts = zip(embedded.split(50), mask.split(50), choice.weights.argmax(-1).split(50), strict=True)
            loss = torch.cat([problem.loss(*part) for part in parts])
    return grad(loss.sum(), scores)[0].double()


def compare(seen: Tensor, exact: Tensor) -> dict[str, float]:
    size, mean = exact.norm(), seen.mean(0)
    spread = seen.var(0).sum().sqrt() if len(seen) > 1 else torch.zeros(())
    cosine = torch.nn.functional.cosine_similarity
    return {
        "bias": float((mean - exact).norm() / size),
        "chance": float(spread / math.sqrt(len(seen)) / size),
        "spread": float(spread / size),
        "cosine": float(cosine(seen, exact.expand_as(seen)).mean()),
        "cosine_of_mean": float(cosine(mean, exact, 0)),
    }


def measure(problem: Problem, draws: int) -> dict[str, Any]:
    exact = problem.exact()
    rows = {}
    for name, method in {**ESTIMATORS, **OBJECTIVES}.items():
        # A mixture of results needs the network at every draw; the reader's is too slow for many.
        slow = problem.name.startswith("reader") and name.startswith("relaxed")
        started = time.perf_counter()
        seen = gradients(problem, method, min(draws, 400) if slow else draws)
        rows[name] = {t: compare(seen, exact[t]) for t in TARGETS} | {
            "draws": len(seen), "seconds": round(time.perf_counter() - started, 2)
        }  # fmt: skip
        print(f"{problem.name:14} {name:30}", *(f"{t} {rows[name][t]['bias']:.3f}" for t in TARGETS), file=sys.stderr)
    between = torch.nn.functional.cosine_similarity(exact["marginal"], exact["expected"], 0)
    return {"cosine_between_targets": float(between), "methods": rows}


def table(results: dict[str, Any]) -> str:
    lines = []
    for problem, figures in results.items():
        lines += [
            f"## {problem}", "",
            f"Cosine between the two exact gradients: {figures['cosine_between_targets']:.3f}.", "",
            "| | bias, marginal | bias, expected | chance | spread | cosine, marginal | cosine, expected |",
            "|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        for name, row in figures["methods"].items():
            m, e = row["marginal"], row["expected"]
            lines.append(
                f"| {name} | {m['bias']:.3f} | {e['bias']:.3f} | {e['chance']:.3f} | {e['spread']:.2f} "
                f"| {m['cosine']:.2f} ({m['cosine_of_mean']:.3f}) | {e['cosine']:.2f} ({e['cosine_of_mean']:.3f}) |"
            )
        lines.append("")
    return "\n".join(lines)


def plot(results: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(1, len(results), figsize=(4.2 * len(results), 5.2), sharey=True, layout="constrained")
    names = list({**ESTIMATORS, **OBJECTIVES})
    for axis, (problem, figures) in zip(axes.flat if len(results) > 1 else [axes], results.items(), strict=True):
        for target, offset, colour in (("marginal", -0.18, "tab:blue"), ("expected", 0.18, "tab:orange")):
            rows = [figures["methods"][name][target] for name in names]
            axis.barh([i + offset for i in range(len(names))], [r["bias"] for r in rows], 0.34, color=colour,
                      xerr=[r["chance"] for r in rows], label=f"against the {target} loss")  # fmt: skip
        axis.set(title=problem, xlabel="bias, as a share of the exact gradient", xlim=(0, 1.6))
        axis.set_yticks(range(len(names)), names)
        axis.grid(axis="x", alpha=0.3)
    (axes.flat[0] if len(results) > 1 else axes).invert_yaxis()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20_000)
    parser.add_argument("--model", help="a trained reader, such as the demo's; default: anzan-tiny with fresh heads")
    parser.add_argument("--problems", nargs="+", default=["linear", "network", "reader"])
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "benchmarks" / "estimators.json")
    a = parser.parse_args()
    started = time.perf_counter()
    makers = {
        "linear": [linear],
        "network": [network],
        "reader": [partial(reader, a.model, kind) for kind in ("max", "argmax")],
    }
    problems = [make() for name in a.problems for make in makers[name]]
    results = {problem.name: measure(problem, a.draws) for problem in problems}
    write_json(a.out, {
        "benchmark": "gradient estimators", "draws": a.draws, "seed": 7, "model": a.model and Path(a.model).name,
        "results": results, "device": device_name(), "commit": commit(),
        "wall_s": round(time.perf_counter() - started, 1), "command": " ".join(["python", *sys.argv]),
    })  # fmt: skip
    with whole_file(a.docs / "estimators.md") as file:
        file.write(PAGE.format(table=table(results), draws=f"{a.draws:,}"))
    plot(results, a.docs / "estimators.png")


PAGE = """# Bias and variance of each gradient

Written by `python benchmarks/estimators.py`; the data are in results/benchmarks/estimators.json.

Every estimator and objective is compared with the exact gradient, by enumeration, over {draws} draws.
Methods that draw nothing take one; the noisy mixture on the reader takes 400, as each draw is a pass of its own.
There are two targets: the marginal loss -log E[p(y|F(z))], and the expected loss E[-log p(y|F(z))], its Jensen bound.

- *Bias*: the distance of the mean gradient from the exact one. *Chance*: the bias that one standard error would show.
- *Spread*: the root of the total variance of one draw.
- *Cosine*: between a draw and the exact gradient, on average; in brackets, between the mean and the exact gradient.

Bias, chance and spread are relative to the length of the exact gradient. In the figure, bars beyond 1.6 are cut.

![bias of every estimator and objective against both targets](estimators.png)

{table}"""


if __name__ == "__main__":
    main()
