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
    right: dict[str, list[float]] = {}

    def add(name: str, margin: int) -> None:
        right.setdefault(name, []).append(0.5 if margin == 0 else float(margin > 0))

    decided: list[tuple[int, int, int]] = []
    for problem in problems:
        facts = facts_of(problem)
        for name, margin in _word_guesses(facts):
            add(name, margin)
        if facts.owner is None:
            low, high = sorted(facts.final.values())
            add("leading_digits", truncate(high) - truncate(low))
        else:
            side, result, other = _decision(facts, facts.owner)
            for name, margin in _transfer_guesses(facts, facts.owner):
                add(name, side * margin)
            decided.append((side, result, other))
    if len(decided) > 1:
        for (side, _, other), (_, result, _) in zip(decided, decided[1:] + decided[:1], strict=True):
            add("other_result", side * (result - other))
    return {name: round(100 * sum(shares) / len(shares), 2) for name, shares in right.items()}


def _word_guesses(facts: Facts) -> Iterator[tuple[str, int]]:
    """Guesses by words alone, each with a margin that is positive if it is right."""
    for name, people in (("asked_order", facts.asked), ("mention_order", facts.mentioned)):
        yield name, 1 if people[0] == facts.winner else -1


def _decision(facts: Facts, owner: str) -> tuple[int, int, int]:
    """1 if the owner wins and -1 if not, what the owner has in the end, and what the other asked person has."""
    result = facts.final[owner]
    [other] = (number for name, number in facts.final.items() if name != owner)
    return 1 if result > other else -1, result, other


def _transfer_guesses(facts: Facts, owner: str) -> Iterator[tuple[str, int]]:
    """Guesses by the numbers of a transfer: positive if they name the owner, 0 if they cannot tell."""
    first, (_, result, other) = facts.initial[owner], _decision(facts, owner)
    for name, digits in (("leading_digits", 1), ("two_digits", 2)):
        changes = (truncate(c, digits) if c > 0 else -truncate(-c, digits) for c in facts.changes)
        yield name, truncate(first, digits) + sum(changes) - truncate(other, digits)
    yield "role", 1 if facts.role == "receiver" else -1
    yield "before_transfer", first - other
    span = 10 ** (len(str(other)) - 1)
    yield "rounded_other", 2 * result - (2 * truncate(other) + span - 1)
