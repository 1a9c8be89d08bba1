"""What the page lets in: how much, how often, and from where."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

MOST_CLIENTS = 10_000
"""Clients whose requests are counted; of more, those that were silent longest are forgotten."""


@dataclass(frozen=True)
class Limits:
    """Of a request, of a client, and of the page as a whole.

    Attributes:
        characters: of a passage; a question may have a tenth of it.
        body: bytes of a request: passage and question come twice, and a character takes up to twelve.
        numbers: in passage and question together.
        per_minute: questions of one client (address), with as many in a burst.
        client_waiting: questions of one client that wait for their turn, one being answered at a time.
        waiting: questions of all clients.
        request_seconds: how long a client may take to send a request.
    """

    characters: int = 20_000
    body: int = 600_000
    numbers: int = 60
    per_minute: int = 60
    client_waiting: int = 4
    waiting: int = 32
    request_seconds: float = 10.0


class Rate:
    """A bucket of `per_minute` tokens for each client, which fills again within a minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic):
        self.per_minute, self.clock = per_minute, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def wait(self, client: str) -> float:
        """Seconds until the client may ask; 0 takes a token."""
        now = self.clock()
        left, then = self._left.pop(client, (float(self.per_minute), now))
        left = min(float(self.per_minute), left + (now - then) * self.per_minute / 60)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left), now
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) * 60 / self.per_minute


class Room:
    """How many questions wait, of each client and of all."""

    def __init__(self, limits: Limits):
        self.limits, self._inside = limits, Counter[str]()

    def full(self, client: str) -> bool:
        """Whether another question of the client has no place."""
        mine, all_of_them = self._inside[client], self._inside.total()
        return mine > self.limits.client_waiting or all_of_them > self.limits.waiting

    @contextmanager
    def inside(self, client: str) -> Iterator[None]:
        """Takes a place."""
        self._inside[client] += 1
        try:
            yield
        finally:
            self._inside[client] -= 1
            self._inside += Counter()  # without those that have none left


def client_of(address: str) -> str:
    """Whom an address counts for: in IPv6 one client has a network of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) and not parsed.is_loopback else address
