"""The paper's Figure 2: the tokens that an answer depends on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anzan.evaluation import saliency
from anzan.paper.tables import Run, possession_of
from anzan.reader import Reader
from anzan.report import write_html, write_png
from anzan.training.data import draw


def draw_figure2(runs: Sequence[Run], folder: Path, docs: Path) -> list[Path]:
    """Write `figure2-<run>.png` and `.html` to `docs`, for the first evaluation problem of each run.

    Args:
        folder: of the models, see `anzan.paper.run.reproduce`.
    """
    written = []
    for run in runs:
        reader = Reader.load(folder / run.name)
        problem = draw(possession_of(run.config), "eval")[0]
        answer, tokens = saliency(reader, problem.passage, problem.question)
        name = run.config.name
        what = (name.recipe, name.cell, name.scale, f"seed {run.config.train.seed}")
        title, file = ", ".join(what), "-".join(["figure2", *what]).replace("/", "-").replace(" ", "-")
        for write, suffix in ((write_png, "png"), (write_html, "html")):
            written.append(docs / f"{file}.{suffix}")
            write(answer, tokens, title, written[-1])
    return written
