"""An explanation as a self-contained page: the answer, the candidate pairs with their results, and the heat map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anzan.report.heat import heat_map
from anzan.report.page import percent, table, text, write_page

if TYPE_CHECKING:  # importing them loads torch
    from anzan.evaluation.explanation import Explanation
    from anzan.reader import Answer


def write_explanation(explanation: Explanation, path: Path) -> None:
    """Writes the page. All text from the user is escaped."""
    e = explanation
    body = f"<p>{text(e.question)}</p>{answers_table(e)}{pairs_tables(e)}{heat_map(e.tokens)}"
    write_page(body, f"Why {e.answer.answer or 'no answer'}?", path)


def answers_table(e: Explanation) -> str:
    """An HTML table of the answer and the next most probable ones."""
    return table(("answer", "source", "confidence"), [_answer_row(a) for a in (e.answer, *e.others)], words=2)


def pairs_tables(e: Explanation) -> str:
    """HTML tables of the most probable pairs, one for each call of the calculator."""
    body = []
    for k, pairs in enumerate(e.candidates, 1):
        title = "What the calculator might be given" if len(e.candidates) == 1 else f"Call {k} of the calculator"
        rows = [
            (" and ".join(text(m.text) for m in c.arguments), text(c.calculation), percent(c.probability))
            for c in pairs
        ]
        body += [f"<h2>{title}</h2>", table(("pair", "prints", "probability"), rows, words=2)]
    return "".join(body) or "<p>The calculator was not called.</p>"


def _answer_row(answer: Answer) -> tuple[str, str, str]:
    return text(answer.answer), text(answer.source or "-"), percent(answer.confidence)
