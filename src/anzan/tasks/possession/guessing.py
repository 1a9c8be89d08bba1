"""How much of a possession problem can be guessed without a working calculator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anzan.tasks.possession.facts import Facts
from anzan.tasks.possession.keys import truncate
from anzan.tasks.possession.wording import facts_of
from anzan.tasks.problem import Problem


def guessing_scores(problems: Iterable[Problem]) -> dict[str, float]:
    """How often simple guessers name the winner, in percent. A guesser that cannot tell scores half.

    - `asked_order`: the person named first in the question;
    - `mention_order`: of the two asked, the one who comes first in the passage;
    - `leading_digits`: who owns more if only the leading digit of every number counts;

    and over problems with a transfer

    - `two_digits`: as `leading_digits`, with two digits, which is rough arithmetic rather than a guess;
    - `role`: the receiver and never the giver, in the last transfer;
    - `before_transfer`: who owned more at first;
    - `rounded_other`: the calculated result against the middle of what the other's leading digit spans;
    - `other_result`: a perfect user of the calculator who is given the result of the next problem.

    Without bias a score is 50. Balanced problems with a transfer come near it in all but `two_digits`,
    `before_transfer` and `rounded_other`; those without are legitimately open to `leading_digits`.

    Raises:
        AnzanError: A problem that `generate` did not make.
    """
    all_facts = [facts_of(problem) for problem in problems]
    right: dict[str, list[float]] = {}
    for facts in all_facts:
        for guesser, person in _guesses(facts):
            right.setdefault(guesser, []).append(_score(person, facts))
    decided = [facts for facts in all_facts if facts.transfers]
    if len(decided) > 1:
        pairs = zip(decided, decided[1:] + decided[:1], strict=True)
        right["other_result"] = [_score(_with_result_of(facts, following), facts) for facts, following in pairs]
    return {guesser: round(100 * sum(scores) / len(scores), 2) for guesser, scores in right.items()}


def _guesses(facts: Facts) -> Iterator[tuple[str, str | None]]:
    """Each guesser and the person it names; None if it cannot tell."""
    yield "asked_order", facts.asked[0]
    yield "mention_order", facts.mentioned[0]
    yield "leading_digits", _by_digits(facts, 1)
    if facts.owner is not None and facts.other is not None:
        yield "two_digits", _by_digits(facts, 2)
        yield "role", facts.owner if facts.role == "receiver" else facts.other
        yield "before_transfer", _richer({name: facts.initial[name] for name in facts.asked})
        number = facts.final[facts.other]
        span = 10 ** (len(str(number)) - 1)
        # Both doubled, as the middle is half an integer.
        yield (
            "rounded_other",
            _richer({facts.owner: 2 * facts.final[facts.owner], facts.other: 2 * truncate(number) + span - 1}),
        )


def _by_digits(facts: Facts, digits: int) -> str | None:
    """Who owns more in the end if only the first digits of every number count."""
    owned = {name: truncate(facts.initial[name], digits) for name in facts.asked}
    if facts.owner is not None:
        owned[facts.owner] += sum(truncate(change, digits) for change in facts.changes)
    return _richer(owned)


def _with_result_of(facts: Facts, following: Facts) -> str | None:
    """Who owns more if the owner has what the owner of the following problem has."""
    assert facts.owner is not None and following.owner is not None
    return _richer(facts.final | {facts.owner: following.final[following.owner]})


def _richer(owned: dict[str, int]) -> str | None:
    (first, a), (second, b) = owned.items()
    return None if a == b else first if a > b else second


def _score(person: str | None, facts: Facts) -> float:
    return 0.5 if person is None else float(person == facts.winner)
