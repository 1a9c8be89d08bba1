"""Other outputs of the calculator, for an audit: another problem's row, and that of the right arguments."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from anzan.arithmetic import Printed
from anzan.evaluation.interventions import substitute_printed
from anzan.reader.encode import TextEncoder
from anzan.reader.sequence import Text
from anzan.tasks.possession import Substitute, is_possession, substitutes
from anzan.tasks.problem import Problem

TRIES = 100


def possession_substitutes(problems: Sequence[Problem], seed: int) -> list[Substitute | None]:
    """Another problem's arguments for each possession problem; None for others."""
    drawn = [i for i, p in enumerate(problems) if is_possession(p)]
    found = dict(zip(drawn, substitutes([problems[i] for i in drawn], seed), strict=True))
    return [found.get(i) for i in range(len(problems))]


def other_calculations(
    encoder: TextEncoder,
    called: Sequence[Text],
    problems: Sequence[Problem],
    swaps: Sequence[Substitute | None],
    rng: random.Random,
    call: int = 0,
) -> list[Printed | None]:
    """A calculation for the given call of each text: its substitute's, or another problem's; None where it has none.

    Where numbers are digits, None too for a possession problem without a substitute (no exact program knows what
    another calculation would lead to), and where it does not fit.
    """
    known = [text.calls[call].row.printed for text in called if len(text.calls) > call]
    chosen: list[Printed | None] = []
    for text, swap, problem in zip(called, swaps, problems, strict=True):
        printed = None
        if len(text.calls) <= call:
            pass
        elif swap is not None and call == 0:
            printed = substitute_printed(encoder, swap, text.calls[call].row.printed)
        elif len(known) > 1 and (encoder.symbols is not None or not is_possession(problem)):
            own = text.calls[call].row.printed
            printed = next((p for p in (rng.choice(known) for _ in range(TRIES)) if p != own), None)
        if printed is not None and encoder.symbols is None:
            before = replace(text, ids=text.ids[: text.calls[call].start], types=text.types[: text.calls[call].start])
            row = encoder.row(printed)
            printed = printed if row is not None and encoder.fits(before, len(row.ids)) else None
        chosen.append(printed)
    return chosen


def with_right_arguments(encoder: TextEncoder, problem: Problem) -> Text | None:
    """The text with the calculator called on its gold arguments; None where these are unknown or not found.

    None too for a reader of symbols, which also chooses calls that are nobody's gold, and where the gold calls are more
    than the reader's own.
    """
    if encoder.symbols is not None or len(problem.arguments or ()) != encoder.calls:
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
