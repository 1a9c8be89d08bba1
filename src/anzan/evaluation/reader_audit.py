"""The audit of a reader: its answers with the calculator's output tampered with, see `anzan.evaluation.audit`."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from anzan.evaluation.audit import ANOTHER, AS_IS, BLANKED, RANDOM, WRONG, Audit, Observed, audit
from anzan.evaluation.drop_metric import drop_em_f1, signed_em
from anzan.evaluation.number_swaps import swappable
from anzan.evaluation.predict import predict, to_prediction
from anzan.evaluation.saliency import calculator_share
from anzan.evaluation.scores import argument_accuracy
from anzan.reader.answers import Override, Reader, Trace, blank, wrong_results
from anzan.reader.calculator import format_number
from anzan.reader.features import Features, TextTooLong
from anzan.reader.numbers import parse_number
from anzan.reader.text import RESULTS, Row, Text
from anzan.tasks.lengthening import ten_times
from anzan.tasks.possession import is_possession
from anzan.tasks.problem import Problem
from anzan.tasks.substitution import Substitute, answer_to_results, substitutes

EXPLAINED = 50
"""Answers whose gradients are looked at: each takes a pass of its own."""

SALIENCY = "gradient that falls on the calculator's line"
SWAPPED = "right both before and after a number swap"
TEN_TIMES = "score with all numbers ten times as large"


def audit_reader(reader: Reader, problems: Sequence[Problem], seed: int = 0) -> Audit:
    """The audit of a reader on problems, of those that it can read.

    A wrong result has random digits; another example's is the calculation of another problem, printed in the place of
    the true one. What an answer should be then: for possession problems (`anzan.tasks.possession`) what an exact
    program makes of it; elsewhere, where a printed result is the answer, the one in its place. `more` holds what
    else can be told: comparison questions with their two numbers swapped, possession problems with longer numbers, and
    how much of an answer's gradient falls on the calculator's line.

    Raises:
        ValueError: a reader without a calculator, or no problem that it can read.
    """
    features = reader.features
    if not features.calculator.operations:
        raise ValueError("this model has no calculator to audit: train one with model.operations")
    problems = [p for p in problems if _fits(features, p)]
    if not problems:
        raise ValueError("there is no problem that this model can read: give some with questions and shorter passages")
    called = reader.call_many((p.passage, p.question) for p in problems)
    rng = random.Random(f"audit-{seed}")
    swaps = _substitutes(problems)
    lines = _others(features, problems, called, swaps, rng)
    plain, blanked, another, wrong = (
        list(reader.read_many(called, override=override))
        for override in (None, blank, _showing(called, lines), wrong_results(features, seed))
    )
    at_random = list(reader.read_many([_at_random(reader, text, rng) for text in called]))
    traces = {AS_IS: plain, BLANKED: blanked, RANDOM: at_random, ANOTHER: another, WRONG: wrong}
    observed = {name: _observed(problems, made) for name, made in traces.items()}
    follows = {
        WRONG: [_due(*each) for each in zip(problems, plain, wrong, strict=True)],
        ANOTHER: [
            _due(p, t, shown) if swap is None else swap.answer
            for p, t, shown, swap in zip(problems, plain, another, swaps, strict=True)
        ],
    }
    for name, due in follows.items():
        told = [_follows(*each) for each in zip(problems, plain, traces[name], due, strict=True)]
        observed[name] = replace(observed[name], follows=told)
    arguments = [argument_accuracy(p, to_prediction(t.answer)) for p, t in zip(problems, plain, strict=True)]
    more = {
        SWAPPED: _swapped(reader, problems),
        TEN_TIMES: _scores(reader, [ten_times(p) for p in problems if is_possession(p)]),
        SALIENCY: [
            share
            for p in problems[:EXPLAINED]
            if (share := calculator_share(reader, p.passage, p.question)) is not None
        ],
    }
    return audit(observed, arguments, _ceiling(reader, problems), more, seed)


def _fits(features: Features, problem: Problem) -> bool:
    try:
        return bool(problem.question.strip() and features.text(problem.passage, problem.question))
    except TextTooLong:
        return False


def _observed(problems: Sequence[Problem], traces: Sequence[Trace]) -> Observed:
    answers = [t.answer.answer for t in traces]
    return Observed(answers, [_f1(p, a) for p, a in zip(problems, answers, strict=True)])


def _f1(problem: Problem, answer: str) -> float:
    return drop_em_f1(answer, problem.answers)[1]


def _scores(reader: Reader, problems: Sequence[Problem]) -> list[float]:
    return [_f1(p, a.answer) for p, a in zip(problems, predict(reader, problems), strict=True)]


# -- other outputs ---------------------------------------------------------------------------------------------------
def _substitutes(problems: Sequence[Problem]) -> list[Substitute | None]:
    """Another problem's arguments for each possession problem; None for others."""
    drawn = [i for i, p in enumerate(problems) if is_possession(p)]
    found = dict(zip(drawn, substitutes([problems[i] for i in drawn]), strict=True))
    return [found.get(i) for i in range(len(problems))]


