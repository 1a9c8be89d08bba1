"""What the page lets in: how much, how often, and from where."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_CLIENTS = 10_000
"""Clients whose requests are counted; of more, those that were silent longest are forgotten."""


@dataclass(frozen=True)
class Limits:
    """Of a request, of a client, and of the page as a whole.

    Attributes:
        body: bytes of a request.
        characters: of a passage; a question may have a tenth of it.
        numbers: in passage and question together.
        per_minute: questions of one client (address), with as many in a burst.
        waiting: questions of all clients that wait for their turn, one being answered at a time.
        body_seconds: how long a client may take to send a request.
    """

    body: int = 200_000
    characters: int = 20_000
    numbers: int = 100
    per_minute: int = 60
    waiting: int = 32
    body_seconds: float = 10.0


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
