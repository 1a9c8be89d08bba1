"""docs/results.md, written from the result files: the paper's figures beside ours, and the command behind each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from anzan.files import whole_file

PAPER: dict[str, dict[str, tuple[float, float | None]]] = {
    "table3": {
        "plain/argmax": (98.1, 0.6), "plain/max": (99.5, 1.8), "plain/max-argmax": (98.8, 9.1),
        "transfer/argmax": (92.2, 2.3), "transfer/max": (99.0, 100.0), "transfer/max-argmax": (98.9, 100.0),
    },
    "table4": {"transfer/argmax": (74.9, 2.0), "transfer/max-argmax": (78.5, 99.8)},
}  # fmt: skip
"""F1 and argument accuracy of the paper's model (bert-base-uncased), by table and cell."""

PAPER_SPAN = {"table4": {"transfer/argmax": 72.0}}
"""F1 of its baseline, span extraction without a calculator."""

TITLES = {
    "table1": "Table 1: DROP's comparison questions, as they are and with the two numbers swapped",
    "table3": "Table 3: every cell trained and tested on problems of its own kind",
    "table4": "Table 4: trained on numbers of up to six digits, tested on argmax questions about seven",
    "bias": "Bias: trained where the receiver wins in nine of ten problems, tested on the like",
    "bias-reversed": "Bias reversed: the same models where the receiver loses in nine of ten",
    "no-argument-loss": "Without the argument loss",
    "training-size": "Fewer training problems, the same number of steps (20,000: Table 3)",
    "more-people": "The models of Table 3 on twenty people",
    "longer-numbers": "The models of Table 4 on numbers of twelve digits",
    "two-transfers": "Two transfers: a chain of two calls, trained and tested on such problems",
}
TABLE_1 = {
    "f1": "F1", "f1_blanked": "F1, blanked", "n_swappable": "can be swapped", "f1_swappable": "F1 on those",
    "f1_swapped": "F1, swapped", "consistency": "both right", "f1_difference": "F1, difference questions",
}  # fmt: skip
"""Table 1 has other columns than the rest."""

COLUMNS = {
    "f1": "F1", "argument_accuracy": "arguments", "f1_blanked": "F1, blanked", "f1_wrong_results": "F1, wrong results",
    "follow_rate": "follows a swap", "role_guessing": "guess: role", "leading_digit_guessing": "guess: leading digits",
}  # fmt: skip

HEAD = """# Results

Written by `anzan reproduce` from the files under `results/`; every figure can be run again by its command, without
`train.bf16=true` (in float32, that is) on a processor that has no bfloat16. Percent, means over seeds and, in
brackets, the lowest of them. *Labelled* are the training problems that carry the argument loss: some pair's result
equals the answer, found by exhaustive search. *Arguments* is how often the calculator was
given the right pair (chance 2.2 without a transfer, 1.8 with one). *Blanked*: the calculator's output is hidden from
the reader. *Wrong results*: random digits stand in the place of the results'; their signs stay, and without a
transfer that is all that an answer needs. *Follows a swap*: shown the calculation of another problem with the same
role in the transfer, its result however far from the true one (on argmax one that turns the comparison round), how
often the answer is what an exact program makes of it. *Begun again*: a run that could not do the smallest problems
when they began to grow, or whose best development F1 was below 90 after four fifths of it, with other weights
(`train.tries`, in `faithful` alone); the tries that were given up stand in its result file. A guess names the winner by
the roles in the transfer, or by the leading digits.
"""

CHOICES = """## What the paper does not say

Recipe `paper` follows the paper wherever it speaks: one encoder for both passes, straight-through Gumbel-Softmax,
binary cross-entropy on the softmax of the pairs, the marginal span likelihood, its problems and their sizes. Where it
is silent these were chosen, before any argument accuracy was looked at. Laptop scale: anzan-tiny; AdamW, weight decay
0.01, learning rate 1e-3 in the top layer and half of that in each layer below (settled on the F1 of two people: with
3e-4 in all layers, the first choice, argmax is answered by chance), 5e-3 for the heads, warm-up over 5 % of the
steps, then linear to 0; batches of 16, one epoch; temperature 1, noise 1, both constant; dropout 0.1 before the
heads, none in the encoder; of five checkpoints the one with the best F1 on 300 development problems. Paper scale:
bert-base-uncased, 3e-5 everywhere, warm-up over 10 %, batches of 32, three epochs, bfloat16. Our problems are
balanced where the paper's need not be: names, places, roles and leading digits tell nothing, and nobody gives away
more than they own.
"""

FIGURE_2 = """## Figure 2: what an answer hangs on

The norm of the gradient of -log p(answer) with respect to each token that the reader sees, for one argmax question
without a transfer. Empty boxes are numbers that are hidden from the reader.
"""


