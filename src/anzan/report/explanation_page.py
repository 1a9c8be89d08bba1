"""An explanation as one self-contained page: the answer, the pairs, the calculation, and the heat map."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from anzan.evaluation.explanation import Explanation
from anzan.reader.answers import Answer
from anzan.report.heat import heat_map, write_page


def write_explanation(explanation: Explanation, path: Path) -> None:
    """Write the page; everything from the user's text is escaped."""
    e = explanation
    body = [
        f"<p>{_text(e.question)}</p>",
        _table(("answer", "from the", "confidence"), [_answer_row(answer) for answer in (e.answer, *e.others)]),
    ]
    for k, pairs in enumerate(e.candidates, 1):
        title = "What the calculator might be given" if len(e.candidates) == 1 else f"Call {k} of the calculator"
        rows = [
            (" and ".join(_text(m.text) for m in c.arguments), _text(c.calculation), _percent(c.probability))
            for c in pairs
        ]
        body += [f"<h2>{title}</h2>", _table(("pair", "prints", "probability"), rows)]
    if not e.candidates:
        body.append("<p>The calculator was not called.</p>")
    body.append(heat_map(e.tokens))
    write_page("".join(body), f"Why {e.answer.answer or 'no answer'}?", path)


def _answer_row(answer: Answer) -> tuple[str, str, str]:
    return _text(answer.answer), _text(answer.source or "-"), _percent(answer.confidence)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already; the last of each row is a number."""
    head = "".join(f"<th>{h}</th>" for h in heads)
    body = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row[:-1])}<td class=n>{row[-1]}</td></tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _text(text: str) -> str:
    return html.escape(text)
