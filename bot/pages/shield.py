"""Stands before every page: safe headers, a limit for bodies, and errors that show one friendly sentence."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy.exc
import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.pages.errors import STATUS
from bot.pages.quiet import note
from bot.pages.render import HERE, Pages

log = structlog.get_logger(__name__)

BODY_LIMIT = 64 * 1024
BODY_SECONDS = 10.0
FILE_SECONDS = 60.0
LAST_RESORT = HERE / "templates" / "last_resort.html"
HEADERS = {
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    # tells other sites nothing; "no-referrer" would also make browsers hide from us where a post comes from
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
NOT_NOW = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError)


def where(error: BaseException) -> str:
    """File and line of the innermost frame: enough to find the fault, without what was said."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"


@dataclass(frozen=True)
class FileDoor:
    """An address to which a file may come: what it begins with, bytes at most, the cookie without which it is shut."""

    path: str
    most: int
    cookie: str | None = None

    def lets_in(self, request: Request) -> bool:
        """Whether this request may be large."""
        return request.url.path.startswith(self.path) and (self.cookie is None or self.cookie in request.cookies)


class Shield:
    """ASGI middleware; streams pass through it untouched. Nothing large is taken but at the `doors` for files."""

    def __init__(self, app: ASGIApp, pages: Pages, body_seconds: float = BODY_SECONDS,
                 doors: Sequence[FileDoor] = ()) -> None:
        self.app, self.pages, self.body_seconds, self.doors = app, pages, body_seconds, doors
        self._last_resort = LAST_RESORT.read_bytes()  # read now: later there may be nothing left to read with

    def _answer(self, request: Request, code: str) -> Response:
        """The page of an error; plain words that need no template when even that one fails."""
        try:
            return self.pages.error(request, code)
        except Exception:  # the fault itself is logged by whoever asked for this page; a person must still get words
            return HTMLResponse(self._last_resort, STATUS.get(code, 500))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def sealed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        try:
            body, refusal = b"", None if _readable_host(request) else "bad_request"
            if refusal is None and scope["method"] not in ("GET", "HEAD"):
                try:
                    door = next((one for one in self.doors if one.lets_in(request)), None)
                    limit, seconds = (door.most, FILE_SECONDS) if door else (BODY_LIMIT, self.body_seconds)
                    body = await asyncio.wait_for(_read(request, receive, limit), seconds)
                except asyncio.TimeoutError:
                    refusal = "too_slow"
                except TooLarge:
                    refusal = "too_large"
                receive = _replay(body, receive)
            if refusal is None:
                await self.app(scope, receive, sealed)
                return
            await self._answer(request, refusal)(scope, receive, sealed)
            note(log.warning, "refused", code=refusal, method=scope["method"])
        except ClientDisconnect:
            return
        except Exception as error:  # whatever it is: one sentence to the reader, one line without personal data to us
            code = "busy" if isinstance(error, NOT_NOW) else "broken"
            try:
                if not started:
                    await self._answer(request, code)(scope, receive, sealed)
            finally:  # first the answer, then our own books
                note(log.error, "page_failed", code=code, method=scope["method"],
                     route=getattr(scope.get("route"), "path", None), error=type(error).__name__, where=where(error))


class TooLarge(Exception):
    """The body is more than we take."""


def _readable_host(request: Request) -> bool:
    """False for a Host that no address can be made of; every address of a request is made with it."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").port is not False
    except ValueError:
        return False


async def _read(request: Request, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it is more than we take."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > limit:
        raise TooLarge()
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect()
        body += message.get("body", b"")
        if len(body) > limit:
            raise TooLarge()
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Any:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
