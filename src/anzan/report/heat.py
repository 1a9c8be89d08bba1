"""Tokens coloured by how much the answer hangs on them: a self-contained HTML page, and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from anzan.evaluation import Salient
from anzan.reader.reader import Answer
from anzan.report.page import COLOUR, text, write_page

HIDDEN = "▢"
"""What is shown for a number that the reader did not see."""
DARKEST = 0.7
"""How opaque the hue is at most on a page: text on it stays legible."""
_LEGEND = (
    "display: inline-block; width: 10rem; height: .8rem; margin: 0 .4rem; "
    f"background: linear-gradient(to right, rgba{(*COLOUR, 0)}, rgba{(*COLOUR, DARKEST)})"
)


def write_html(answer: Answer, tokens: Sequence[Salient], title: str, path: Path) -> None:
    """A page that needs nothing else; everything from the user's text is escaped."""
    write_page(f"{heat_map(tokens)}<p>Answer: <b>{text(answer.answer)}</b>.</p>", title, path)


def heat_map(tokens: Sequence[Salient], level: int = 2) -> str:
    """The tokens as HTML, each with its norm on hover, headings of that level, and a legend."""
    most = max((t.norm for t in tokens), default=0.0) or 1.0
    sections = []
    for where, group in _sections(tokens):
        words = "".join(
            f'{"" if glued else " "}<span style="background: rgba{(*COLOUR, round(DARKEST * t.norm / most, 3))}" '
            f'title="{t.norm:.4g}">{text(word)}</span>'
            for word, glued, t in group
        )
        sections.append(f"<h{level}>{text(where)}</h{level}><p>{words}</p>")
    legend = (
        f"<p><small>The norm of the gradient of -log p(answer) at each token's embedding: 0"
        f'<span style="{_LEGEND}"></span>{most:.3g}. Norms have no sign. {HIDDEN} is a number that was hidden from the '
        "reader.</small></p>"
    )
    return "".join(sections) + legend


def write_png(answer: Answer, tokens: Sequence[Salient], title: str, path: Path, width: int = 100) -> None:
    """The same as a picture, `width` characters a line."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    most = max((t.norm for t in tokens), default=0.0) or 1.0
    cells: list[tuple[int, int, str, float]] = []  # line, column, text, share of the largest norm
    line = 0
    for where, group in _sections(tokens):
        cells.append((line, 0, where, -1.0))
        line, column = line + 1, 2
        for word, glued, t in group:
            column += not glued
            if column + len(word) > width and not glued:
                line, column = line + 1, 2
            cells.append((line, column, word, t.norm / most))
            column += len(word)
        line += 1
    figure, axes = pyplot.subplots(figsize=(width * 0.085, (line + 3) * 0.24))
    axes.set(xlim=(0, width + 2), ylim=(line + 1.5, -1.2))
    rgb = tuple(c / 255 for c in COLOUR)
    steps = 40
    for i in range(steps):
        axes.add_patch(Rectangle((6 + i / 2, line + 0.3), 0.5, 0.6, color=(*rgb, (i + 0.5) / steps), lw=0))
    legend = {"fontsize": 8, "va": "center"}
    axes.text(5, line + 0.6, "0", ha="right", **legend)
    axes.text(6.5 + steps / 2, line + 0.6, f"{most:.3g}, norm of the gradient of -log p(answer)", **legend)
    axes.axis("off")
    axes.set_title(f"{title}, answer: {answer.answer}", fontsize=10, loc="left", parse_math=False)
    for row, column, word, share in cells:
        if share >= 0:
            axes.add_patch(Rectangle((column, row - 0.45), len(word), 0.9, color=(*rgb, share), lw=0))
        style: dict[str, Any] = {"fontsize": 8, "fontweight": "bold" if share < 0 else "normal"}
        for i, character in enumerate(word):
            axes.text(
                column + i + 0.5,
                row,
                character,
                family="monospace",
                ha="center",
                va="center",
                parse_math=False,
                **style,
            )
    figure.savefig(path, dpi=130, bbox_inches="tight")
    pyplot.close(figure)


def _sections(tokens: Sequence[Salient]) -> Iterator[tuple[str, list[tuple[str, bool, Salient]]]]:
    """Words of question, passage and results, each with whether it is glued to the one before."""
    for where, group in groupby((t for t in tokens if t.where), key=lambda t: t.where):
        shown = []
        for t in group:
            word, glued = t.token.removeprefix("##"), t.token.startswith("##")
            shown.append((HIDDEN if t.hidden else word, glued, t))
        yield str(where), shown
