"""Renders the page, a form and the answer with its working, as HTML without scripts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from anzan.evaluation.interventions import AS_PRINTED, LABELS
from anzan.reader import Answer
from anzan.reader.sequence import PASSAGE, QUESTION
from anzan.report.calculation import clauses
from anzan.report.explanation_page import answers_table, pairs_tables
from anzan.report.heat import heat_map
from anzan.report.page import page, percent, table, text
from anzan.web.asking import Asked, Place, changed, find_places
from anzan.web.examples import EXAMPLES

_STYLE = """
label { display: block; margin: .6rem 0 0; font-weight: 600 }
textarea, #question { width: 100%; box-sizing: border-box; font: inherit; line-height: 1.5; padding: .4rem }
button { font: inherit; line-height: 1.5; padding: .3rem 1rem; margin: .6rem .4rem 0 0; cursor: pointer }
textarea, input, button { border: 1px solid #767676; border-radius: .3rem; background: #fff; color: #222 }
button { background: #f2f2f2 } button.main { background: #222; color: #fff }
:focus-visible { outline: 3px solid #d64522; outline-offset: 2px }
#answer .big { font-size: 1.6rem; font-weight: 700; line-height: 1.4 } #answer:focus { outline: none }
.text { white-space: pre-wrap } .text input { font: inherit; line-height: 1.3; padding: 0 .2rem }
.text input { max-width: 100%; box-sizing: border-box } .text .used { background: #f5d0c8; border-color: #d64522 }
.fault { color: #a00; font-weight: 600 } .wide { overflow-x: auto; overflow-wrap: normal }
th { white-space: nowrap } code { overflow-wrap: anywhere }
"""


@dataclass(frozen=True)
class Before:
    """The answer before numbers of the text were edited, and the numbers at that time."""

    answer: Answer
    places: list[Place]


@dataclass(frozen=True)
class View:
    """What the page shows: the texts in the form, and an answer or the reason why there is none.

    Attributes:
        model: its name.
        calculates: whether the model has a calculator.
        asked: the answer.
        before: the answer before numbers were edited.
        fault: why there is no answer.
        edited: after failed edits, the passage and question whose numbers were edited.
        edits: what was typed, by index in `find_places` of that text.
    """

    model: str
    calculates: bool = True
    passage: str = ""
    question: str = ""
    asked: Asked | None = None
    before: Before | None = None
    fault: str | None = None
    edited: tuple[str, str] | None = None
    edits: Mapping[int, str] = field(default_factory=dict)


def render(view: View) -> str:
    """The complete page; all user text is escaped."""
    does = (
        "reads a passage, gives two of its numbers to a calculator, reads its output, and marks the answer"
        if view.calculates
        else "reads a passage and marks the answer; it has no calculator"
    )
    body = [f"<p>The model <b>{text(view.model)}</b> {does}.</p>", _form(view)]
    title = "anzan"
    if view.fault is not None:
        title, shown = f"{view.fault} - anzan", f'<p class="fault" role="alert">{text(view.fault)}</p>'
        if view.edited is not None:
            shown += _numbers(*view.edited, find_places(*view.edited), (), view.edits)
        body.append(_section(shown))
    elif view.asked is not None:
        title = f"{view.asked.explanation.answer.answer} - anzan"
        body.append(_section(_answer(view.asked, view.before)))
    return page("".join(body), "anzan", _STYLE, title)


def _section(body: str) -> str:
    """The result of a question. The form's address points to it, so that it gets the focus and is read next."""
    return f'<section id="answer" tabindex="-1">{body}</section>'


def _form(view: View) -> str:
    examples = "".join(
        f'<button name="example" value="{i}" title="{text(question)}">Example {i}</button>'
        for i, (_, question) in enumerate(EXAMPLES, 1)
    )
    # Browsers drop a line break after the tag: add one, so that the user's own is kept.
    return (
        '<form id="ask" method="post" action="/#answer"><label for="passage">Passage</label>'
        f'<textarea id="passage" name="passage" rows="5" required>\n{text(view.passage)}</textarea>'
        '<label for="question">Question</label>'
        f'<input id="question" name="question" value="{text(view.question)}" required autocomplete="off">'
        '<button class="main">Ask</button></form>'
        f'<form method="post" action="/#answer">{examples}</form>'
    )


def _answer(asked: Asked, before: Before | None) -> str:
    e = asked.explanation
    answer = e.answer
    found = "Read from the calculator's output" if answer.source == "calculator" else f"Found in the {answer.source}"
    parts = [
        f'<h2>Answer</h2><p class="big">{text(answer.answer)}</p>'
        f"<p>{found}, confidence {percent(answer.confidence)}.</p>"
    ]
    if before is not None:
        parts.append(_comparison(before, asked))
    parts += [
        f"<h2>{'The numbers it used' if answer.steps else 'The numbers in the text'}</h2>",
        _calculation(answer),
        _numbers(e.passage, e.question, asked.places, asked.used, {}),
    ]
    if asked.outcomes:
        parts += ["<h2>Does it need its calculator here?</h2>", _outcomes(asked)]
        parts.append(f'<div class="wide">{pairs_tables(e)}</div>')
    parts += [
        f'<h2>The most probable answers</h2><div class="wide">{answers_table(e)}</div>' if e.others else "",
        "<details open><summary>What the answer depends on</summary>",
        heat_map(e.tokens, 3),
        "</details>",
    ]
    return "".join(parts)


def _calculation(answer: Answer) -> str:
    lines = []
    for step in answer.steps:
        for clause in clauses(step, answer):
            result, rest = text(clause.result), text(clause.text.removeprefix(clause.result))
            lines.append(f"<code>{f'<mark>{result}</mark>' if clause.used else result}{rest}</code>")
    return f"<p>{'<br>'.join(lines)}</p>" if lines else ""


def _numbers(
    passage: str, question: str, places: Sequence[Place], used: Collection[tuple[str, int]], edits: Mapping[int, str]
) -> str:
    """The text with each number in an input field, which belongs to the form above."""
    sources = {PASSAGE: passage, QUESTION: question}
    lines = []
    for where, source in sources.items():
        made, done = "", 0
        for i, place in enumerate(places):
            if place.where == where:
                made += text(source[done : place.start])
                made += _number(i, place, (where, place.start) in used, edits.get(i, place.shown))
                done = place.end
        lines.append(f'<p class="text">{made}{text(source[done:])}</p>')
    hidden = "".join(
        f'<input form="ask" type="hidden" name="asked-{name}" value="{text(source)}">'
        for name, source in sources.items()
    )
    shaded = "Shaded numbers went into the calculator. " if used else ""
    return (
        f"{hidden}{''.join(lines)}<p><small>{shaded}Change any number to see what happens.</small></p>"
        '<button form="ask">Ask again with these numbers</button>'
    )


def _number(i: int, place: Place, used: bool, typed: str) -> str:
    label = f"number {i + 1}, {place.shown}" + (", went into the calculator" if used else "")
    kind = ' class="used"' if used else ""
    return (
        f'<input form="ask"{kind} name="edit-{i}" value="{text(typed)}" size="{max(2, len(typed))}" '
        f'aria-label="{text(label)}" autocomplete="off">'
    )


def _comparison(before: Before, asked: Asked) -> str:
    edits = ", ".join(f"{text(a)} → {text(b)}" for a, b in changed(before.places, asked.places))
    rows = []
    for name, answer in (("before", before.answer), ("now", asked.explanation.answer)):
        given = "; ".join(" and ".join(text(m.text) for m in step.arguments) for step in answer.steps)
        rows.append((name, given or "-", text(answer.answer)))
    return (
        f"<h2>What the change did</h2><p>Changed: {edits}.</p>"
        f'<div class="wide">{table(("", "into the calculator", "answer"), rows, words=3)}</div>'
    )


def _outcomes(asked: Asked) -> str:
    answer = asked.explanation.answer.answer
    groups: dict[tuple[str, str], list[str]] = {}
    for each in asked.outcomes:
        groups.setdefault((each.intervention.label, each.answer.answer), []).append(each.printed)
    labels = [each.intervention.label for each in asked.outcomes]
    rows = [(LABELS[AS_PRINTED], text(answer))]
    for (label, other), printed in groups.items():
        times = f", {len(printed)} of {labels.count(label)} times, such as" if labels.count(label) > 1 else ""
        line = f" {text(printed[0])}" if printed[0] else ""
        rows.append((f"{label}{times or (':' if line else '')}{line}", text(other)))
    same = all(each.answer.answer == answer for each in asked.outcomes)
    verdict = (
        f"None of these {len(labels)} interventions changes the answer: here the model does not seem to need its "
        "calculator's output."
        if same
        else "The answer changes with the calculator's output."
    )
    body = table(("calculator's output", "answer"), rows, words=2)
    return f'<p>{verdict}</p><div class="wide">{body}</div>'
