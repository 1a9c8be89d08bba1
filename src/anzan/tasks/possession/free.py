"""The free draw: problems worded as in the paper, with numbers that nothing balances.

    Anna has 5,903,204 grapes, Carl has 8,417,312 grapes, Anna gave 1,224,450 grapes to Grace.

Everything is drawn independently: what people own is uniform among the numbers of as many digits, and an amount is
uniform from 1 to what its giver owns by then. So nobody gets into debt, results are of any length, and the two asked
may be far apart. Names, the order of the passage and of the question, the owner, the roles and the partners are fair.
Numbers are redrawn if two printed ones are equal or the two asked end with the same.

Such problems leak their answer: of those with a transfer and numbers of seven digits, the role in the transfer names
the winner in 76 %, the leading digits in 95 %. They show how a reader does on cases that balanced problems leave out; a
high score on them alone does not show that it calculates.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from anzan.tasks.possession.facts import Facts, Transfer
from anzan.tasks.possession.numbers import TRIES, coin, give_up, natural
from anzan.tasks.possession.options import Possession


def draw_free_facts(rng: random.Random, options: Possession) -> Facts:
    """The facts of one problem.

    Raises:
        AnzanError: No numbers were found that differ.
    """
    names = rng.sample(options.names, options.people)
    first, second = rng.sample(names, 2)
    kind, thing = rng.choice(options.questions), rng.choice(options.objects)
    owner = rng.choice((first, second))
    partners = rng.sample([name for name in names if name not in (first, second)], options.transfers)
    parties = [(owner, partner) if coin(rng) else (partner, owner) for partner in partners]
    # The words are settled by now, so that redrawing numbers does not favour a role.
    for _ in range(TRIES):
        initial = dict(zip(names, _distinct(rng, options), strict=True))
        transfers = _draw_transfers(rng, initial, parties)
        if transfers is not None:
            facts = Facts(initial, transfers, thing, (first, second), kind, joined=True)
            if len(set(facts.final.values())) == 2:
                return facts
    give_up()


def _distinct(rng: random.Random, options: Possession) -> list[int]:
    """A different number for each person."""
    numbers: dict[int, None] = {}  # in the order drawn
    while len(numbers) < options.people:
        numbers[natural(rng, options)] = None
    return list(numbers)


def _draw_transfers(
    rng: random.Random, initial: Mapping[str, int], parties: Sequence[tuple[str, str]]
) -> tuple[Transfer, ...] | None:
    """A transfer from the first to the second of each pair; None if an amount equals another number."""
    owned, printed, transfers = dict(initial), set(initial.values()), []
    for giver, receiver in parties:
        amount = rng.randint(1, owned[giver])
        if amount in printed:
            return None
        printed.add(amount)
        owned[giver] -= amount
        owned[receiver] += amount
        transfers.append(Transfer(giver, amount, receiver))
    return tuple(transfers)
