"""What an exact program answers to what was shown, against the facts of problems and against arithmetic on them."""

import random
from collections.abc import Callable

import pytest

from anzan.arithmetic import Calculator, Printed
from anzan.evaluation.expected import possession_answer
from anzan.reader.answer import NO_ANSWER
from anzan.reader.decode import Shown, Trace
from anzan.reader.encode import TextEncoder
from anzan.reader.encoders import TINY, locate_encoder
from anzan.reader.sequence import Text
from anzan.reader.symbols import SymbolIds
from anzan.reader.tokenizer import load_tokenizer
from anzan.tasks.possession import Facts, Possession, facts_of, generate
from anzan.tasks.problem import Problem

Change = Callable[[int, Printed], Printed]


@pytest.fixture(scope="module")
def encoders() -> dict[bool, TextEncoder]:
    """By whether numbers are symbols."""
    tokenizer, calculator = load_tokenizer(locate_encoder(TINY)), Calculator()
    symbols = SymbolIds(len(tokenizer), 3)
    encoder = TextEncoder(tokenizer, calculator, calls=3, symbols=symbols)
    return {False: TextEncoder(tokenizer, calculator), True: encoder}


def shown(encoder: TextEncoder, text: Text, calls: list[tuple[int, int]], change: Change) -> Trace:
    """The text after these calls, each printing what `change` makes of its own calculation."""
    pair = row = None
    for k, (i, j) in enumerate(calls):
        if pair is not None and row is not None:
            text = encoder.extended(text, pair, row)
        i, j = sorted(m if m >= 0 else len(text.mentions) + m for m in (i, j))
        pair, a, b = (i, j), text.mentions[i].value, text.mentions[j].value
        row = encoder.printed(text, pair, change(k, encoder.calculator(a, b)))
    return Trace(Shown(text, text, pair, row, encoder.symbols is not None), None, NO_ANSWER)


def program(facts: Facts, text: Text, compare: bool) -> list[tuple[int, int]]:
    """The calls that give what the owner has in the end, and the comparison with the other's number.

    Mentions of the latest results are negative: -3 is a + b, -2 is a - b, -1 is b - a.
    """
    place = {name: k for k, name in enumerate(facts.initial)}
    if facts.owner is None or facts.other is None:
        return [(place[facts.asked[0]], place[facts.asked[1]])] if compare else []
    calls, owned = [], place[facts.owner]
    for k, change in enumerate(facts.changes, len(place)):
        calls.append((owned, k))
        # A number comes before the amount, and the amount before a result.
        owned = -3 if change > 0 else -2 if owned >= 0 else -1
    return [*calls, (owned, place[facts.other])] if compare else calls


def same(_: int, printed: Printed) -> Printed:
    return printed


def problems(transfers: int) -> list[Problem]:
    return [
        p
        for draw in ("balanced", "free")
        for p in generate(Possession(people=4, digits=4, transfers=transfers, draw=draw), 40, seed=transfers)
    ]


@pytest.mark.parametrize("transfers", [0, 1, 2])
def test_true_results_lead_to_the_right_answer(encoders: dict[bool, TextEncoder], transfers: int) -> None:
    """Also without the comparison, where the reader can see the other's number."""
    for problem in problems(transfers):
        facts = facts_of(problem)
        for symbolic, encoder in encoders.items():
            text = encoder.text(problem.passage, problem.question)
            whole, part = (program(facts, text, compare) for compare in (True, False))
            assert possession_answer(facts, shown(encoder, text, whole, same)) == facts.answer
            if part:
                expected = None if symbolic else facts.answer
                assert possession_answer(facts, shown(encoder, text, part, same)) == expected


@pytest.mark.parametrize("transfers", [1, 2])
def test_what_is_shown_is_believed(encoders: dict[bool, TextEncoder], transfers: int) -> None:
    """The results of one call replaced: what follows is worked out by hand from the number that is shown."""
    rng, ties = random.Random(0), 0
    for problem in problems(transfers):
        facts = facts_of(problem)
        assert facts.owner is not None and facts.other is not None
        for encoder in encoders.values():
            text = encoder.text(problem.passage, problem.question)
            wrong = rng.randrange(transfers)
            made: list[int] = []

            def change(k: int, printed: Printed) -> Printed:
                if k == wrong:  # noqa: B023
                    printed = encoder.rewrite(printed, lambda d: str(rng.randrange(10 ** len(d))).zfill(len(d)))  # noqa: B023
                # `a + b , a - b , b - a`: what the owner has is the sum, or what is left of what he had.
                if k < transfers:
                    first = not made  # noqa: B023
                    which = 0 if facts.changes[k] > 0 else 1 if first else 2  # noqa: B023
                    made.append(int(printed.fields[3 * which].value))  # noqa: B023
                return printed

            trace = shown(encoder, text, program(facts, text, compare=True), change)
            has, others = made[-1], facts.initial[facts.other]
            if has == others:
                ties += 1
                assert possession_answer(facts, trace) is None
                continue
            winner = facts.owner if has > others else facts.other
            expected = winner if facts.kind == "argmax" else str(max(has, others))
            assert possession_answer(facts, trace) == expected
    assert ties < 5


@pytest.mark.parametrize("transfers", [0, 1])
def test_a_comparison_the_other_way_round_has_the_other_winner(
    encoders: dict[bool, TextEncoder], transfers: int
) -> None:
    for problem in problems(transfers):
        facts, encoder = facts_of(problem), encoders[True]
        text = encoder.text(problem.passage, problem.question)
        calls = program(facts, text, compare=True)

        def exchange(k: int, printed: Printed) -> Printed:
            values = {f.argument: f.value for f in printed.fields if f.argument is not None}
            return Calculator()(values[1], values[0]) if k == transfers else printed

        loser = next(name for name in facts.asked if name != facts.winner)
        expected = loser if facts.kind == "argmax" else str(facts.final[loser])
        assert possession_answer(facts, shown(encoder, text, calls, exchange)) == expected


def test_results_that_tell_nothing(encoders: dict[bool, TextEncoder]) -> None:
    for problem in problems(1):
        facts = facts_of(problem)
        place = {name: k for k, name in enumerate(facts.initial)}
        strangers = [k for name, k in place.items() if name not in facts.asked]
        for symbolic, encoder in encoders.items():
            text = encoder.text(problem.passage, problem.question)
            assert possession_answer(facts, shown(encoder, text, [], same)) is None
            assert possession_answer(facts, shown(encoder, text, [(strangers[0], strangers[1])], same)) is None
            if symbolic:  # their numbers at first, which are no longer theirs
                asked = [(place[facts.asked[0]], place[facts.asked[1]])]
                assert possession_answer(facts, shown(encoder, text, asked, same)) is None
