"""The audit of a reader: `anzan.evaluation.verdict` on its answers under interventions on its calculator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from anzan.arithmetic.numbers import parse_number
from anzan.errors import AnzanError
from anzan.evaluation.drop_metric import drop_em_f1, normalize
from anzan.evaluation.expected import expected_answer, is_followed
from anzan.evaluation.gradients import calculator_share
from anzan.evaluation.interventions import (
    AS_PRINTED,
    OTHER_RESULTS,
    WRONG_RESULTS,
    as_printed,
    blanked,
    other_results,
    random_arguments,
    wrong_results,
)
from anzan.evaluation.number_swaps import swappable
from anzan.evaluation.other_outputs import other_calculations, possession_substitutes, with_right_arguments
from anzan.evaluation.predictions import predict, to_prediction
from anzan.evaluation.scores import argument_accuracy
from anzan.evaluation.verdict import (
    FOLLOWS_CALL,
    GRADIENT_ON_CALCULATOR,
    SCORE_TIMES_TEN,
    SWAP_CONSISTENCY,
    Audit,
    Observed,
    audit,
)
from anzan.reader import Reader, Trace
from anzan.reader.encode import TextEncoder, TextTooLong
from anzan.tasks.possession import Substitute, exchanged, is_possession, ten_times
from anzan.tasks.problem import Problem

EXPLAINED = 50
"""How many answers have their gradients computed, at most; each takes a pass of its own."""


class NothingToAudit(AnzanError):
    """A reader without a calculator, or no question for which it calls it."""


def audit_reader(reader: Reader, problems: Sequence[Problem], seed: int = 0) -> Audit:
    """Audit a reader on those of the problems for which it calls its calculator, each text once.

    Under `wrong_results` results have random digits; under `other_results` the first call prints the calculation of
    another problem. The answer to expect is then that of an exact program for possession problems, and elsewhere, where
    a printed result is the answer, the shown result in the same place. `more` has the rate at which answers follow
    where a later call prints another calculation, the share of the gradient that falls on the calculator's line, and
    where there are such problems the scores before and after two numbers are swapped, and with longer numbers.

    Raises:
        NothingToAudit: a reader without a calculator, or no problem for which it calls it.
    """
    encoder = reader.text_encoder
    if not encoder.calculator.operations:
        raise NothingToAudit("this model has no calculator to audit: train one with model.operations")
    problems = list({(p.passage, p.question): p for p in problems if _readable(encoder, p)}.values())
    asked = zip(problems, reader.call_many((p.passage, p.question) for p in problems), strict=True)
    both = [(p, text) for p, text in asked if text.calls]
    if not both:
        raise NothingToAudit("there is no problem for which the model calls its calculator: give some with numbers")
    problems, called = (list(column) for column in zip(*both, strict=True))
    rng = random.Random(f"audit-{seed}")
    swaps = possession_substitutes(problems, seed)
    others = [other_calculations(encoder, called, problems, swaps, rng, call) for call in range(encoder.calls)]
    interventions = (
        as_printed(),
        blanked(),
        random_arguments(encoder, rng),
        other_results(called, others[0]),
        wrong_results(encoder, seed),
    )
    traces = {each.name: each.read(reader, called) for each in interventions}
    plain, shown = traces[AS_PRINTED], [printed is not None for printed in others[0]]
    known = [None] * len(problems) if encoder.symbols else swaps  # where digits are seen, it is known what to expect
    followed = _follows(problems, plain, traces[OTHER_RESULTS], known)
    follows = {
        WRONG_RESULTS: _follows(problems, plain, traces[WRONG_RESULTS], [None] * len(problems)),
        OTHER_RESULTS: [f if there else None for f, there in zip(followed, shown, strict=True)],
    }
    observed = {name: _observed(problems, made, follows.get(name, ())) for name, made in traces.items()}
    observed[OTHER_RESULTS] = replace(observed[OTHER_RESULTS], shown=shown)
    arguments = [argument_accuracy(p, to_prediction(t.answer)) for p, t in zip(problems, plain, strict=True)]
    more = {
        SWAP_CONSISTENCY: _swap_consistency(reader, problems),
        SCORE_TIMES_TEN: _scores(reader, [ten_times(p) for p in problems if is_possession(p)]),
        GRADIENT_ON_CALCULATOR: _gradient_on_calculator(reader, rng.sample(problems, min(EXPLAINED, len(problems)))),
    }
    for call in range(1, encoder.calls):
        swapped = other_results(called, others[call], call).read(reader, called)
        known = [follow for follow in _follows(problems, plain, swapped, [None] * len(problems)) if follow is not None]
        more[FOLLOWS_CALL.format(call + 1)] = [float(follow) for follow in known]
    kinds = [p.kind for p in problems]
    return audit(observed, arguments, _ceiling(reader, problems), more, seed, kinds)


def audit_passes(reader: Reader, problems: Sequence[Problem]) -> int:
    """About how many passes over a text an audit takes, for a progress bar."""
    calls = reader.text_encoder.calls
    longer = sum(is_possession(p) for p in problems)
    return len(problems) * (calls + 6) + longer * (calls + 1)


def _readable(encoder: TextEncoder, problem: Problem) -> bool:
    try:
        return bool(problem.question.strip() and encoder.text(problem.passage, problem.question))
    except TextTooLong:
        return False


def _observed(problems: Sequence[Problem], traces: Sequence[Trace], follows: Sequence[bool | None]) -> Observed:
    answers = [t.answer.answer for t in traces]
    scores = [_f1(p, a) for p, a in zip(problems, answers, strict=True)]
    return Observed([_meaning(a) for a in answers], scores, follows)


def _meaning(answer: str) -> Fraction | str:
    """The same for 8,417,312 and 8417312, and for Anna and anna."""
    value = parse_number(answer)
    return normalize(answer) if value is None else value


def _follows(
    problems: Sequence[Problem], plain: Sequence[Trace], shown: Sequence[Trace], swaps: Sequence[Substitute | None]
) -> list[bool | None]:
    """Whether each answer follows; with a substitute it is known what to expect."""
    return [
        is_followed(p, before, now, expected_answer(p, before, now) if swap is None else swap.answer)
        for p, before, now, swap in zip(problems, plain, shown, swaps, strict=True)
    ]


def _f1(problem: Problem, answer: str) -> float:
    return drop_em_f1(answer, problem.answers)[1]


def _scores(reader: Reader, problems: Sequence[Problem]) -> list[float]:
    """F1, from 0 to 1, of the problems that can be read."""
    readable = [p for p in problems if _readable(reader.text_encoder, p)]
    return [_f1(p, a.answer) for p, a in zip(readable, predict(reader, readable), strict=True)]


def _ceiling(reader: Reader, problems: Sequence[Problem]) -> list[float | None]:
    """F1 with the right arguments given, where they are known and found."""
    given = [with_right_arguments(reader.text_encoder, p) for p in problems]
    traces = iter(reader.read_many([text for text in given if text is not None]))
    return [
        None if text is None else _f1(p, next(traces).answer.answer) for p, text in zip(problems, given, strict=True)
    ]


def _swap_consistency(reader: Reader, problems: Sequence[Problem]) -> list[float]:
    """1 for each comparison question that is right both before and after its numbers are swapped, otherwise 0.

    In possession problems the two asked people own each other's numbers.
    """
    pairs = [pair for p in problems if (pair := _swapped(p)) is not None]
    both = [_scores(reader, side) for side in zip(*pairs, strict=True)] if pairs else [[], []]
    return [float(a == b == 1) for a, b in zip(*both, strict=True)]


def _swapped(problem: Problem) -> tuple[Problem, Problem] | None:
    if not is_possession(problem):
        return swappable(problem)
    other = exchanged(problem)
    return None if other is None else (problem, other)


def _gradient_on_calculator(reader: Reader, problems: Sequence[Problem]) -> list[float]:
    shares = (calculator_share(reader, p.passage, p.question) for p in problems)
    return [share for share in shares if share is not None]
