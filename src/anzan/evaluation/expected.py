"""The answer to expect when the calculator's output is replaced, and whether a reader gives it."""

from __future__ import annotations

from collections.abc import Sequence

from anzan.arithmetic.calculator import format_number
from anzan.arithmetic.numbers import parse_number
from anzan.evaluation.drop_metric import signed_em
from anzan.reader import Trace
from anzan.reader.sequence import RESULTS, Row
from anzan.tasks.possession import answer_to_results, is_possession
from anzan.tasks.problem import Problem


def expected_answer(problem: Problem, plain: Trace, shown: Trace) -> str | None:
    """The right answer if the calculator had printed what the reader was shown; None where that is unknown.

    For possession problems it is the answer of an exact program. Elsewhere, where a printed result is the answer, it is
    the shown result in the same place.
    """
    before, now = _rows(plain), _rows(shown)
    if len(before) != len(now) or not now:
        return None
    if is_possession(problem):
        results = [(op, int(value)) for value, _, op in now[-1][1].fields if op is not None]
        return answer_to_results(problem, results)
    place = _answer_field(problem, plain, before)
    if place is None:
        return None
    call, k = place
    kinds = [[op for *_, op in rows[call][1].fields] for rows in (before, now)]
    return format_number(now[call][1].fields[k][0]) if kinds[0] == kinds[1] else None


def is_followed(problem: Problem, plain: Trace, shown: Trace, expected: str | None) -> bool | None:
    """Whether the answer is the expected one. None if that is unknown, right for the problem, or the plain answer."""
    if expected is None or signed_em(expected, problem.answers) or signed_em(expected, [(plain.answer.answer,)]):
        return None
    return signed_em(shown.answer.answer, [(expected,)]) == 1


def _rows(trace: Trace) -> list[tuple[int, Row]]:
    """The printed row of each call, with the token at which it begins."""
    last = [] if trace.row is None else [(len(trace.text.ids), trace.row)]
    return [*((call.start, call.row) for call in trace.text.calls), *last]


def _answer_field(problem: Problem, trace: Trace, rows: Sequence[tuple[int, Row]]) -> tuple[int, int] | None:
    """The call and field whose number is the answer: the one that the reader marked, or the only right one."""
    numbers = {
        start + first: (call, k)
        for call, (start, row) in enumerate(rows)
        for k, (_, (first, _), _) in enumerate(row.fields)
    }
    if trace.answer.source == RESULTS and trace.span is not None:
        return numbers[trace.span[0]]
    answers = {format_number(v) for spans in problem.answers for s in spans if (v := parse_number(s)) is not None}
    right = [
        (call, k)
        for call, k in numbers.values()
        if rows[call][1].fields[k][2] is not None and format_number(rows[call][1].fields[k][0]) in answers
    ]
    return right[0] if len(right) == 1 else None
