"""The page: a form, and the answer with its working. All of it is HTML that needs no script."""

from __future__ import annotations

from dataclasses import dataclass

from anzan.reader.answers import Answer
from anzan.reader.text import PASSAGE, QUESTION
from anzan.report.calculation import clauses
from anzan.report.explanation_page import answers_table, pairs_tables
from anzan.report.heat import heat_map
from anzan.report.page import page, percent, table, text
from anzan.web.asking import Asked, Place, changed
from anzan.web.examples import EXAMPLES

_STYLE = """
label { display: block; margin: .6rem 0 0; font-weight: 600 }
textarea, #question { width: 100%; box-sizing: border-box; font: inherit; line-height: 1.5; padding: .4rem }
button { font: inherit; line-height: 1.5; padding: .3rem 1rem; margin: .6rem .4rem 0 0; cursor: pointer }
textarea, input, button { border: 1px solid #767676; border-radius: .3rem; background: #fff; color: #222 }
button { background: #f2f2f2 } button.main { background: #222; color: #fff }
:focus-visible { outline: 3px solid #d64522; outline-offset: 2px }
#answer .big { font-size: 1.6rem; font-weight: 700; line-height: 1.4 }
.text input { font: inherit; line-height: 1.3; padding: 0 .2rem; border-color: #bbb }
.text .used { background: #f5d0c8; border-color: #d64522 } .fault { color: #a00; font-weight: 600 }
th { white-space: nowrap } .wide { overflow-x: auto; overflow-wrap: normal } code { overflow-wrap: anywhere }
"""


@dataclass(frozen=True)
class View:
    """What the page shows: the texts in the form, and what came of them: an answer, or why there is none.

    `before` is the answer to the text before its numbers were edited.
    """

    model: str
    passage: str = ""
    question: str = ""
    asked: Asked | None = None
    before: Asked | None = None
    fault: str | None = None


def render(view: View) -> str:
    """The whole page; everything from the user's text is escaped."""
    body = [
        f"<p>The model <b>{text(view.model)}</b> reads a passage, gives a pair of its numbers to a calculator, reads "
        "what that prints, and marks the answer.</p>",
        _form(view),
    ]
    if view.fault is not None:
        body.append(f'<section id="answer"><p class="fault" role="alert">{text(view.fault)}</p></section>')
    elif view.asked is not None:
        body.append(_answer(view.asked, view.before))
    return page("".join(body), "anzan", _STYLE)


def _form(view: View) -> str:
    # A browser drops the line break that follows the tag: one of ours, so that none of the user's is.
    examples = "".join(
        f'<button name="example" value="{i}" title="{text(question)}">Example {i}</button>'
        for i, (_, question) in enumerate(EXAMPLES, 1)
    )
    return (
        '<form method="post" action="/#answer"><label for="passage">Passage</label>'
        f'<textarea id="passage" name="passage" rows="5" required>\n{text(view.passage)}</textarea>'
        '<label for="question">Question</label>'
        f'<input id="question" name="question" value="{text(view.question)}" required autocomplete="off">'
        '<button class="main">Ask</button></form>'
        f'<form method="post" action="/#answer">{examples}</form>'
    )


def _answer(asked: Asked, before: Asked | None) -> str:
    e = asked.explanation
    answer = e.answer
    found = "Read off the calculator" if answer.source == "calculator" else f"Found in the {answer.source}"
    parts = [
        f'<section id="answer"><h2>Answer</h2><p class="big">{text(answer.answer)}</p>'
        f"<p>{found}, confidence {percent(answer.confidence)}.</p>"
    ]
    if before is not None:
        parts.append(_comparison(before, asked))
    parts += [
        "<h2>The numbers that it used</h2>",
        _calculation(answer),
        _numbers_form(asked),
        "<h2>Does it need its calculator here?</h2>",
        _tampering(asked),
        f'<div class="wide">{pairs_tables(e)}</div>',
        f'<h2>The most probable answers</h2><div class="wide">{answers_table(e)}</div>' if e.others else "",
        "<details open><summary>What the answer hangs on</summary>",
        heat_map(e.tokens),
        "</details></section>",
    ]
    return "".join(parts)


def _calculation(answer: Answer) -> str:
    lines = []
    for step in answer.steps:
        for clause in clauses(step, answer):
            result, rest = text(clause.result), text(clause.text.removeprefix(clause.result))
            lines.append(f"<code>{f'<mark>{result}</mark>' if clause.used else result}{rest}</code>")
    return f"<p>{'<br>'.join(lines)}</p>" if lines else "<p>The calculator was not called.</p>"


def _numbers_form(asked: Asked) -> str:
    """The text with every number in a field of its own."""
    e = asked.explanation
    sources = {PASSAGE: e.passage, QUESTION: e.question}
    lines = []
    for where, source in sources.items():
        made, done = "", 0
        for i, place in enumerate(asked.places):
            if place.where == where:
                made += text(source[done : place.start]) + _number_field(i, place, (where, place.start) in asked.used)
                done = place.end
        lines.append(f'<p class="text">{made}{text(source[done:])}</p>')
    hidden = "".join(f'<input type="hidden" name="{k}" value="{text(v)}">' for k, v in sources.items())
    return (
        f'<form method="post" action="/#answer">{hidden}{"".join(lines)}'
        "<p><small>Shaded numbers went into the calculator. Change any number and see what happens.</small></p>"
        "<button>Ask again with these numbers</button></form>"
    )


def _number_field(i: int, place: Place, used: bool) -> str:
    label = f"number {i + 1}, {place.text}" + (", went into the calculator" if used else "")
    kind = ' class="used"' if used else ""
    return (
        f'<input{kind} name="edit-{i}" value="{text(place.text)}" size="{max(2, len(place.text))}" '
        f'aria-label="{text(label)}" autocomplete="off">'
    )


def _comparison(before: Asked, asked: Asked) -> str:
    edits = ", ".join(f"{text(a)} → {text(b)}" for a, b in changed(before.places, asked.places)) or "nothing"
    rows = []
    for name, each in (("before", before), ("now", asked)):
        answer = each.explanation.answer
        given = "; ".join(" and ".join(text(m.text) for m in step.arguments) for step in answer.steps)
        rows.append((name, given or "-", text(answer.answer)))
    return (
        f"<h2>What the change did</h2><p>Changed: {edits}.</p>"
        f'<div class="wide">{table(("", "into the calculator", "answer"), rows, words=3)}</div>'
    )


def _tampering(asked: Asked) -> str:
    if asked.blanked is None:
        return "<p>It has not called it.</p>"
    answer = asked.explanation.answer.answer
    shown: dict[str, list[str]] = {}
    for printed, other in asked.tampered:
        shown.setdefault(other.answer, []).append(printed)
    rows = [("what it printed", text(answer)), ("nothing", text(asked.blanked.answer))]
    rows += [
        (f"random digits, {len(printed)} of {len(asked.tampered)} times, such as {text(printed[0])}", text(other))
        for other, printed in shown.items()
    ]
    if set(shown) | {asked.blanked.answer} == {answer}:
        verdict = "The answer stays the same whatever the calculator prints: here it does not hang on it."
    elif set(shown) == {answer}:
        verdict = "The answer changes when nothing is printed, and with none of the random results."
    else:
        verdict = "The answer changes with what the calculator prints."
    body = table(("the reader is shown", "and answers"), rows, words=2)
    return f'<p>{verdict}</p><div class="wide">{body}</div>'
