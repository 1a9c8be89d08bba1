"""Answers, scores and audits on a terminal, with rich. They fit in 80 columns and need no colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from anzan.report.calculation import clauses

if TYPE_CHECKING:  # importing them loads torch
    from anzan.evaluation import Audit
    from anzan.reader import Answer, Step

USED = "bold underline cyan"
ANSWER = "bold green"

# Characters that control the terminal or are invisible. Each is replaced by one blank, so that offsets stay valid.
_DIRECTIONS = (0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)  # and zero width
_CONTROLS = {i: " " for i in (*range(32), *range(127, 160), *_DIRECTIONS) if chr(i) != "\n"}


class Mark(NamedTuple):
    """A range of text to highlight."""

    start: int
    end: int
    style: str = USED


def highlighted(text: str, marks: Iterable[Mark], plain: bool) -> Text:
    """`text` with its marks in their style; on a plain console, `USED` ones in [brackets]. Marks must not overlap."""
    text = text.translate(_CONTROLS)
    made, done = Text(), 0
    for start, end, style in sorted(marks):
        made.append(text[done:start])
        inner = text[start:end]
        made.append(f"[{inner}]" if plain and style == USED else inner, style)
        done = end
    return made.append(text[done:])


def answer_view(passage: str, question: str, answer: Answer, console: Console) -> RenderableType:
    """An answer with its source, the arguments marked in the text, and the calculation."""
    plain = console.color_system is None
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    for where, text in (("passage", passage), ("question", question)):
        marks = [Mark(m.start, m.end) for step in answer.steps for m in step.arguments if m.where == where]
        if answer.source == where and answer.start is not None and answer.end is not None:
            place = Mark(answer.start, answer.end, ANSWER)
            # Where an argument and the answer overlap, the argument is marked.
            if all(m.end <= place.start or place.end <= m.start for m in marks):
                marks.append(place)
        facts.add_row(where, highlighted(text, set(marks), plain))
    for step in answer.steps:
        facts.add_row("calculation", calculation_view(step, answer, plain))
    if not answer.steps:
        facts.add_row("calculation", Text("none"))
    found = f"found in the {answer.source}" if answer.source in ("passage", "question") else "read off the calculator"
    facts.add_row("source", Text(f"{found}, confidence {100 * answer.confidence:.1f} %" if answer.source else "none"))
    shown = answer.answer.translate(_CONTROLS) or "(no answer)"
    return Group(Panel(Text(shown, ANSWER), title="answer", title_align="left", expand=False, padding=(0, 2)), facts)


def calculation_view(step: Step, answer: Answer, plain: bool) -> Text:
    """A printed calculation, one clause per line, with the result that became the answer highlighted."""
    lines = (
        highlighted(clause.text, [Mark(0, len(clause.result))] if clause.used else [], plain)
        for clause in clauses(step, answer)
    )
    return Text("\n").join(lines)


def scores_table(metrics: Mapping[str, Any], title: str) -> Table:
    """The scores from `evaluate` in percent: overall, by kind of question and source, and on free problems."""
    table = Table(title=Text(f"{title}, in percent"), title_justify="left")
    table.add_column("")
    for name in ("F1", "EM", "signed EM", "arguments", "n"):
        table.add_column(name, justify="right")

    def row(label: str, scores: Mapping[str, Any]) -> None:
        share = f" ({scores['share']:.0f} %)" if "share" in scores else ""
        table.add_row(
            Text(label),
            *(figure(scores.get(name)) for name in ("f1", "em", "signed_em", "argument_accuracy")),
            f"{scores['n']:,}{share}",
        )

    row("all", metrics)
    for group, label in (("by_kind", "{}"), ("by_source", "from: {}")):
        table.add_section()
        for name, scores in metrics.get(group, {}).items():
            row(label.format(name), scores)
    if free := free_scores(metrics):
        table.add_section()
        row("free draw", free)
    if "spurious" in metrics:
        table.add_section()
        table.add_row(Text("right, wrong arguments"), "", figure(metrics["spurious"]), "", "", "")
    if "consistency" in metrics:
        table.add_section()
        table.add_row(Text("all variants right"), "", figure(metrics["consistency"]), "", "", f"{metrics['bundles']:,}")
    return table


def free_scores(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The scores on free problems and their number `n`, by their plain names; empty where there are none."""
    return {name.removesuffix("_free"): value for name, value in metrics.items() if name.endswith("_free")}


_VERDICTS = {
    "used": ("the tool is USED", "bold green"),
    "bypassed": ("the tool is BYPASSED", "bold yellow"),
    "ignored": ("the tool is IGNORED", "bold red"),
    "undecided": ("UNDECIDED, too few examples to tell", "bold"),
}


def audit_view(audit: Audit, title: str) -> RenderableType:
    """All figures of an audit with their 95 % intervals, then its verdict with the evidence."""
    table = Table(title=Text(f"{title}, in percent"), title_justify="left")
    table.add_column("")
    for name in ("", "95 %", "n"):
        table.add_column(name, justify="right")

    for group in audit.figures():
        table.add_section()
        for name, interval in group:
            low, high = figure(interval.low), figure(interval.high)
            table.add_row(Text(name), figure(interval.mean), f"{low} to {high}", f"{interval.n:,}")
    kinds = [Text(f"{kind}: {verdict}", style="dim") for kind, verdict in audit.by_kind.items()]
    return Group(table, audit_line(audit.verdict, audit.evidence), *kinds)


def audit_line(verdict: str, evidence: str) -> Text:
    """A verdict with its evidence, in one line."""
    shown, style = _VERDICTS[verdict]
    return Text.assemble((shown, style), ": ", evidence)


def figure(percent: float | None) -> str:
    """A percentage for a table; a dash for None."""
    return "-" if percent is None else f"{percent:.1f}"
