"""A table in Markdown from result files: one row for each recipe, encoder, scale and number of training problems."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from statistics import mean
from typing import Any, NamedTuple

Result = dict[str, Any]
"""What a result file holds."""

PAPER_MODEL, PAPER_BASELINE = "the paper's model", "the paper's baseline"
ORDER = (PAPER_MODEL, PAPER_BASELINE, "paper", "span", "faithful-joint", "faithful")
"""Recipes in the order of their rows."""

COUNTED = "n_"
"""Begins the metrics that are counts."""

WITH_LOWEST = ("f1", "f1_free")
"""Metrics that are shown with the lowest of several seeds."""


class Column(NamedTuple):
    """A column of figures: some metrics of one cell, or of whatever cell the row is about (None)."""

    name: str
    metrics: tuple[str, ...]
    cell: str | None = None


def result_table(rows: Sequence[Result], columns: Sequence[Column], training: Collection[str]) -> str:
    """The table without its empty rows and columns.

    Args:
        training: what is shown of the training, `seeds` and `minutes` or less.
    """
    list_cells = any(c.cell is None for c in columns) and len({r["cell"] for r in rows}) > 1
    groups: dict[tuple[Any, ...], list[Result]] = defaultdict(list)
    for r in rows:
        key = ORDER.index(r["recipe"]), r["encoder"], r.get("scale", ""), r.get("train_size", 0)
        groups[(r["cell"] if list_cells else "", *key)].append(r)
    list_sizes = len({size for *_, size in groups if size}) > 1
    lines = [["cell", "recipe", "encoder, scale", "problems", "seeds", "minutes", *(c.name for c in columns)]]
    for (cell, recipe, encoder, scale, size), group in sorted(groups.items()):
        figures = [entry([r for r in group if c.cell in (None, r["cell"])], c.metrics) for c in columns]
        if any(figures):
            problems = f"{size:,}" if size and list_sizes else ""
            trained = [r for r in group if "seed" in r]
            seeds = whole_range(Counter(r["cell"] for r in trained).values()) if "seeds" in training else ""
            minutes = whole_range(r["train_s"] / 60 for r in trained) if "minutes" in training else ""
            lines.append([cell, ORDER[recipe], f"{encoder}, {scale}".strip(", "), problems, seeds, minutes, *figures])
    kept = [i for i in range(len(lines[0])) if any(line[i] for line in lines[1:])]
    header, *body = ["| " + " | ".join(line[i] for i in kept) + " |" for line in lines]
    return "\n".join([header, "|" + "---|" * len(kept), *body])


def entry(rows: Sequence[Result], metrics: Iterable[str]) -> str:
    """The means of metrics, such as `99.2 (98.3) / 100.0`. Those at the end that no row has are left out."""
    means = [_mean(m, [r["metrics"].get(m) for r in rows]) for m in metrics]
    while means and not means[-1]:
        means.pop()
    return " / ".join(m or "-" for m in means)


def _mean(metric: str, values: Iterable[float | None]) -> str:
    """The mean and, for F1, the lowest in brackets if it differs; empty without values."""
    known = [Decimal(str(v)) for v in values if v is not None]
    if not known:
        return ""
    if metric.startswith(COUNTED):
        return f"{mean(known):,.0f}"
    figure, lowest = _figure(mean(known)), _figure(min(known))
    return f"{figure} ({lowest})" if metric in WITH_LOWEST and lowest != figure else figure


def _figure(value: Decimal) -> str:
    """One decimal, and two for what would be rounded to 100."""
    rounded = value.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return str(value.quantize(Decimal("0.01"), ROUND_HALF_UP) if rounded == 100 != value else rounded)


def whole_range(values: Iterable[float]) -> str:
    """The lowest and the highest value, rounded, such as `15 to 21`; empty without values."""
    whole = sorted(round(v) for v in values)
    if not whole:
        return ""
    return f"{whole[0]} to {whole[-1]}" if whole[0] < whole[-1] else str(whole[0])
