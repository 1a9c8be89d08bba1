"""The audit of a reader: its answers with the calculator's output tampered with, see `anzan.evaluation.audit`."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from anzan.arithmetic.calculator import format_number
from anzan.arithmetic.numbers import parse_number
from anzan.errors import AnzanError
from anzan.evaluation.audit import ANOTHER, AS_IS, BLANKED, RANDOM, WRONG, Audit, Observed, audit
from anzan.evaluation.drop_metric import drop_em_f1, normalize, signed_em
from anzan.evaluation.interventions import showing
from anzan.evaluation.number_swaps import swappable
from anzan.evaluation.predict import predict, to_prediction
from anzan.evaluation.saliency import calculator_share
from anzan.evaluation.scores import argument_accuracy
from anzan.reader.encode import Features, TextTooLong
from anzan.reader.reader import Reader, Trace, blank, wrong_results
from anzan.reader.sequence import RESULTS, Row, Text
from anzan.tasks.possession import Substitute, answer_to_results, is_possession, substitutes, ten_times
from anzan.tasks.problem import Problem

EXPLAINED = 50
"""Answers whose gradients are looked at: each takes a pass of its own."""

SALIENCY = "gradient that falls on the calculator's line"
SWAPPED = "right both before and after a number swap"
TEN_TIMES = "score with all numbers ten times as large"


class NothingToAudit(AnzanError):
    """A reader without a calculator, or no question for which it calls it."""


def audit_reader(reader: Reader, problems: Sequence[Problem], seed: int = 0) -> Audit:
    """The audit of a reader on those of the problems for which it calls its calculator, each text once.

    A wrong result has random digits; another example's is the calculation of another problem, printed in the place of
    the true one. What an answer should be then: for possession problems (`anzan.tasks.possession`) what an exact
    program makes of it; elsewhere, where a printed result is the answer, the one in its place. `more` holds what
    else can be told: comparison questions with their two numbers swapped, possession problems with longer numbers, and
    how much of an answer's gradient falls on what the calculator printed.

    Raises:
        NothingToAudit: a reader without a calculator, or no problem for which it calls it.
    """
    features = reader.features
    if not features.calculator.operations:
        raise NothingToAudit("this model has no calculator to audit: train one with model.operations")
    problems = list({(p.passage, p.question): p for p in problems if _readable(features, p)}.values())
    asked = zip(problems, reader.call_many((p.passage, p.question) for p in problems), strict=True)
    both = [(p, text) for p, text in asked if text.calls]
    if not both:
        raise NothingToAudit("there is no problem for which the model calls its calculator: give some with numbers")
    problems, called = (list(column) for column in zip(*both, strict=True))
    rng = random.Random(f"audit-{seed}")
    swaps = _substitutes(problems, seed)
    lines = _others(features, called, problems, swaps, rng)
    plain, blanked, another, wrong = (
        list(reader.read_many(called, override=override))
        for override in (None, blank, showing(called, lines, features.calls), wrong_results(features, seed))
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
    shown = [line is not None for line in lines]
    told = [follows if there else None for follows, there in zip(observed[ANOTHER].follows, shown, strict=True)]
    observed[ANOTHER] = replace(observed[ANOTHER], follows=told, shown=shown)
    arguments = [argument_accuracy(p, to_prediction(t.answer)) for p, t in zip(problems, plain, strict=True)]
    more = {
        SWAPPED: _swapped(reader, problems),
        TEN_TIMES: _scores(reader, [ten_times(p) for p in problems if is_possession(p)]),
        SALIENCY: _on_the_calculator(reader, rng.sample(problems, min(EXPLAINED, len(problems)))),
    }
    return audit(observed, arguments, _ceiling(reader, problems), more, seed)


def passes(reader: Reader, problems: Sequence[Problem]) -> int:
    """How many passes over a text an audit takes, nearly: for a progress bar."""
    calls = reader.features.calls
    longer = sum(is_possession(p) for p in problems)
    return len(problems) * (calls + 6) + longer * (calls + 1)


def _readable(features: Features, problem: Problem) -> bool:
    try:
        return bool(problem.question.strip() and features.text(problem.passage, problem.question))
    except TextTooLong:
        return False


def _observed(problems: Sequence[Problem], traces: Sequence[Trace]) -> Observed:
    answers = [t.answer.answer for t in traces]
    return Observed([_meant(a) for a in answers], [_f1(p, a) for p, a in zip(problems, answers, strict=True)])


def _meant(answer: str) -> Fraction | str:
    """The same for 8,417,312 and 8417312, for Anna and anna."""
    value = parse_number(answer)
    return normalize(answer) if value is None else value


def _f1(problem: Problem, answer: str) -> float:
    return drop_em_f1(answer, problem.answers)[1]


def _scores(reader: Reader, problems: Sequence[Problem]) -> list[float]:
    """F1, from 0 to 1, of the problems that can be read."""
    readable = [p for p in problems if _readable(reader.features, p)]
    return [_f1(p, a.answer) for p, a in zip(readable, predict(reader, readable), strict=True)]


def _on_the_calculator(reader: Reader, problems: Sequence[Problem]) -> list[float]:
    shares = (calculator_share(reader, p.passage, p.question) for p in problems)
    return [share for share in shares if share is not None]


# -- other outputs ---------------------------------------------------------------------------------------------------
def _substitutes(problems: Sequence[Problem], seed: int) -> list[Substitute | None]:
    """Another problem's arguments for each possession problem; None for others."""
    drawn = [i for i, p in enumerate(problems) if is_possession(p)]
    found = dict(zip(drawn, substitutes([problems[i] for i in drawn], seed), strict=True))
    return [found.get(i) for i in range(len(problems))]


