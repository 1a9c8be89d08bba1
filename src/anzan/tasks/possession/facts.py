"""The facts that a possession problem states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from anzan.tasks.possession.options import QUESTIONS

Role = Literal["giver", "receiver"]


@dataclass(frozen=True)
class Transfer:
    """`giver` gave `amount` to `receiver`."""

    giver: str
    amount: int
    receiver: str


@dataclass(frozen=True)
class Facts:
    """Who owns how many, who gives how many to whom, and who is asked about.

    One of the two asked people, the *owner*, takes part in every transfer, and the other one in none.

    Attributes:
        initial: What each person in the passage owns before the transfers, in the order of the passage.
        transfers: The transfers, in order.
        thing: What they own, in the plural.
        asked: The two people asked about, in the order of the question.
        kind: `argmax` (who has more) or `max` (how many that person has).
        commas_from: The least number that the passage writes with commas.
        joined: Whether the passage is one sentence, its clauses joined by commas, as in the paper.
    """

    initial: dict[str, int]
    transfers: tuple[Transfer, ...]
    thing: str
    asked: tuple[str, str]
    kind: str
    commas_from: int = 1000
    joined: bool = False

    @cached_property
    def mentioned(self) -> tuple[str, str]:
        """The two asked people, in the order of the passage."""
        first, second = (name for name in self.initial if name in self.asked)
        return first, second

    @cached_property
    def owner(self) -> str | None:
        """The asked person who takes part in the transfers; None without transfers."""
        parties = {name for transfer in self.transfers for name in (transfer.giver, transfer.receiver)}
        return next((name for name in self.asked if name in parties), None)

    @property
    def other(self) -> str | None:
        """The asked person who takes no part in the transfers; None without transfers."""
        return None if self.owner is None else next(name for name in self.asked if name != self.owner)

    @property
    def role(self) -> Role | None:
        """The owner's role in the last transfer; None without transfers."""
        if not self.transfers:
            return None
        return "receiver" if self.transfers[-1].receiver == self.owner else "giver"

    @cached_property
    def changes(self) -> tuple[int, ...]:
        """What each transfer adds to the owner's number; negative if the owner gives."""
        return tuple(t.amount if t.receiver == self.owner else -t.amount for t in self.transfers)

    @cached_property
    def final(self) -> dict[str, int]:
        """What the two asked people own after the transfers."""
        final = {name: self.initial[name] for name in self.asked}
        if self.owner is not None:
            final[self.owner] += sum(self.changes)
        return final

    @property
    def winner(self) -> str:
        """The asked person who owns more in the end."""
        return max(self.asked, key=self.final.__getitem__)

    @property
    def answer(self) -> str:
        """The winner, or for `max` the winner's number, without commas."""
        return self.winner if self.kind == "argmax" else str(self.final[self.winner])

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """The arguments of each call of the calculator.

        Without transfers one call compares the two asked numbers. With transfers there is one call for each, on what
        the owner has by then and the amount.
        """
        if self.owner is None:
            first, second = self.mentioned
            return ((self.initial[first], self.initial[second]),)
        steps, owned = [], self.initial[self.owner]
        for transfer, change in zip(self.transfers, self.changes, strict=True):
            steps.append((owned, transfer.amount))
            owned += change
        return tuple(steps)

    def to_json(self) -> dict[str, Any]:
        """The facts as plain JSON values; `initial` is a list of pairs, so that its order survives any tool.

        `joined` is written only where it is true, as the files of balanced problems are older than this key.
        """
        values = {
            "initial": [list(pair) for pair in self.initial.items()],
            "transfers": [dict(vars(transfer)) for transfer in self.transfers],
            "thing": self.thing,
            "asked": list(self.asked),
            "kind": self.kind,
            "commas_from": self.commas_from,
        }
        return values | {"joined": True} if self.joined else values

    @classmethod
    def from_json(cls, value: Any) -> Facts:
        """The inverse of `to_json`.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: Anything that `to_json` did not give.
        """
        first, second = value["asked"]
        joined = value.get("joined", False)
        if value["kind"] not in QUESTIONS or not isinstance(joined, bool):
            raise ValueError(value["kind"], joined)
        return cls(
            initial=dict(value["initial"]),
            transfers=tuple(Transfer(**transfer) for transfer in value["transfers"]),
            thing=value["thing"],
            asked=(first, second),
            kind=value["kind"],
            commas_from=value["commas_from"],
            joined=joined,
        )
