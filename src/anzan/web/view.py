"""The page: a form, and the answer with its working. All of it is HTML that needs no script."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from anzan.reader.reader import Answer
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
    """The answer to a text before its numbers were edited, and these numbers."""

    answer: Answer
    places: list[Place]


@dataclass(frozen=True)
class View:
    """What the page shows: the texts in the form, and what came of them: an answer, or why there is none.

    `calculates`: the model has a calculator. `edited` is the text whose numbers were edited and `edits` what was typed,
    by place, where that came to nothing.
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
    """The whole page; everything from the user's text is escaped."""
    does = (
        "reads a passage, gives a pair of its numbers to a calculator, reads what that prints, and marks the answer"
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
    """What has come of a question; the address leads to it, so that it is in focus and read next."""
    return f'<section id="answer" tabindex="-1">{body}</section>'


def _form(view: View) -> str:
    examples = "".join(
        f'<button name="example" value="{i}" title="{text(question)}">Example {i}</button>'
        for i, (_, question) in enumerate(EXAMPLES, 1)
    )
    # A browser drops the line break that follows the tag: one of ours, so that none of the user's is.
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
    found = "Read off the calculator" if answer.source == "calculator" else f"Found in the {answer.source}"
    parts = [
        f'<h2>Answer</h2><p class="big">{text(answer.answer)}</p>'
        f"<p>{found}, confidence {percent(answer.confidence)}.</p>"
    ]
    if before is not None:
        parts.append(_comparison(before, asked))
    parts += [
        f"<h2>{'The numbers that it used' if answer.steps else 'Its numbers'}</h2>",
        _calculation(answer),
        _numbers(e.passage, e.question, asked.places, asked.used, {}),
    ]
    if asked.tampered:
        parts += ["<h2>Does it need its calculator here?</h2>", _tampering(asked)]
        parts.append(f'<div class="wide">{pairs_tables(e)}</div>')
    parts += [
        f'<h2>The most probable answers</h2><div class="wide">{answers_table(e)}</div>' if e.others else "",
        "<details open><summary>What the answer hangs on</summary>",
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
    """The text with every number in a field of its own, which is part of the form above."""
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
        f"{hidden}{''.join(lines)}<p><small>{shaded}Change any number and see what happens.</small></p>"
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


def _tampering(asked: Asked) -> str:
    answer = asked.explanation.answer.answer
    groups: dict[tuple[str, str], list[str]] = {}
    for each in asked.tampered:
        groups.setdefault((each.kind, each.answer.answer), []).append(each.printed)
    kinds = [each.kind for each in asked.tampered]
    rows = [("what it printed", text(answer))]
    for (kind, other), printed in groups.items():
        times = f", {len(printed)} of {kinds.count(kind)} times, such as" if kinds.count(kind) > 1 else ""
        line = f" {text(printed[0])}" if printed[0] else ""
        rows.append((f"{kind}{times or (':' if line else '')}{line}", text(other)))
    same = all(each.answer.answer == answer for each in asked.tampered)
    verdict = (
        f"None of these {len(kinds)} changed the answer: here it does not seem to need what its calculator prints."
        if same
        else "The answer changes with what the calculator prints."
    )
    operands = " In the place of the operands it sees random digits all the time." if asked.hidden else ""
    body = table(("the reader is shown", "and answers"), rows, words=2)
    return f'<p>{verdict}{operands}</p><div class="wide">{body}</div>'
