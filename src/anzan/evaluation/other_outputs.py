"""Other outputs of the calculator, for an audit: another problem's row, and that of the right arguments."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from anzan.evaluation.interventions import substitute_row
from anzan.reader.encode import TextEncoder
from anzan.reader.sequence import Row, Text
from anzan.tasks.possession import Substitute, is_possession, substitutes
from anzan.tasks.problem import Problem


def possession_substitutes(problems: Sequence[Problem], seed: int) -> list[Substitute | None]:
    """Another problem's arguments for each possession problem; None for others."""
    drawn = [i for i, p in enumerate(problems) if is_possession(p)]
    found = dict(zip(drawn, substitutes([problems[i] for i in drawn], seed), strict=True))
    return [found.get(i) for i in range(len(problems))]


def other_rows(
    encoder: TextEncoder,
    called: Sequence[Text],
    problems: Sequence[Problem],
    swaps: Sequence[Substitute | None],
    rng: random.Random,
) -> list[Row | None]:
    """A row for each text: that of its substitute, or the last row of another problem; None where it does not fit.

    None too for a possession problem without a substitute: no exact program knows what another row would lead to.
    """
    known = [text.calls[-1].row for text in called]
    chosen: list[Row | None] = []
    for i, (text, swap, problem) in enumerate(zip(called, swaps, problems, strict=True)):
        row = None
        if swap is not None:
            row = substitute_row(encoder, swap)
        elif len(known) > 1 and not is_possession(problem):
            row = known[(i + rng.randrange(1, len(known))) % len(known)]
        before = replace(text, ids=text.ids[: text.calls[-1].start], types=text.types[: text.calls[-1].start])
        chosen.append(row if row is not None and encoder.fits(before, row) else None)
    return chosen


def with_right_arguments(encoder: TextEncoder, problem: Problem) -> Text | None:
    """The text with the calculator called on its gold arguments; None where these are unknown or not found.

    None too where the gold calls are more or fewer than the reader's own, as it has never read so many.
    """
    if len(problem.arguments or ()) != encoder.calls:
        return None
    text = encoder.text(problem.passage, problem.question)
    mentions = problem.meta.get("mentions") if encoder.calls == 1 else None
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
        row = encoder.result(text, pair)
        if row is None:
            return None
        text = encoder.extended(text, pair, row)
    return text if text.calls else None
