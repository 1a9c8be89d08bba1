"""The web page as an ASGI application: one route that takes forms and returns HTML.

It uses Starlette and uvicorn rather than a toolkit for demos: a page without scripts offers nothing to inject into,
loads nothing from other sites, accepts no uploads, and works with a keyboard, a phone or a screen reader.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from anzan.reader import Answer, Reader
from anzan.web.asking import Asked, CannotAnswer, ask, check_length, check_numbers, edited, find_places
from anzan.web.examples import EXAMPLES
from anzan.web.limits import Limits, Rate, Room, client_of
from anzan.web.view import Before, View, render

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send our own form with `Origin: null`
    "Cache-Control": "private, no-cache",
}
_FORM = "application/x-www-form-urlencoded"
_FIELDS = 1000
_LOG = logging.getLogger(__name__)


class Refused(Exception):
    """The request is refused; the message is shown on the page."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


class Page:
    """Answers requests with a reader, one question at a time; `limits` says how many may wait."""

    def __init__(self, reader: Reader, model: str, limits: Limits, names: Collection[str], addresses: bool):
        self.reader, self.model, self.limits = reader, model, limits
        self.names, self.addresses = frozenset(names), addresses
        self.rate, self.room, self.turn = Rate(limits.per_minute), Room(limits), asyncio.Lock()
        self.calculates = bool(reader.text_encoder.calculator.operations)

    async def show(self, request: Request) -> Response:
        """The empty page or, for a submitted form, the answer. What was typed is kept in every case."""
        self._check_name(request)
        view = View(self.model, self.calculates)
        if request.method != "POST":
            return _html(view)
        form = await self._form(request)
        view = replace(view, passage=form.get("passage", ""), question=form.get("question", ""))
        if (example := form.get("example", "")) in _EXAMPLES:
            view, form = replace(view, passage=_EXAMPLES[example][0], question=_EXAMPLES[example][1]), {}
        before = form.get("asked-passage", view.passage), form.get("asked-question", view.question)
        edits: dict[int, str] = {}
        try:
            for texts in ((view.passage, view.question), before):  # before they are searched for numbers
                check_length(*texts, self.limits.characters)
            edits = _edits(form, *before)
            answered = await self._answered(request, view, before, edits)
        except CannotAnswer as error:
            return _html(_at_fault(view, str(error), before, edits), 422)
        except Refused as refused:
            return _html(_at_fault(view, refused.message, before, edits), refused.status, refused.headers)
        except ClientDisconnect:
            raise
        except Exception:
            _LOG.exception("a question could not be answered")
            fault = "Something went wrong; the server's log has the details."
            return _html(_at_fault(view, fault, before, edits), 500)
        return _html(answered)

    async def _answered(self, request: Request, view: View, before: tuple[str, str], edits: Mapping[int, str]) -> View:
        texts = view.passage, view.question
        if edits and texts != before:
            raise CannotAnswer(
                "Both the text and its numbers were changed, and the numbers belong to the earlier text: "
                "change one or the other."
            )
        now = edited(*texts, edits)
        check_length(*now, self.limits.characters)
        check_numbers(*now, self.limits.numbers)
        client = client_of(request.client.host if request.client else "")
        if self.room.full(client):
            raise Refused(503, "Too many questions are waiting: try again in a moment.", {"Retry-After": "5"})
        if wait := self.rate.wait(client):
            seconds = math.ceil(wait)
            raise Refused(429, f"Too many questions: ask again in {seconds} s.", {"Retry-After": str(seconds)})
        with self.room.inside(client):
            async with self.turn:
                if await request.is_disconnected():
                    raise ClientDisconnect
                asked, answer = await anyio.to_thread.run_sync(self._asked, now, texts)
        shown = replace(view, passage=now[0], question=now[1], asked=asked)
        return shown if answer is None else replace(shown, before=Before(answer, find_places(*texts)))

    def _asked(self, now: tuple[str, str], before: tuple[str, str]) -> tuple[Asked, Answer | None]:
        return ask(self.reader, *now), None if now == before else self.reader.ask(*before)

    def _check_name(self, request: Request) -> None:
        """Refuse host names of other sites: their pages could otherwise read the answers (DNS rebinding)."""
        try:
            name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        except ValueError:
            name = ""
        if name not in self.names and not (self.addresses and _is_address(name)):
            raise Refused(421, "This server does not accept that host name; --host and --name allow others.")

    async def _form(self, request: Request) -> dict[str, str]:
        _same_site(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise Refused(415, "This page accepts only its own form.")
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.request_seconds):
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
        # Browsers submit every line break as two characters.
        return {name: value.replace("\r\n", "\n") for name, value in fields}


_EXAMPLES = {str(i): example for i, example in enumerate(EXAMPLES, 1)}


def make_app(
    reader: Reader,
    model: str,
    limits: Limits | None = None,
    names: Collection[str] = LOOPBACK,
    addresses: bool = False,
) -> Starlette:
    """The page as an ASGI application.

    Args:
        reader: answers the questions.
        model: the name to show for it.
        limits: on requests; by default `Limits()`.
        names: host names under which the page may be requested.
        addresses: whether it may also be requested under any IP address.
    """
    shown = Page(reader, model, limits or Limits(), names, addresses)
    empty = View(model, shown.calculates)

    async def refused(_: Request, error: Any) -> Response:
        # The rest of the request may be unread, so the connection must close.
        return _html(replace(empty, fault=error.message), error.status, {**error.headers, "Connection": "close"})

    async def not_here(_: Request, error: Any) -> Response:
        return _html(replace(empty, fault=f"{error.detail}."), error.status_code, error.headers or {})

    async def gone(_: Request, __: Any) -> Response:
        return Response(status_code=400)

    return Starlette(
        routes=[Route("/", shown.show, methods=["GET", "POST"])],
        exception_handlers={Refused: refused, HTTPException: not_here, ClientDisconnect: gone},
    )


def _edits(form: Mapping[str, str], passage: str, question: str) -> dict[int, str]:
    """The numbers that were changed, by their index in `find_places`."""
    places = find_places(passage, question)
    typed = {i: form[f"edit-{i}"].strip() for i in range(len(places)) if f"edit-{i}" in form}
    return {i: new for i, new in typed.items() if new != places[i].shown}


def _at_fault(view: View, fault: str, before: tuple[str, str], edits: Mapping[int, str]) -> View:
    return replace(view, fault=fault, edits=dict(edits), edited=before if edits else None)


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


def _same_site(request: Request) -> None:
    """Refuse forms from other sites: there is nothing to steal, but every answer takes time."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in (None, "same-origin", "none")
    if origin is not None and not (origin == "null" and site == "same-origin"):
        foreign |= origin.partition("://")[2] != request.headers.get("host")
    if foreign:
        raise Refused(403, "This form was sent from another site.")


def _html(view: View, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # Lone surrogates cannot be encoded; they become question marks.
    content = render(view).encode("utf-8", "replace")
    return HTMLResponse(content, status, {**_HEADERS, **(headers or {})})
