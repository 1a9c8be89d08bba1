"""Generating possession problems: a stream of distinct problems from options, a seed and a split."""

from __future__ import annotations

import random
from collections.abc import Iterable

from anzan.errors import AnzanError
from anzan.tasks.possession.facts import Facts, Transfer
from anzan.tasks.possession.free import draw_free_facts
from anzan.tasks.possession.numbers import TRIES, coin, draw_plan, draw_with_others, give_up, partners
from anzan.tasks.possession.options import Possession, refuse
from anzan.tasks.possession.wording import to_problem
from anzan.tasks.problem import Problem


def generate(options: Possession, size: int, seed: int, split: str = "train") -> list[Problem]:
    """`size` problems, no two with the same passage and question.

        >>> problem = generate(Possession(people=4, transfers=1), size=1, seed=0)[0]
        >>> facts_of(problem).winner

    The same options, seed and split give the same problems on every machine, and fewer problems are a prefix of more.
    Another split is another stream of problems. Streams may overlap; `check_disjoint` makes sure that two do not.

    `meta` holds `facts` (read them with `facts_of`) and `mentions`, the places of the numbers that go into the
    calculator.

    Raises:
        AnzanError: The options leave no further problem.
    """
    if size < 0:
        refuse("size", size, "ask for 0 problems or more")
    # A string is hashed with SHA-512 to seed the generator, the same in every process.
    rng = random.Random(f"{_identity(options)}, seed {int(seed)}, split {split!r}")
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    while len(problems) < size:
        for _ in range(TRIES):
            problem = _draw_problem(rng, options, f"{split}/{len(problems)}")
            text = problem.passage, problem.question
            if text not in seen:
                seen.add(text)
                problems.append(problem)
                break
        else:
            give_up()
    return problems


def check_disjoint(a: Iterable[Problem], b: Iterable[Problem]) -> None:
    """Check that no problem of `b` has the passage and the question of a problem of `a`.

    Raises:
        AnzanError: Two problems are the same; the message names both.
    """
    known = {(problem.passage, problem.question): problem.id for problem in a}
    for problem in b:
        if (problem.passage, problem.question) in known:
            twin = known[problem.passage, problem.question]
            raise AnzanError(f"{twin} and {problem.id} are the same problem; generate one split with another seed")


def _identity(options: Possession) -> str:
    """All options as text, the same for equal options whatever the order of the bias.

    It seeds the stream, so it must not change. `gap`, a second transfer and `draw` were added later and appear only
    where they matter: streams without them are what they were.
    """
    values = {
        "people": options.people,
        "digits": options.digits,
        "max_digits": options.max_digits,
        "transfer": options.transfers > 0,
        "questions": options.questions,
        "bias": sorted((kind, float(p)) for kind, p in options.bias.items()),
        "names": options.names,
        "objects": options.objects,
    }
    if options.transfers and options.gap != 0.2:
        values["gap"] = options.gap
    if options.transfers > 1:
        values["transfers"] = options.transfers
    if options.draw != "balanced":
        values["draw"] = options.draw
    return repr(values)


def _draw_problem(rng: random.Random, options: Possession, name: str) -> Problem:
    free = options.draw == "free"
    facts = draw_free_facts(rng, options) if free else _draw_balanced_facts(rng, options)
    form = ("free-" if free else "") + ("transfer" if facts.transfers else "plain")
    return to_problem(facts, f"{form}/{facts.kind}/{name}")


def _draw_balanced_facts(rng: random.Random, options: Possession) -> Facts:
    plan, kind = draw_plan(rng, options), rng.choice(options.questions)
    numbers, rest = draw_with_others(rng, options, plan)
    chosen = rng.choice(partners(rest, numbers.changes)) if numbers.changes else ()

    winner, loser, *others = _draw_names(rng, options)
    owner, other = (winner, loser) if plan.owner_wins else (loser, winner)
    has = {owner: numbers.first, other: numbers.other}
    mentioned = (winner, loser) if coin(rng, options.bias.get("mention-order", 0.5)) else (loser, winner)
    asked = (winner, loser) if coin(rng, options.bias.get("asked-order", 0.5)) else (loser, winner)

    people = list(zip(others, rest, strict=True))
    for place, person in zip(sorted(rng.sample(range(options.people), 2)), mentioned, strict=True):
        people.insert(place, (person, has[person]))
    name_of = {number: person for person, number in people}
    transfers = tuple(
        Transfer(name_of[partner], change, owner) if change > 0 else Transfer(owner, -change, name_of[partner])
        for partner, change in zip(chosen, numbers.changes, strict=True)
    )
    return Facts(dict(people), transfers, rng.choice(options.objects), asked, kind)


def _draw_names(rng: random.Random, options: Possession) -> list[str]:
    """The winner's name, the loser's and everyone else's."""
    if "name" not in options.bias:
        return rng.sample(options.names, options.people)
    pool = sorted(options.names)
    halves = pool[: len(pool) // 2], pool[len(pool) // 2 :]
    asked = [rng.choice(half) for half in halves]
    if not coin(rng, options.bias["name"]):
        asked.reverse()
    return asked + rng.sample([name for name in pool if name not in asked], options.people - 2)
