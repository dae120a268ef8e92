"""Stands before every page: safe headers, a limit for bodies, and errors that show one friendly sentence."""
from __future__ import annotations

from typing import Any

import sqlalchemy.exc
import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.pages.render import Pages

log = structlog.get_logger(__name__)

BODY_LIMIT = 64 * 1024
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


class Shield:
    """ASGI middleware; streams pass through it untouched."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self.app, self.pages = app, pages

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
            if scope["method"] not in ("GET", "HEAD"):
                body = await _read(request, receive)
                if body is None:
                    log.warning("body_too_large", method=scope["method"])
                    await self.pages.error(request, "too_large")(scope, receive, sealed)
                    return
                receive = _replay(body, receive)
            await self.app(scope, receive, sealed)
        except ClientDisconnect:
            return
        except Exception as error:  # whatever it is: one sentence to the reader, one line without personal data to us
            code = "busy" if isinstance(error, NOT_NOW) else "broken"
            route = scope.get("route")
            log.error("page_failed", code=code, method=scope["method"], route=getattr(route, "path", None),
                      error=type(error).__name__, where=where(error))
            if not started:
                await self.pages.error(request, code)(scope, receive, sealed)


async def _read(request: Request, receive: Receive) -> bytes | None:
    """The whole body, or None as soon as it is more than we take."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > BODY_LIMIT:
        return None
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body", False):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Any:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
