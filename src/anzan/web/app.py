"""The page's server: one route, forms in, HTML out.

Starlette and uvicorn rather than a toolkit for demos: a page without a script has nothing to inject into, needs nothing
from another site, works from a keyboard, on a phone and in a screen reader as it is, and takes no uploads.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio.to_thread
import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from anzan.reader.answers import Reader
from anzan.web.asking import Asked, CannotAnswer, ask, edited
from anzan.web.examples import EXAMPLES
from anzan.web.limits import Limits, Rate
from anzan.web.view import View, render

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names under which a page that is bound to loopback may be asked for: another site's name must not lead here."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_FORM = "application/x-www-form-urlencoded"
_FIELDS = 1000


class Refused(Exception):
    """A request that is not answered; the message is for the person who sent it."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


class Page:
    """A reader behind the page. One question is answered at a time; so many wait as `limits` says."""

    def __init__(self, reader: Reader, model: str, limits: Limits, hosts: tuple[str, ...] | None):
        self.reader, self.model, self.limits, self.hosts = reader, model, limits, hosts
        self.rate, self.turn, self.inside = Rate(limits.per_minute), asyncio.Lock(), 0

    async def show(self, request: Request) -> Response:
        """The empty page, or with a form the answer to it."""
        if self.hosts is not None and _host(request) not in self.hosts:
            raise Refused(421, "This page is for the machine that it runs on; --host lets others in.")
        if request.method != "POST":
            return _html(View(self.model))
        form = await self._form(request)
        view = View(self.model, form.get("passage", ""), form.get("question", ""))
        if (example := form.get("example", "")) in _EXAMPLES:
            view = View(self.model, *_EXAMPLES[example])
        try:
            for name, given, most in (
                ("passage", view.passage, self.limits.characters),
                ("question", view.question, self.limits.characters // 10),
            ):
                if len(given) > most:
                    raise CannotAnswer(f"The {name} has {len(given):,} characters and this page takes {most:,}.")
            asked, before = await self._ask(request, view, _edits(form))
        except CannotAnswer as error:
            return _html(View(self.model, view.passage, view.question, fault=str(error)), 422)
        e = asked.explanation
        return _html(View(self.model, e.passage, e.question, asked, before))

    async def _form(self, request: Request) -> dict[str, str]:
        _same_site(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise Refused(415, "This page takes its own form and nothing else.")
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self.limits.body:
                        raise Refused(413, f"This page takes {self.limits.body:,} bytes at most: shorten the passage.")
        except TimeoutError:
            raise Refused(408, "The request took too long to arrive.") from None
        try:
            fields = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_FIELDS)
        except ValueError:
            raise Refused(413, "This form has too many fields.") from None
        # A form sends every line break as two characters.
        return {name: value.replace("\r\n", "\n") for name, value in fields}

    async def _ask(self, request: Request, view: View, edits: Mapping[int, str]) -> tuple[Asked, Asked | None]:
        client = request.client.host if request.client else ""
        if wait := self.rate.wait(client):
            seconds = math.ceil(wait)
            raise Refused(429, f"Too many questions: ask again in {seconds} s.", {"Retry-After": str(seconds)})
        if self.inside > self.limits.waiting:
            raise Refused(503, "Too many people are asking just now: try again in a moment.", {"Retry-After": "5"})
        self.inside += 1
        try:
            async with self.turn:
                return await anyio.to_thread.run_sync(self._answers, view.passage, view.question, edits)
        finally:
            self.inside -= 1

    def _answers(self, passage: str, question: str, edits: Mapping[int, str]) -> tuple[Asked, Asked | None]:
        now = edited(passage, question, edits)
        asked = ask(self.reader, *now, self.limits.numbers)
        return asked, None if now == (passage, question) else ask(self.reader, passage, question, self.limits.numbers)


_EXAMPLES = {str(i): example for i, example in enumerate(EXAMPLES, 1)}


def make_app(
    reader: Reader, model: str, limits: Limits | None = None, hosts: tuple[str, ...] | None = LOOPBACK
) -> Starlette:
    """The page as an ASGI application.

    Args:
        reader: who answers.
        model: its name, to be shown.
        limits: of requests.
        hosts: the names under which the page may be asked for; None for any.
    """
    shown = Page(reader, model, limits or Limits(), hosts)

    async def refused(_: Request, error: Any) -> Response:
        return _html(View(model, fault=error.message), error.status, error.headers)

    async def not_here(_: Request, error: Any) -> Response:
        return _html(View(model, fault=f"{error.detail}."), error.status_code, error.headers or {})

    async def gone(_: Request, __: Any) -> Response:
        return Response(status_code=400)

    async def failed(_: Request, __: Exception) -> Response:
        return _html(View(model, fault="Something went wrong here; the server's log says what."), 500)

    return Starlette(
        routes=[Route("/", shown.show, methods=["GET", "POST"])],
        exception_handlers={
            Refused: refused,
            HTTPException: not_here,
            ClientDisconnect: gone,
            Exception: failed,
        },
    )


def serve(reader: Reader, model: str, host: str, port: int, limits: Limits, log: Console) -> None:
    """Serve the page until it is interrupted; `port` 0 is any that is free.

    Raises:
        ValueError: nothing can listen there.
    """
    try:
        place = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ValueError(
            f"--host {host} --port {port}: {(error.strerror or str(error)).partition(' (')[0]}; choose another"
        ) from None
    hosts = LOOPBACK if host in LOOPBACK else None
    if hosts is None:
        log.print(f"{host} is not loopback: whoever reaches this machine can ask")
    config = uvicorn.Config(
        make_app(reader, model, limits, hosts),
        log_level="warning",
        proxy_headers=False,  # the address that a request claims to come from is not one to count by
        server_header=False,
        limit_concurrency=256,
        timeout_keep_alive=5,
    )
    shown = f"[{host}]" if ":" in host else host
    log.print(f"http://{shown}:{place.getsockname()[1]}  (Ctrl-C ends it)")
    with place, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[place])


def _host(request: Request) -> str | None:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return None


def _edits(form: Mapping[str, str]) -> dict[int, str]:
    named = {name.removeprefix("edit-"): value for name, value in form.items() if name.startswith("edit-")}
    return {int(i): value for i, value in named.items() if i.isascii() and i.isdigit() and len(i) < 6}


def _same_site(request: Request) -> None:
    """Other sites' pages have no business here, though there is nothing to steal: an answer costs time."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in (None, "same-origin", "none")
    if origin is not None and origin != "null":
        foreign |= urlsplit(origin).netloc != request.headers.get("host")
    if foreign or (origin == "null" and site is None):
        raise Refused(403, "This form was sent from another site.")


def _html(view: View, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # A lone surrogate is no character; what cannot be encoded is shown as a question mark.
    content = render(view).encode("utf-8", "replace")
    return HTMLResponse(content, status, {**_HEADERS, **(headers or {})})