def write_page(results: Path, page: Path) -> None:
    """Write the page from the result files; the file appears whole or not at all."""
    found = sorted((p for table in TITLES for p in (results / table).rglob("*.json")), key=_by_size)
    rows = [json.loads(p.read_text(encoding="utf-8")) for p in found]
    parts = [HEAD]
    for table, title in TITLES.items():
        here = [r for r in rows if r["experiment"].partition("/")[0] == table]
        if here:
            parts += [f"## {title}\n", *_scales(table, here)]
    parts += [CHOICES, *_figures(page.parent)]
    with whole_file(page) as file:
        file.write("\n".join(parts).rstrip() + "\n")


def _by_size(path: Path) -> list[str]:
    """Folders that are numbers go by those."""
    return [part.zfill(9) if part.isdigit() else part for part in path.parts]


def _scales(table: str, rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    for (scale, encoder), group in _grouped(rows, "scale", "encoder").items():
        devices = list(dict.fromkeys(r["device"] for r in group))
        sizes = " to ".join(f"{n:,}" for n in sorted({f(r["parameters"] for r in group) for f in (min, max)}))
        yield f"### {scale}: {encoder}, {sizes} parameters, {' and '.join(devices)}\n"
        yield "\n".join(_table1(group) if table == "table1" else _table(table, group)) + "\n"
        yield "\n".join(["```", *_commands(group, devices), "```"]) + "\n"


def _commands(rows: Iterable[dict[str, Any]], devices: Sequence[str]) -> Iterable[str]:
    """The command of each figure; where there are several devices, with the one it ran on."""
    for command, device in dict.fromkeys((r["command"], r["device"]) for r in rows):
        yield f"{command}  # {device}" if len(devices) > 1 else command


def _table1(rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    yield (
        "| recipe | seeds | questions to train on, labelled | comparison questions | "
        + " | ".join(TABLE_1.values())
        + " |"
    )
    yield "|---|---|---|---|" + "---|" * len(TABLE_1)
    for (recipe, size), group in _grouped(rows, "recipe", "train_size").items():
        cells = [_mean(r["metrics"].get(k) for r in group) for k in TABLE_1]
        n = mean(r["metrics"]["n"] for r in group)
        yield f"| {recipe} | {len(group)} | {size:,}{_labelled(group)} | {n:,.0f} | " + " | ".join(cells) + " |"
    yield "| the paper's model | 1 | 14,000 | |  79.4 |  | 300 |  | 20.2 |  |  |"


def _table(table: str, rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    yield (
        "| cell | recipe | seeds | problems, labelled | paper, F1 / arguments | " + " | ".join(COLUMNS.values()) + " |"
    )
    yield "|---|---|---|---|---|" + "---|" * len(COLUMNS)
    for (cell, recipe, size), group in _grouped(rows, "cell", "recipe", "train_size").items():
        theirs, span = PAPER.get(table, {}).get(cell), PAPER_SPAN.get(table, {}).get(cell)
        paper = "" if theirs is None else f"{theirs[0]} / {theirs[1]}"
        if recipe == "span":
            paper = "" if span is None else f"{span} / -"
        cells = [_mean(r["metrics"].get(k) for r in group) for k in COLUMNS]
        again = sum(len(r.get("dead_ends", [])) for r in group)
        seeds = f"{len(group)}, {again} begun again" if again else len(group)
        yield f"| {cell} | {recipe} | {seeds} | {size:,}{_labelled(group)} | {paper} | " + " | ".join(cells) + " |"


def _labelled(rows: Sequence[dict[str, Any]]) -> str:
    shares = [r["labelled_share"] for r in rows if r.get("labelled_share") is not None]
    return f", {mean(shares):.0f} %" if shares else ""


def _figures(folder: Path) -> Iterable[str]:
    """Figure 2, where `anzan reproduce figure2` has drawn it beside the page."""
    drawn = sorted(folder.glob("figure2-*.png"))
    if drawn:
        yield FIGURE_2
    for path in drawn:
        name = path.stem.removeprefix("figure2-")
        yield f"![{name}]({path.name})\n\n[as HTML]({path.stem}.html)\n"


def _grouped(rows: Iterable[dict[str, Any]], *keys: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for r in rows:
        groups[tuple(r[k] for k in keys)].append(r)
    return groups


def _mean(values: Iterable[float | None]) -> str:
    """The mean and, of several values, the lowest in brackets."""
    known = [v for v in values if v is not None]
    lowest = f" ({min(known):.2f})" if len(known) > 1 and max(known) > min(known) else ""
    return f"{mean(known):.2f}{lowest}" if known else "-"  # 99.95 is not 100.0
