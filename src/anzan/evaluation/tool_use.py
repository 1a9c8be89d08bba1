"""Metrics of tool use: how a reader's answers change with the output of its calculator."""

from __future__ import annotations

from collections.abc import Sequence

from anzan.evaluation.drop_metric import drop_em_f1, signed_em
from anzan.evaluation.expected import possession_answer
from anzan.evaluation.interventions import (
    AS_PRINTED,
    BLANKED,
    OTHER_RESULTS,
    WRONG_RESULTS,
    Intervention,
    as_printed,
    blanked,
    other_results,
    substitute_printed,
    wrong_results,
)
from anzan.evaluation.predictions import predict, score, trace_under
from anzan.reader import Answer, Reader, Trace
from anzan.reader.answer import NO_ANSWER
from anzan.tasks.possession import Substitute, exchanged, facts_of, substitutes
from anzan.tasks.problem import Problem


def follow_rate(reader: Reader, problems: Sequence[Problem]) -> float | None:
    """How often, in percent, a reader that is shown another problem's calculation answers as an exact program would.

    Possession problems only. On argmax questions the other calculation always reverses the comparison. None where no
    problem has a substitute.
    """
    swaps = _swaps(problems)
    return _followed(problems, trace_under(reader, problems, [_swap(reader, problems, swaps)])[OTHER_RESULTS], swaps)


def evaluate_tool_use(reader: Reader, problems: Sequence[Problem]) -> dict[str, float | None]:
    """All metrics of `evaluate`, and how they change with the calculator's output. Possession problems only.

    Adds `f1_blanked`, `em_blanked`, `f1_wrong_results`, `em_wrong_results` (see `anzan.evaluation.interventions`),
    `follow_rate`, and `consistency`: how often a problem is right both as it is and with the numbers of the two asked
    people exchanged. The calculator is called once for all of it but the last.
    """
    swaps = _swaps(problems)
    interventions = [as_printed(), blanked(), wrong_results(reader.text_encoder), _swap(reader, problems, swaps)]
    traces = trace_under(reader, problems, interventions)
    answers = {name: [NO_ANSWER if t is None else t.answer for t in made] for name, made in traces.items()}
    metrics = score(reader, problems, answers[AS_PRINTED])
    for name in (BLANKED, WRONG_RESULTS):
        figures = score(reader, problems, answers[name])
        metrics |= {f"{k}_{name}": figures[k] for k in ("f1", "em")}
    followed = _followed(problems, traces[OTHER_RESULTS], swaps)
    return metrics | {"follow_rate": followed, "consistency": _consistency(reader, problems, answers[AS_PRINTED])}


def _consistency(reader: Reader, problems: Sequence[Problem], answers: Sequence[Answer]) -> float | None:
    both = [(i, other) for i, p in enumerate(problems) if (other := exchanged(p)) is not None]
    after = predict(reader, [other for _, other in both])
    right = [
        signed_em(answers[i].answer, problems[i].answers) * signed_em(a.answer, other.answers)
        for (i, other), a in zip(both, after, strict=True)
    ]
    return round(100 * sum(right) / len(right), 2) if right else None


def _swaps(problems: Sequence[Problem]) -> list[Substitute | None]:
    """A substitute for each problem, the same one for equal texts."""
    found: dict[tuple[str, str], Substitute | None] = {}
    for p, swap in zip(problems, substitutes(problems), strict=True):
        found.setdefault((p.passage, p.question), swap)
    return [found[p.passage, p.question] for p in problems]


def _swap(reader: Reader, problems: Sequence[Problem], swaps: Sequence[Substitute | None]) -> Intervention:
    """Shows each problem the calculation of its substitute, where it has one."""
    encoder = reader.text_encoder
    return other_results(problems, [None if s is None else substitute_printed(encoder, s) for s in swaps])


def _followed(
    problems: Sequence[Problem], traces: Sequence[Trace | None], swaps: Sequence[Substitute | None]
) -> float | None:
    right = []
    for problem, trace, swap in zip(problems, traces, swaps, strict=True):
        if swap is None or trace is None:
            continue
        # A reader of symbols cannot see the substitute's own numbers, only what its calculator makes of them.
        expected = possession_answer(facts_of(problem), trace) if trace.symbolic else swap.answer
        right.append(0.0 if expected is None else drop_em_f1(trace.answer.answer, [(expected,)])[0])
    return round(100 * sum(right) / len(right), 2) if right else None