def _others(
    features: Features,
    problems: Sequence[Problem],
    called: Sequence[Text],
    swaps: Sequence[Substitute | None],
    rng: random.Random,
) -> list[Row | None]:
    """For each problem the line of another one; None where there is none, which leaves its own."""
    lines = [text.calls[-1].row if text.calls else None for text in called]
    known = [line for line in lines if line is not None]
    chosen: list[Row | None] = []
    for line, swap, problem in zip(lines, swaps, problems, strict=True):
        if swap is not None:
            chosen.append(features.row(features.calculator(*map(Fraction, swap.arguments))))
        else:
            drawn = rng.choice(known) if known and not is_possession(problem) else None
            chosen.append(None if line is None or drawn is None else drawn)
    return chosen


def _showing(called: Sequence[Text], lines: Sequence[Row | None]) -> Override:
    """Shows these lines in the place of what the last call printed."""
    by_text = {(t.passage, t.question): (len(t.calls), line) for t, line in zip(called, lines, strict=True)}

    def override(text: Text, row: Row | None) -> Row | None:
        calls, line = by_text[text.passage, text.question]
        return row if row is None or line is None or len(text.calls) + 1 < calls else line

    return override


def _at_random(reader: Reader, text: Text, rng: random.Random) -> Text:
    """The text with calls of the calculator on pairs that are drawn."""
    features, made = reader.features, text.uncalled
    for _ in range(reader.model.config.calls):
        defined = [pair for pair in made.candidates if features.result(made, pair) is not None]
        if not defined:
            break
        pair = rng.choice(defined)
        row = features.result(made, pair)
        assert row is not None
        made = features.extended(made, pair, row)
    return made


def _ceiling(reader: Reader, problems: Sequence[Problem]) -> list[float | None]:
    """The score with the right arguments, where they are known and found."""
    given = [_with_right_arguments(reader.features, p) for p in problems]
    traces = iter(reader.read_many([text for text in given if text is not None]))
    return [
        None if text is None else _f1(p, next(traces).answer.answer) for p, text in zip(problems, given, strict=True)
    ]


def _with_right_arguments(features: Features, problem: Problem) -> Text | None:
    text = features.text(problem.passage, problem.question)
    mentions = problem.meta.get("mentions") if len(problem.arguments or ()) == 1 else None
    places = Counter((m["where"], m["start"], m["end"]) for m in mentions or ())
    for step in problem.arguments or ():
        values = Counter(step)
        for pair in text.candidates:
            both = [text.mentions[i] for i in pair]
            right = places == Counter((m.where, m.start, m.end) for m in both) if places else False
            if right or (not places and values == Counter(m.value for m in both)):
                break
        else:
            return None
        row = features.result(text, pair)
        if row is None:
            return None
        text = features.extended(text, pair, row)
    return text if text.calls else None


# -- what follows ----------------------------------------------------------------------------------------------------
def _due(problem: Problem, plain: Trace, shown: Trace) -> str | None:
    """The right answer if what the calculator printed is what was shown; None where nobody can tell."""
    if shown.row is None or plain.row is None:
        return None
    if is_possession(problem):
        results = [(op, int(value)) for value, _, op in shown.row.fields if op is not None]
        return answer_to_results(problem, results)
    place = _answer_field(problem, plain)
    fields = shown.row.fields
    if place is None or [op for *_, op in fields] != [op for *_, op in plain.row.fields]:
        return None
    return format_number(fields[place][0])


def _answer_field(problem: Problem, trace: Trace) -> int | None:
    """Which number of the line is the answer: the one that the reader marked, or the only right one."""
    assert trace.row is not None
    base = len(trace.text.ids)
    if trace.answer.source == RESULTS and trace.span is not None and trace.span[0] >= base:
        first = trace.span[0] - base
        return next(i for i, (_, (start, _), _) in enumerate(trace.row.fields) if start == first)
    values = {parse_number(s) for spans in problem.answers for s in spans}
    right = [i for i, (value, _, op) in enumerate(trace.row.fields) if op is not None and value in values]
    return right[0] if len(right) == 1 else None


def _follows(problem: Problem, plain: Trace, shown: Trace, due: str | None) -> bool | None:
    """Whether the answer is the due one; None where that is the answer as it should be, or as it was, anyhow."""
    if due is None or signed_em(due, problem.answers) or signed_em(due, [(plain.answer.answer,)]):
        return None
    return signed_em(shown.answer.answer, [(due,)]) == 1


def _swapped(reader: Reader, problems: Sequence[Problem]) -> list[float]:
    """Of comparison questions whose numbers can be swapped, which are right before and after; 1 or 0."""
    pairs = [pair for p in problems if not is_possession(p) and (pair := swappable(p)) is not None]
    both = [_scores(reader, side) for side in zip(*pairs, strict=True)] if pairs else [[], []]
    return [float(a == b == 1) for a, b in zip(*both, strict=True)]
