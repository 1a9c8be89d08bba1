"""Serving the page with uvicorn, with checked host names and timeouts for slow clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import uvicorn
from rich.console import Console
from uvicorn.protocols.http.h11_impl import H11Protocol

from anzan.errors import AnzanError
from anzan.reader.reader import Reader
from anzan.web.app import LOOPBACK, make_app
from anzan.web.limits import Limits


def serve(
    reader: Reader, model: str, place: socket.socket, limits: Limits, log: Console, names: Collection[str] = ()
) -> None:
    """Serve the page on a listening socket until interrupted.

    On loopback only loopback's host names and `names` are accepted, elsewhere any IP address too. The names of other
    sites are refused.
    """
    address, port, *_ = place.getsockname()
    local = ip_address(address).is_loopback
    config = uvicorn.Config(
        make_app(reader, model, limits, names=(*LOOPBACK, *names), addresses=not local),
        http=_protocol(limits.request_seconds),
        log_level="warning",
        proxy_headers=False,  # rate limits must not use an address that the client claims
        server_header=False,
        limit_concurrency=256,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
    )
    if not local:
        log.print(f"{address} is not loopback: anyone who can reach this machine can ask questions")
    log.print(f"http://{f'[{address}]' if ':' in address else address}:{port}  (press Ctrl-C to stop)")
    with place, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[place])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `port` 0 picks any free port.

    Raises:
        ValueError: the address cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (")[0]
        raise AnzanError(f"--host {host} --port {port}: {reason}; choose another") from None


def _protocol(seconds: float) -> type[asyncio.Protocol]:
    class Impatient(H11Protocol):
        """Closes a connection that has not sent a complete request head in time; uvicorn itself has no such timeout."""

        deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait()

        def _wait(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
            self.deadline = self.loop.call_later(seconds, self._give_up)

        def _give_up(self) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    return Impatient
