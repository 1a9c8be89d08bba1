"""The page behind a real socket: clients that dawdle, and addresses that are none."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
import uvicorn

from anzan.reader.reader import Reader
from anzan.web.app import make_app
from anzan.web.limits import Limits
from anzan.web.server import _protocol, listen


@contextmanager
def served(reader: Reader, seconds: float) -> Iterator[int]:
    """The port of a server that gives clients so many seconds to send a request."""
    place = listen("127.0.0.1", 0)
    app = make_app(reader, "m", Limits(request_seconds=seconds))
    config = uvicorn.Config(app, http=_protocol(seconds), log_level="error", timeout_keep_alive=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield place.getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.fixture
def port(reader: Reader) -> Iterator[int]:
    with served(reader, 1.0) as port:
        yield port


@pytest.fixture
def patient(reader: Reader) -> Iterator[int]:
    """The port of a server whose clients may be slow, as two hundred of them are on a busy machine."""
    with served(reader, 60.0) as port:
        yield port


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


def test_two_hundred_at_once_are_answered_or_refused(patient: int) -> None:
    """Some with bodies that are too large, some from another site, some with what would be a script."""
    form = {"passage": "Anna has 5 pens. Carl has <script>alert(1)</script> 9.", "question": "Who has more?"}
    good = urlencode(form).encode()
    kinds = [(good, {}), (b"a" * 700_000, {}), (good, {"Origin": "http://evil.example"}), (good, {})]
    statuses: list[tuple[int, int]] = []

    def send(i: int) -> None:
        body, headers = kinds[i % len(kinds)]
        client = HTTPConnection("127.0.0.1", patient, timeout=60)
        try:
            client.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded", **headers})
            response = client.getresponse()
            assert b"<script>" not in response.read()
            statuses.append((i % len(kinds), response.status))
        except OSError:  # refused before its body had been sent
            statuses.append((i % len(kinds), 413))
        finally:
            client.close()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    threads = [threading.Thread(target=send, args=(i,)) for i in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 200
    allowed = {0: {200, 429, 503}, 1: {413, 503}, 2: {403, 503}, 3: {200, 429, 503}}
    assert all(status in allowed[kind] for kind, status in statuses)
    assert sum(status == 200 for _, status in statuses) >= 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes; clients included
    client = HTTPConnection("127.0.0.1", patient, timeout=60)
    client.request("GET", "/")
    assert client.getresponse().status == 200


@pytest.mark.parametrize("host", ["nowhere.invalid", "é" * 80, "300.1.1.1"])
def test_an_address_that_is_none(host: str) -> None:
    with pytest.raises(ValueError, match=r"^--host .*: .*; choose another$"):
        listen(host, 0)
