"""Follow rate, with readers whose behaviour is known: one that obeys the calculation, one that works alone."""

import re
from collections.abc import Iterable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from anzan.evaluation import follow_rate
from anzan.reader import Answer
from anzan.tasks.possession import Possession, generate


class Features:
    """Rows are plain pairs of numbers."""

    @staticmethod
    def calculator(a: Fraction, b: Fraction) -> tuple[int, int]:
        return int(a), int(b)

    @staticmethod
    def row(printed: tuple[int, int]) -> tuple[int, int]:
        return printed

    @staticmethod
    def text(passage: str, question: str) -> Any:
        return SimpleNamespace(passage=passage, question=question, calls=())


class Solver:
    """Answers from the sentences; `obeys` decides whether from the calculator's arguments or from the text's."""

    text_encoder = Features()

    def __init__(self, obeys: bool):
        self.obeys = obeys

    def call_many(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return list(pairs)

    def read_many(self, called: list[tuple[str, str]], override: Any) -> Iterable[Any]:
        for passage, question in called:
            a, b = override(self.text_encoder.text(passage, question), (1, 2))
            owns = {n: int(v.replace(",", "")) for n, v in re.findall(r"(\w+) has ([\d,]+)", passage)}
            asked = [name for name in owns if re.search(rf"\b{name}\b", question)]
            gift = re.search(r"(\w+) gave ([\d,]+) \w+ to (\w+)", passage)
            if gift is None:
                if self.obeys:
                    owns |= {asked[0]: a, asked[1]: b}
            else:
                owner = next(name for name in asked if name in (gift[1], gift[3]))
                amount = int(gift[2].replace(",", ""))
                if self.obeys:
                    owns[owner], amount = a, b
                owns[owner] += amount if owner == gift[3] else -amount
            winner = max(asked, key=lambda name: owns[name])
            answer = winner if question.startswith("Who") else str(owns[winner])
            yield SimpleNamespace(answer=Answer(answer, None, None, 1.0), symbolic=False)


def test_follow_rate() -> None:
    for transfer in (False, True):
        problems = generate(Possession(people=4, digits=5, transfers=int(transfer)), 100, seed=0)
        argmax = [p for p in problems if p.kind == "argmax"]
        assert follow_rate(Solver(obeys=True), problems) == 100  # pyright: ignore[reportArgumentType]
        assert follow_rate(Solver(obeys=False), argmax) == 0  # pyright: ignore[reportArgumentType]
