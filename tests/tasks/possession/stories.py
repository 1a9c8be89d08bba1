"""Problems of many options, and a second reading of them that knows nothing of how they were made."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import Problem

CELLS = {
    "plain": Possession(people=10),
    "transfer": Possession(people=4, transfers=1),
    "ten people": Possession(people=10, transfers=1),
    "table 4": Possession(people=4, max_digits=6, transfers=1),
    "table 4, plain": Possession(people=4, max_digits=6),
    "any gap": Possession(people=4, transfers=1, gap=1.0),
    "wide": Possession(people=4, transfers=1, gap=10),
    "two transfers": Possession(people=5, transfers=2),
    "two digits": Possession(people=3, digits=2, transfers=1),
    "up to two digits": Possession(people=3, max_digits=2, transfers=1),
}
TRANSFERS = ["transfer", "any gap", "table 4", "two transfers", "two digits", "up to two digits"]


@cache
def sample(cell: str) -> list[Problem]:
    return generate(CELLS[cell], 1000, seed=1)


class Story:
    """A problem as its text states it, read by regular expressions alone."""

    def __init__(self, problem: Problem) -> None:
        number = r"(\d{1,3}(?:,\d{3})*)"
        sentences = re.findall(r"[^.]+\.", problem.passage)
        transfers = [re.fullmatch(rf" (\w+) gave {number} (\w+) to (\w+)\.", each) for each in sentences]
        given = [each for each in transfers if each]
        assert given == transfers[len(transfers) - len(given) :]
        matches = [re.fullmatch(rf" ?(\w+) has {number} (\w+)\.", s) for s in sentences[: len(sentences) - len(given)]]
        assert all(matches)
        self.first = {match[1]: int(match[2].replace(",", "")) for match in matches if match}
        self.things = {match[3] for match in matches if match}
        self.final = dict(self.first)
        self.giver = self.receiver = None  # of the last transfer
        self.amounts, self.parties, self.before, self.least = [], [], [], 0
        for transfer in given:
            self.before.append(dict(self.final))
            self.giver, amount, thing, self.receiver = transfer.groups()
            self.amounts.append(int(amount.replace(",", "")))
            self.parties.append({self.giver, self.receiver})
            self.things.add(thing)
            self.final[self.giver] -= self.amounts[-1]
            self.final[self.receiver] += self.amounts[-1]
            self.least = min(self.least, *self.final.values())
        self.amount = self.amounts[-1] if given else 0
        argmax = re.fullmatch(r"Who has more (\w+): (\w+) or (\w+)\?", problem.question)
        maximum = re.fullmatch(
            r"What is the maximum number of (\w+) owned either by (\w+) or (\w+)\?", problem.question
        )
        question = argmax or maximum
        assert question
        self.kind = "argmax" if argmax else "max"
        self.things.add(question[1])
        self.asked = [question[2], question[3]]
        self.winner, self.loser = sorted(self.asked, key=lambda name: -self.final[name])
        self.answer = self.winner if argmax else str(self.final[self.winner])


@cache
def stories(cell: str) -> list[Story]:
    return [Story(problem) for problem in sample(cell)]


def assert_share(hits: Iterable[bool], p: float = 0.5) -> None:
    """Within 4 standard deviations (about 1 in 16,000 by chance; seeds are fixed)."""
    values = list(hits)
    assert len(values) >= 20
    assert abs(sum(values) - p * len(values)) <= 4 * (p * (1 - p) * len(values)) ** 0.5 + 1e-9


def assert_fair(groups: Mapping[Any, list[bool]]) -> None:
    """Half in every group, however small, judged all at once: no better than a fair coin for each."""
    # Under fair coins each term has mean 1 and variance 2 - 2 / n.
    terms = [(2 * sum(hits) - len(hits)) ** 2 / len(hits) for hits in groups.values()]
    variance = sum(2 - 2 / len(hits) for hits in groups.values())
    assert abs(sum(terms) - len(terms)) <= 4 * variance**0.5
