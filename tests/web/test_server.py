"""The page behind a real socket: clients that dawdle, and addresses that are none."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import uvicorn

from anzan.reader.answers import Reader
from anzan.web.app import make_app
from anzan.web.limits import Limits
from anzan.web.server import _protocol, listen


@pytest.fixture
def port(reader: Reader) -> Iterator[int]:
    """Clients have a second to send a request."""
    place = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        make_app(reader, "m", Limits(request_seconds=1)), http=_protocol(1.0), log_level="error", timeout_keep_alive=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield place.getsockname()[1]
    server.should_exit = True
    thread.join()


def ended_after(client: socket.socket) -> float:
    started = time.monotonic()
    client.settimeout(10)
    while client.recv(1 << 16):
        pass
    return time.monotonic() - started


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT"]
)
def test_a_client_that_says_nothing_more_is_let_go(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(sent)
        assert ended_after(client) < 3


def test_a_body_that_is_too_large_ends_the_connection(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(head + b"Content-Length: 100000000\r\n\r\n" + b"a" * 700_000)
        client.settimeout(10)
        assert b" 413 " in client.recv(100)
        with suppress(ConnectionResetError):
            assert ended_after(client) < 3


def test_whoever_is_quick_is_answered_beside_many_that_are_not(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for client in slow:
        client.sendall(b"POST / HTTP/1.1\r\nHost: lo")
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        client.settimeout(10)
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    for client in slow:
        client.close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "é" * 80, "300.1.1.1"])
def test_an_address_that_is_none(host: str) -> None:
    with pytest.raises(ValueError, match=r"^--host .*: .*; choose another$"):
        listen(host, 0)
