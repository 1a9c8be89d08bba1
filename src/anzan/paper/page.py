"""docs/results.md, written from the result files: the paper's figures beside ours, and the commands that give them.

The prose of the page is the template `results.md` in this folder.
"""

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
"""F1 of the paper's baseline, span extraction without a calculator."""

TITLES = {
    "table1": "Table 1: DROP's comparison questions, as they are and with the two numbers swapped",
    "table3": "Table 3: every cell trained and tested on problems of its own kind",
    "table4": "Table 4: trained on numbers of up to six digits, tested on argmax questions about seven",
    "bias": "Bias: trained and tested where the receiver wins in nine of ten problems",
    "bias-reversed": "Bias reversed: the same models, tested where the receiver loses in nine of ten",
    "no-argument-loss": "Without the argument loss",
    "training-size": "Fewer training problems, the same number of steps (20,000: Table 3)",
    "more-people": "The models of Table 3 on twenty people",
    "longer-numbers": "The models of Table 4 on numbers of twelve digits",
    "two-transfers": "Two transfers: a chain of two calls, trained and tested on such problems",
}
"""The experiments on the page, in order."""

TABLE_1 = {
    "f1": "F1", "f1_blanked": "F1, blanked", "n_swappable": "can be swapped", "f1_swappable": "F1 on those",
    "f1_swapped": "F1, swapped", "consistency": "both right", "f1_difference": "F1, difference questions",
}  # fmt: skip
"""Metrics in Table 1, and the names of their columns."""

COLUMNS = {
    "f1": "F1", "argument_accuracy": "arguments", "f1_blanked": "F1, blanked", "f1_wrong_results": "F1, wrong results",
    "follow_rate": "follows a swap", "role_guessing": "guess: role", "leading_digit_guessing": "guess: leading digits",
}  # fmt: skip
"""Metrics in the other tables, and the names of their columns."""

FREE = {"f1_free": "F1, free", "argument_accuracy_free": "arguments, free"}
"""More of them, in tables with results that were measured on free problems too."""

FIGURE_2 = """
## Figure 2: what an answer depends on

The norm of the gradient of -log p(answer) with respect to each token that the reader sees, for one argmax question \
without a transfer.
"""


def write_page(results: Path, page: Path) -> None:
    """Write the page from the result files, atomically."""
    found = sorted((p for table in TITLES for p in (results / table).rglob("*.json")), key=_by_size)
    rows = [json.loads(p.read_text(encoding="utf-8")) for p in found]
    parts = []
    for table, title in TITLES.items():
        here = [r for r in rows if r["experiment"].partition("/")[0] == table]
        if here:
            parts += [f"## {title}\n", *_scales(table, here)]
    template = Path(__file__).with_name("results.md").read_text(encoding="utf-8")
    text = template.replace("{tables}", "\n".join(parts).rstrip()).replace(
        "{figures}", "\n".join(_figures(page.parent))
    )
    with whole_file(page) as file:
        file.write(text.rstrip() + "\n")


def _by_size(path: Path) -> list[str]:
    """A sort key by which folders named by a number are in numerical order."""
    return [part.zfill(9) if part.isdigit() else part for part in path.parts]


def _scales(table: str, rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    for (scale, encoder), group in _grouped(rows, "scale", "encoder").items():
        devices = list(dict.fromkeys(r["device"] for r in group))
        sizes = " to ".join(f"{n:,}" for n in sorted({f(r["parameters"] for r in group) for f in (min, max)}))
        yield f"### {scale}: {encoder}, {sizes} parameters, {' and '.join(devices)}\n"
        yield "\n".join(_table1(group) if table == "table1" else _table(table, group)) + "\n"
        yield "\n".join(["```", *_commands(group, devices), "```"]) + "\n"


def _commands(rows: Iterable[dict[str, Any]], devices: Sequence[str]) -> Iterable[str]:
    """The command of each row, with its device if there are several."""
    for command, device in dict.fromkeys((r["command"], r["device"]) for r in rows):
        yield f"{command}  # {device}" if len(devices) > 1 else command


def _table1(rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    yield _row("recipe", "seeds", "questions to train on, labelled", "comparison questions", *TABLE_1.values())
    yield "|---|---|---|---|" + "---|" * len(TABLE_1)
    for (recipe, size), group in _grouped(rows, "recipe", "train_size").items():
        cells = [_mean(r["metrics"].get(k) for r in group) for k in TABLE_1]
        n = mean(r["metrics"]["n"] for r in group)
        yield _row(recipe, len(group), f"{size:,}{_labelled(group)}", f"{n:,.0f}", *cells)
    theirs = {"f1": "79.4", "n_swappable": "300", "f1_swapped": "20.2"}
    yield _row("the paper's model", 1, "14,000", "", *(theirs.get(k, "") for k in TABLE_1))


def _table(table: str, rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    columns = COLUMNS | (FREE if any("f1_free" in r["metrics"] for r in rows) else {})
    yield _row("cell", "recipe", "seeds", "problems, labelled", "paper, F1 / arguments", *columns.values())
    yield "|---|---|---|---|---|" + "---|" * len(columns)
    for (cell, recipe, size), group in _grouped(rows, "cell", "recipe", "train_size").items():
        theirs, span = PAPER.get(table, {}).get(cell), PAPER_SPAN.get(table, {}).get(cell)
        paper = "" if theirs is None else f"{theirs[0]} / {theirs[1]}"
        if recipe == "span":
            paper = "" if span is None else f"{span} / -"
        cells = [_mean(r["metrics"].get(k) for r in group) for k in columns]
        yield _row(cell, recipe, len(group), f"{size:,}{_labelled(group)}", paper, *cells)


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _labelled(rows: Sequence[dict[str, Any]]) -> str:
    shares = [r["labelled_share"] for r in rows if r.get("labelled_share") is not None]
    return f", {mean(shares):.0f} %" if shares else ""


def _figures(folder: Path) -> Iterable[str]:
    """Figure 2, if `anzan reproduce figure2` has drawn it in the folder of the page."""
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
    """The mean and, if values differ, the lowest in brackets."""
    known = [v for v in values if v is not None]
    lowest = f" ({min(known):.2f})" if len(known) > 1 and max(known) > min(known) else ""
    return f"{mean(known):.2f}{lowest}" if known else "-"  # 99.95 is not 100.0
