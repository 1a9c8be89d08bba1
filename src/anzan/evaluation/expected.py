"""The answer to expect when the calculator's output is replaced, and whether a reader gives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from anzan.arithmetic import Value, format_number
from anzan.arithmetic.numbers import parse_number
from anzan.evaluation.drop_metric import signed_em
from anzan.reader import Trace
from anzan.reader.sequence import RESULTS, Row, Text
from anzan.tasks.possession import Facts, facts_of, is_possession
from anzan.tasks.problem import Problem


def expected_answer(problem: Problem, plain: Trace, shown: Trace) -> str | None:
    """The right answer if the calculator had printed what the reader was shown; None where that is unknown.

    For possession problems it is the answer of an exact program, see `possession_answer`. Elsewhere, where a printed
    result is the answer, it is the shown result in the same place.
    """
    before, now = _rows(plain), _rows(shown)
    if len(before) != len(now) or not now:
        return None
    if is_possession(problem):
        return possession_answer(facts_of(problem), shown)
    place = _answer_field(problem, plain, before)
    if place is None:
        return None
    call, k = place
    kinds = [[op for *_, op in rows[call][1].fields] for rows in (before, now)]
    return format_number(now[call][1].fields[k][0]) if kinds[0] == kinds[1] else None


def possession_answer(facts: Facts, shown: Trace) -> str | None:
    """What an exact program answers that believes every result shown; None where these do not tell, and for a tie.

    Each result is a sum of numbers of the text, with signs. What a person has in the end is the result that is the sum
    of all that happened to it, and the comparison is the result that is the difference of these. Where numbers are
    digits, what nobody compared is compared by its value.
    """
    text = shown.text
    last = [] if shown.row is None or shown.pair is None else [(shown.pair, shown.row)]
    made = [*((call.pair, call.row) for call in text.calls), *last]
    terms = [Counter({k: 1}) for k in range(len(text.uncalled.mentions))]
    results: list[tuple[Counter[int], Value]] = []
    for pair, row in made:
        operands, fields = [terms[i] for i in pair], row.printed.fields
        for result, left in zip(fields[::3], fields[1::3], strict=True):
            first = int(left.argument or 0)
            new = Counter(operands[first])
            new.update(operands[1 - first]) if result.operation == "+" else new.subtract(operands[1 - first])
            terms.append(new)
            results.append((new, result.value))
    ends = _final_terms(facts)
    known = [_value_of(end, results, text) for end in ends]
    gap = _value_of(_difference(*ends), results, text)
    if gap is None and not shown.symbolic:
        gap = None if known[0] is None or known[1] is None else known[0] - known[1]
    if not gap:
        return None
    winner = 0 if gap > 0 else 1
    if facts.kind == "argmax":
        return facts.asked[winner]
    value = known[winner]
    return None if value is None else format_number(value)


def _final_terms(facts: Facts) -> list[Counter[int]]:
    """What each of the two asked people has in the end, as a sum of numbers in the order of the passage."""
    place = {name: k for k, name in enumerate(facts.initial)}
    ends = [Counter({place[name]: 1}) for name in facts.asked]
    for k, transfer in enumerate(facts.transfers, len(place)):
        for name, end in zip(facts.asked, ends, strict=True):
            end[k] += (transfer.receiver == name) - (transfer.giver == name)
    return ends


def _difference(a: Counter[int], b: Counter[int]) -> Counter[int]:
    out = Counter(a)
    out.subtract(b)
    return out


def _value_of(wanted: Counter[int], results: Sequence[tuple[Counter[int], Value]], text: Text) -> Value | None:
    """The value of a sum of numbers: as the last result that is this sum or its opposite, or as the text has it."""
    wanted = Counter({k: n for k, n in wanted.items() if n})
    opposite = Counter({k: -n for k, n in wanted.items()})
    for terms, value in reversed(results):
        own = Counter({k: n for k, n in terms.items() if n})
        if own in (wanted, opposite):
            return value if own == wanted else -value
    if list(wanted.values()) == [1]:
        return text.mentions[next(iter(wanted))].value
    return None


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
