"""Heat maps: tokens coloured by the gradient of the answer's loss, as self-contained HTML and as a picture.

Yoshikawa, Heinzerling and Inui (NLP2022), Figure 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from anzan.report.page import COLOUR, text, write_page

if TYPE_CHECKING:  # importing them loads torch
    from anzan.evaluation.gradients import Salient
    from anzan.reader import Answer

DARKEST = 0.7
"""The highest opacity of the colour on a page, at which text is still legible."""
_LEGEND = (
    "display: inline-block; width: 10rem; height: .8rem; margin: 0 .4rem; "
    f"background: linear-gradient(to right, rgba{(*COLOUR, 0)}, rgba{(*COLOUR, DARKEST)})"
)


class _Word(NamedTuple):
    """A token as it is shown, whether it continues the word before it, and its gradient norm."""

    text: str
    glued: bool
    norm: float


def write_html(answer: Answer, tokens: Sequence[Salient], title: str, path: Path) -> None:
    """Writes a self-contained page. All text from the user is escaped."""
    write_page(f"{heat_map(tokens)}<p>Answer: <b>{text(answer.answer)}</b>.</p>", title, path)


def heat_map(tokens: Sequence[Salient], level: int = 2) -> str:
    """The tokens as HTML, with headings of the given level, the norm of each token on hover, and a legend."""
    largest = _largest(tokens)
    sections = []
    for where, words in _sections(tokens):
        spans = "".join(
            f'{"" if w.glued else " "}<span style="background: rgba{(*COLOUR, round(DARKEST * w.norm / largest, 3))}" '
            f'title="{w.norm:.4g}">{text(w.text)}</span>'
            for w in words
        )
        sections.append(f"<h{level}>{text(where)}</h{level}><p>{spans}</p>")
    legend = (
        f"<p><small>The norm of the gradient of -log p(answer) at each token's embedding: 0"
        f'<span style="{_LEGEND}"></span>{largest:.3g}. Norms have no sign.</small></p>'
    )
    return "".join(sections) + legend


class _Cell(NamedTuple):
    """Text at a place of a picture, in lines and characters; `share` of the largest norm, None for a heading."""

    line: int
    column: int
    text: str
    share: float | None


def write_png(answer: Answer, tokens: Sequence[Salient], title: str, path: Path, width: int = 100) -> None:
    """Writes a picture of the same, with `width` characters a line."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cells, lines = _layout(tokens, width)
    figure, axes = pyplot.subplots(figsize=(width * 0.085, (lines + 3) * 0.24))
    axes.set(xlim=(0, width + 2), ylim=(lines + 1.5, -1.2))
    axes.axis("off")
    axes.set_title(f"{title}, answer: {answer.answer}", fontsize=10, loc="left", parse_math=False)
    _draw_legend(axes, lines, _largest(tokens))
    for cell in cells:
        _draw_cell(axes, cell)
    figure.savefig(path, dpi=130, bbox_inches="tight")
    pyplot.close(figure)


def _layout(tokens: Sequence[Salient], width: int) -> tuple[list[_Cell], int]:
    """Breaks the tokens into lines of `width` characters; returns the cells and the number of lines."""
    largest, cells, line = _largest(tokens), [], 0
    for where, words in _sections(tokens):
        cells.append(_Cell(line, 0, where, None))
        line, column = line + 1, 2
        for word in words:
            column += not word.glued
            if column + len(word.text) > width and not word.glued:
                line, column = line + 1, 2
            cells.append(_Cell(line, column, word.text, word.norm / largest))
            column += len(word.text)
        line += 1
    return cells, line


def _draw_legend(axes: Any, line: int, largest: float) -> None:
    from matplotlib.patches import Rectangle

    colour, steps = _rgb(), 40
    for i in range(steps):
        axes.add_patch(Rectangle((6 + i / 2, line + 0.3), 0.5, 0.6, color=(*colour, (i + 0.5) / steps), lw=0))
    style: dict[str, Any] = {"fontsize": 8, "va": "center"}
    axes.text(5, line + 0.6, "0", ha="right", **style)
    axes.text(6.5 + steps / 2, line + 0.6, f"{largest:.3g}, norm of the gradient of -log p(answer)", **style)


def _draw_cell(axes: Any, cell: _Cell) -> None:
    from matplotlib.patches import Rectangle

    if cell.share is not None:
        place = (cell.column, cell.line - 0.45)
        axes.add_patch(Rectangle(place, len(cell.text), 0.9, color=(*_rgb(), cell.share), lw=0))
    weight = "bold" if cell.share is None else "normal"
    style: dict[str, Any] = {"fontsize": 8, "fontweight": weight, "family": "monospace", "parse_math": False}
    for i, character in enumerate(cell.text):
        axes.text(cell.column + i + 0.5, cell.line, character, ha="center", va="center", **style)


def _rgb() -> tuple[float, ...]:
    return tuple(c / 255 for c in COLOUR)


def _largest(tokens: Sequence[Salient]) -> float:
    """The largest norm, or 1 if there is none."""
    return max((t.norm for t in tokens), default=0.0) or 1.0


def _sections(tokens: Sequence[Salient]) -> Iterator[tuple[str, list[_Word]]]:
    """The words of question, passage and results, each section with its name."""
    for where, group in groupby((t for t in tokens if t.where), key=lambda t: t.where):
        yield (
            str(where),
            [_Word(t.token.removeprefix("##"), t.token.startswith("##"), t.norm) for t in group],
        )
