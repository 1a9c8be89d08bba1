"""Building blocks of self-contained HTML pages: the page itself, escaped text, and tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from anzan.files import whole_file

COLOUR = (214, 69, 34)
"""The colour of heat maps and marks, as RGB."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>{title}</title><style>
body {{ font: 16px/1.9 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
body {{ color: #222; background: #fff; overflow-wrap: anywhere }} h1 {{ font-size: 1.4rem; line-height: 1.3 }}
h2, h3 {{ font-size: 1rem; margin: 1.2rem 0 0 }} p {{ margin: .2rem 0 }} img {{ max-width: 100% }}
p span {{ padding: .15em 0; border-radius: .2em }} mark {{ background: rgba{mark} }} .wrong {{ color: #a00 }}
table {{ border-collapse: collapse; line-height: 1.5 }} td, th {{ padding: .1rem .8rem .1rem 0; text-align: left }}
td.n {{ text-align: right; white-space: nowrap }} td {{ border-top: 1px solid #ddd; vertical-align: top }}
{style}</style></head><body><h1>{heading}</h1>{body}
</body></html>
"""


def page(body: str, heading: str, style: str = "", title: str = "") -> str:
    """A self-contained page.

    Args:
        body: HTML.
        heading: Text; it is escaped.
        style: Additional CSS.
        title: Text; the heading by default.
    """
    return _PAGE.format(
        title=text(title or heading), heading=text(heading), body=body, style=style, mark=(*COLOUR, 0.25)
    )


def write_page(body: str, title: str, path: Path) -> None:
    """Writes a `page` to a file."""
    with whole_file(path) as file:
        file.write(page(body, title))


def text(what: object) -> str:
    """Anything as escaped text."""
    return html.escape(str(what))


def marked(what: str, places: Iterable[tuple[int, int]]) -> str:
    """Escaped text with some ranges (start, end) marked. They must not overlap."""
    made, done = "", 0
    for start, end in sorted(set(places)):
        made += f"{text(what[done:start])}<mark>{text(what[start:end])}</mark>"
        done = end
    return made + text(what[done:])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """An HTML table. Cells are HTML; those after the first `words` of a row are numbers and aligned right."""
    kinds = ["td" if i < words else "td class=n" for i in range(len(heads))]
    lines = [[f"<{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)] for row in rows]
    lines = [[f'<th scope="col">{head}</th>' for head in heads], *lines]
    return "<table>" + "".join(f"<tr>{''.join(line)}</tr>" for line in lines) + "</table>"


def percent(share: float | None) -> str:
    """A share from 0 to 1 as a percentage; a dash for None."""
    return "-" if share is None else f"{100 * share:.1f} %"