def _others(
    features: Features,
    called: Sequence[Text],
    problems: Sequence[Problem],
    swaps: Sequence[Substitute | None],
    rng: random.Random,
) -> list[Row | None]:
    """For each problem the line of another one that fits behind its text; None where there is none."""
    known = [text.calls[-1].row for text in called]
    chosen: list[Row | None] = []
    for i, (text, swap, problem) in enumerate(zip(called, swaps, problems, strict=True)):
        line = None
        if swap is not None:
            line = features.row(features.calculator(*map(Fraction, swap.arguments)))
        elif len(known) > 1 and not is_possession(problem):  # for those an exact program would have to know
            line = known[(i + rng.randrange(1, len(known))) % len(known)]
        before = replace(text, ids=text.ids[: text.calls[-1].start], types=text.types[: text.calls[-1].start])
        chosen.append(line if line is not None and features.fits(before, line) else None)
    return chosen


def _at_random(reader: Reader, text: Text, rng: random.Random) -> Text:
    """The text with calls of the calculator on pairs that are drawn."""
    features, made = reader.features, text.uncalled
    for _ in text.calls:
        pairs = made.candidates
        rng.shuffle(pairs)
        found = next(((pair, row) for pair in pairs if (row := features.result(made, pair)) is not None), None)
        if found is None:
            break
        made = features.extended(made, *found)
    return made


def _ceiling(reader: Reader, problems: Sequence[Problem]) -> list[float | None]:
    """The score with the right arguments, where they are known and found."""
    given = [_with_right_arguments(reader.features, p) for p in problems]
    traces = iter(reader.read_many([text for text in given if text is not None]))
    return [
        None if text is None else _f1(p, next(traces).answer.answer) for p, text in zip(problems, given, strict=True)
    ]


def _with_right_arguments(features: Features, problem: Problem) -> Text | None:
    """None for arguments of another number of calls than the reader makes: it has never read as few, or as many."""
    if len(problem.arguments or ()) != features.calls:
        return None
    text = features.text(problem.passage, problem.question)
    mentions = problem.meta.get("mentions") if features.calls == 1 else None
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
    before, now = _lines(plain), _lines(shown)
    if len(before) != len(now) or not now:
        return None
    if is_possession(problem):
        results = [(op, int(value)) for value, _, op in now[-1][1].fields if op is not None]
        return answer_to_results(problem, results)
    place = _answer_field(problem, plain, before)
    if place is None:
        return None
    call, k = place
    kinds = [[op for *_, op in lines[call][1].fields] for lines in (before, now)]
    return format_number(now[call][1].fields[k][0]) if kinds[0] == kinds[1] else None


def _lines(trace: Trace) -> list[tuple[int, Row]]:
    """What each call has printed, with the token where it begins."""
    last = [] if trace.row is None else [(len(trace.text.ids), trace.row)]
    return [*((call.start, call.row) for call in trace.text.calls), *last]


def _answer_field(problem: Problem, trace: Trace, lines: Sequence[tuple[int, Row]]) -> tuple[int, int] | None:
    """Which number of which line is the answer: the one that the reader marked, or the only right one."""
    numbers = {
        start + first: (call, k)
        for call, (start, row) in enumerate(lines)
        for k, (_, (first, _), _) in enumerate(row.fields)
    }
    if trace.answer.source == RESULTS and trace.span is not None:
        return numbers[trace.span[0]]
    answers = {format_number(v) for spans in problem.answers for s in spans if (v := parse_number(s)) is not None}
    right = [
        (call, k)
        for call, k in numbers.values()
        if lines[call][1].fields[k][2] is not None and format_number(lines[call][1].fields[k][0]) in answers
    ]
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
