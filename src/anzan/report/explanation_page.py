"""An explanation as one self-contained page: the answer, the pairs, the calculation, and the heat map."""

from __future__ import annotations

from pathlib import Path

from anzan.evaluation import Explanation
from anzan.reader.reader import Answer
from anzan.report.heat import heat_map
from anzan.report.page import percent, table, text, write_page


def write_explanation(explanation: Explanation, path: Path) -> None:
    """Write the page; everything from the user's text is escaped."""
    e = explanation
    body = f"<p>{text(e.question)}</p>{answers_table(e)}{pairs_tables(e)}{heat_map(e.tokens)}"
    write_page(body, f"Why {e.answer.answer or 'no answer'}?", path)


def answers_table(e: Explanation) -> str:
    """The answer and the next most probable ones."""
    return table(("answer", "from the", "confidence"), [_answer_row(a) for a in (e.answer, *e.others)], words=2)


def pairs_tables(e: Explanation) -> str:
    """The most probable pairs of each call of the calculator."""
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
