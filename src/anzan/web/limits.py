"""Limits on requests: size, rate, and number waiting."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

MOST_CLIENTS = 10_000
"""How many clients are counted; beyond that, those idle longest are forgotten."""


@dataclass(frozen=True)
class Limits:
    """Limits on a request, on a client, and on all clients together.

    Attributes:
        characters: in a passage; a tenth of it in a question.
        body: bytes in a request. It holds passage and question twice, with up to twelve bytes a character.
        numbers: in passage and question together.
        per_minute: questions from one client (address); a burst may have as many.
        client_waiting: waiting questions of one client, besides the one being answered.
        waiting: waiting questions of all clients, besides the one being answered.
        request_seconds: time to send a request.
    """

    characters: int = 20_000
    body: int = 600_000
    numbers: int = 60
    per_minute: int = 60
    client_waiting: int = 4
    waiting: int = 32
    request_seconds: float = 10.0


class Rate:
    """A token bucket for each client: `per_minute` tokens, refilled within a minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic):
        self.per_minute, self.clock = per_minute, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens left, and when

    def wait(self, client: str) -> float:
        """Seconds until the client may ask. If it may ask now, returns 0 and takes a token."""
        now = self.clock()
        left, then = self._left.pop(client, (float(self.per_minute), now))
        left = min(float(self.per_minute), left + (now - then) * self.per_minute / 60)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left), now
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) * 60 / self.per_minute


class Room:
    """Counts the questions inside, waiting or being answered, of each client and of all."""

    def __init__(self, limits: Limits):
        self.limits, self._inside = limits, Counter[str]()

    def full(self, client: str) -> bool:
        """Whether there is no room for another question of the client."""
        mine, all_of_them = self._inside[client], self._inside.total()
        return mine > self.limits.client_waiting or all_of_them > self.limits.waiting

    @contextmanager
    def inside(self, client: str) -> Iterator[None]:
        """Takes a place for the duration of the block."""
        self._inside[client] += 1
        try:
            yield
        finally:
            self._inside[client] -= 1
            self._inside += Counter()  # drops clients with a count of 0


def client_of(address: str) -> str:
    """The client that an address belongs to: in IPv6 its /64 network, as one client has all of that."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) and not parsed.is_loopback else address
