"""docs/results.md, written from the result files: the paper's figures beside ours.

The prose of the page is the template `results.md` in this folder, where `{table3}` stands for the tables of that
experiment. A section about experiments without results is left out.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from anzan.files import whole_file
from anzan.paper.result_table import PAPER_BASELINE, PAPER_MODEL, Column, Result, entry, result_table, whole_range

PAPER: dict[str, dict[str, dict[str, float]]] = {
    "table1": {"comparison": {"f1": 79.4, "n_swappable": 300, "f1_swapped": 20.2}},
    "table3": {
        "plain/argmax": {"f1": 98.1, "argument_accuracy": 0.6},
        "plain/max": {"f1": 99.5, "argument_accuracy": 1.8},
        "plain/max-argmax": {"f1": 98.8, "argument_accuracy": 9.1},
        "transfer/argmax": {"f1": 92.2, "argument_accuracy": 2.3},
        "transfer/max": {"f1": 99.0, "argument_accuracy": 100.0},
        "transfer/max-argmax": {"f1": 98.9, "argument_accuracy": 100.0},
    },
    "table4": {
        "transfer/argmax": {"f1": 74.9, "argument_accuracy": 2.0},
        "transfer/max-argmax": {"f1": 78.5, "argument_accuracy": 99.8},
    },
}
"""The metrics of the paper's model, by table and cell."""

PAPER_SPAN = {"table4": {"transfer/argmax": {"f1": 72.0}}}
"""Those of the paper's baseline, span extraction without a calculator."""

NAMES = {
    "f1": "F1", "argument_accuracy": "arguments", "f1_blanked": "blanked", "follow_rate": "follows",
    "n_swappable": "swappable", "f1_swappable": "their F1", "f1_swapped": "swapped F1", "consistency": "both right",
    "f1_free": "free F1", "argument_accuracy_free": "arguments",
}  # fmt: skip
"""What the page calls the metrics."""

FOLLOWS_CALL = "follows_call_"
"""Begins the metrics of single calls; the number of the call ends them."""

FREE = ("f1_free", "argument_accuracy_free")
BY_METRIC = tuple((metric,) for metric in NAMES if metric not in FREE)
"""The columns for an experiment with one or two cells, before those for calls and free problems."""

BY_CELL = (("f1", "argument_accuracy"), ("f1_blanked", "follow_rate", "consistency"))
"""The tables for an experiment with more cells, each with a column for every cell."""

GUESSING = {"role_guessing": "role", "leading_digit_guessing": "leading digits"}
CHANCE, NOTABLE = 50, 10
"""A guess is mentioned if it is right more or less often than chance by so many points."""

PLACEHOLDER = re.compile(r"\{([\w-]+)\}")


def write_page(results: Path, page: Path) -> None:
    """Write the page from the result files, atomically."""
    template = Path(__file__).with_name("results.md").read_text(encoding="utf-8")
    found = {name: _read(results / name) for name in PLACEHOLDER.findall(template)}
    filled = {name: "\n\n".join(_tables(name, rows)) for name, rows in found.items()}
    filled["encoders"] = "\n".join(_encoders(r for rows in found.values() for r in rows))
    filled["figures"] = "\n\n".join(_figures(page.parent))
    sections = []
    for section in re.split(r"^(?=## )", template, flags=re.MULTILINE):
        names = PLACEHOLDER.findall(section)
        if not section.startswith("## ") or not names or any(filled[name] for name in names):
            sections.append(PLACEHOLDER.sub(lambda match: filled[match[1]], section))
    with whole_file(page) as file:
        file.write("".join(sections).rstrip() + "\n")


def _read(folder: Path) -> list[Result]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json"))]


def _tables(experiment: str, rows: Sequence[Result]) -> Iterator[str]:
    """One table with a column for each metric or, for more than two cells, tables with a column for each cell."""
    cells = sorted({r["cell"] for r in rows})
    calls = {m for r in rows for m in r["metrics"] if m.startswith(FOLLOWS_CALL)}
    by_call = tuple(sorted(calls, key=lambda m: int(m.removeprefix(FOLLOWS_CALL))))
    layout = (*(BY_METRIC if len(cells) <= 2 else BY_CELL), by_call, FREE)
    shown = [measured for metrics in layout if (measured := _measured(rows, metrics))]
    all_rows = [*_paper_rows(experiment, cells), *rows]
    if len(cells) > 2:
        for metrics in shown:
            yield f"**{_name(metrics)}**"
            # A column is narrower if its name can be broken at a space.
            columns = [Column(cell.replace("/", " "), metrics, cell) for cell in cells]
            yield result_table(all_rows, columns, ["seeds"] if metrics == shown[0] else [])
        yield f"Minutes of training: {', '.join(_minutes(rows))}."
    elif shown:
        columns = [Column(_name(metrics), metrics) for metrics in shown]
        yield result_table(all_rows, columns, ["seeds", "minutes"])
    if guesses := list(_guesses(rows, cells)):
        yield " ".join(guesses)


def _paper_rows(experiment: str, cells: Iterable[str]) -> Iterator[Result]:
    """The paper's figures, in the form of result files."""
    for recipe, figures in {PAPER_MODEL: PAPER, PAPER_BASELINE: PAPER_SPAN}.items():
        for cell in cells:
            if metrics := figures.get(experiment, {}).get(cell):
                yield {"recipe": recipe, "encoder": "bert-base-uncased", "cell": cell, "metrics": metrics}


def _measured(rows: Iterable[Result], metrics: Iterable[str]) -> tuple[str, ...]:
    """Those of the metrics that some result has."""
    return tuple(m for m in metrics if any(r["metrics"].get(m) is not None for r in rows))


def _name(metrics: Iterable[str]) -> str:
    return " / ".join(NAMES.get(m) or f"call {m.removeprefix(FOLLOWS_CALL)}" for m in metrics)


def _minutes(rows: Iterable[Result]) -> Iterator[str]:
    """How long each recipe trains each encoder."""
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for r in rows:
        groups[r["recipe"], r["encoder"]].append(r["train_s"] / 60)
    for (recipe, encoder), minutes in groups.items():
        yield f"{whole_range(minutes)} ({recipe}, {encoder})"


def _guesses(rows: Iterable[Result], cells: Sequence[str]) -> Iterator[str]:
    """A sentence about each guess that is right or wrong too often."""
    for metric, name in GUESSING.items():
        scores = []
        for cell in cells:
            known = [r for r in rows if r["cell"] == cell and r["metrics"].get(metric) is not None]
            if any(abs(r["metrics"][metric] - CHANCE) > NOTABLE for r in known):
                scores.append(entry(known, [metric]) + (f" ({cell})" if len(cells) > 1 else ""))
        if scores:
            yield f"Guessing by {name} scores {', '.join(scores)}."


def _encoders(rows: Iterable[Result]) -> Iterator[str]:
    """The size of each encoder, and what it was trained on."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for r in rows:
        groups[r["encoder"]].append(r)
    for encoder, group in sorted(groups.items()):
        sizes = sorted({f"{r['parameters'] / 1e6:.1f}" for r in group}, key=float)
        yield f"- {encoder}: {' to '.join(sizes)} M parameters; {' and '.join(sorted({r['device'] for r in group}))}"


def _figures(folder: Path) -> Iterator[str]:
    """Figure 2, if `anzan reproduce figure2` has drawn it in the folder of the page."""
    for path in sorted(folder.glob("figure2-*.png")):
        yield f"![{path.stem.removeprefix('figure2-')}]({path.name})\n\n[as HTML]({path.stem}.html)"
