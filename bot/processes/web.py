"""The web process: the resident's page and the desk as one ASGI app. Composition only; never imports Rasa."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
import sqlalchemy as sa
import structlog
import uvicorn
from alembic.runtime.migration import MigrationContext
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

import bot.desk
from actions.access.rules import Refused
from actions.storage.migrate import code_head
from bot.api import tickets as api_tickets
from bot.api.tickets import Api, ApiError, answer_error
from bot.channels import links, progress
from bot.channels import web as chat
from bot.channels.files import MEGABYTE
from bot.channels.links import LinkedChat
from bot.desk import (
    attachments,
    auditing,
    authorisations,
    console,
    decisions,
    deeds,
    intake,
    people,
    places,
    powers,
    signin,
    stuck,
    subtickets,
    workbench,
)
from bot.desk.frame import Desk
from bot.desk.guard import COOKIE as STAFF_COOKIE
from bot.pages.errors import Elsewhere, PageError
from bot.pages.forms import wants_json
from bot.pages.hints import HintBoard
from bot.pages.parts import WebParts
from bot.pages.quiet import note
from bot.pages.render import Pages, Static
from bot.pages.shield import BODY_LIMIT, FileDoor, Shield
from bot.processes.parts import Parts

__all__ = ["PortTaken", "WebParts", "create_app", "run_web", "web_parts"]

log = structlog.get_logger(__name__)

CODES = {404: "not_found", 405: "wrong_method", 413: "too_large"}
GRACE_SECONDS = 3
STAFF_MEGABYTES = 20  # the most any field of config/tickets/lifecycle.yaml takes
CONCURRENCY = 500


class PortTaken(Exception):
    """Another program listens on this address already."""


def web_parts(parts: Parts) -> WebParts:
    """The parts of every process as the pages take them."""
    return WebParts(
        settings=parts.settings,
        database=parts.database,
        knowledge=parts.knowledge,
        gates=parts.gates,
        roles=parts.roles,
        lifecycle=parts.lifecycle,
        wake=parts.wake,
        redis_url=parts.redis_url,
        now=parts.now,
    )


def create_app(parts: WebParts) -> FastAPI:
    """The whole web side as an app."""
    board = HintBoard(parts.redis_url)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        # no more handlers at once than there are connections: the others queue here instead of failing there
        pool = parts.database.engine.pool
        anyio.to_thread.current_default_thread_limiter().total_tokens = max(4, pool.size() + pool._max_overflow)
        yield
        await board.stop()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=life, redirect_slashes=False)
    pages = Pages({"chat": chat.FOLDER, "desk": Path(bot.desk.__file__).parent})
    app.state.chat, app.state.desk = LinkedChat(parts, pages, board), Desk(parts, pages, board)
    app.state.api = Api(parts)
    app.add_middleware(Shield, pages=pages, doors=_file_doors(parts))
    for name, folder in pages.rooms.items():
        app.mount(f"/static/{name}", Static(directory=folder / "static"), name=f"static-{name}")
    rooms = (chat, progress, links, signin, console, attachments, workbench, deeds, decisions, authorisations, powers,
             places, stuck, subtickets, intake, people, auditing, api_tickets)
    for room in rooms:
        app.include_router(room.router)
    _pushed(app, parts)
    _probes(app, parts)
    _errors(app, pages)
    return app


def _file_doors(parts: WebParts) -> list[FileDoor]:
    """Where something large may come in: residents' photos and papers, and what staff put beside a form."""
    resident = parts.settings.upload_megabytes * MEGABYTE + BODY_LIMIT
    return [FileDoor("/chat/files", resident), FileDoor("/progress/do", resident),
            FileDoor("/desk/ticket/", STAFF_MEGABYTES * MEGABYTE + BODY_LIMIT, cookie=STAFF_COOKIE)]


def _pushed(app: FastAPI, parts: WebParts) -> None:
    """Telegram pushes to us only where the settings say so; otherwise its address does not exist."""
    token = parts.settings.telegram_token
    if token is None or parts.settings.telegram_updates != "webhook":
        return
    from bot.channels.telegram.channel import open_inbox
    from bot.channels.telegram.webhook import webhook_router

    inbox = open_inbox(parts.settings, parts.database, parts.accept_tools, parts.wake, parts.now)
    app.include_router(webhook_router(inbox, token))


def _probes(app: FastAPI, parts: WebParts) -> None:
    @app.get("/healthz")
    def health() -> Response:
        """The process and its database answer."""
        with parts.database.begin() as session:
            session.execute(sa.text("SELECT 1"))
        return JSONResponse({"ok": True})

    @app.get("/readyz")
    def ready() -> Response:
        """The database stands where this code expects it."""
        with parts.database.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        return JSONResponse({"ok": found == code_head(), "revision": found}, 200 if found == code_head() else 503)


def _errors(app: FastAPI, pages: Pages) -> None:
    app.add_exception_handler(ApiError, answer_error)

    @app.exception_handler(Refused)
    async def refused(request: Request, _: Refused) -> Response:
        return pages.error(request, "not_found")

    @app.exception_handler(PageError)
    async def page_error(request: Request, error: PageError) -> Response:
        route = request.scope.get("route")
        note(log.info, "refused", code=error.code, method=request.method, route=getattr(route, "path", None))
        return pages.error(request, error.code)

    @app.exception_handler(Elsewhere)
    async def elsewhere(request: Request, error: Elsewhere) -> Response:
        if wants_json(request) or "pane" in request.query_params or request.url.path == "/desk/stream":
            return JSONResponse({"error": "sign_in"}, error.api_status)
        return RedirectResponse(error.url, 303)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        return pages.error(request, CODES.get(error.status_code, "bad_request"), error.status_code)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, _: RequestValidationError) -> Response:
        return pages.error(request, "bad_request")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # a second web process stands beside: one may die
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{host}:{port} is taken by another program: stop it, or set YOUMEN_PORT") from None
        raise PortTaken(f"{host}:{port} cannot be listened on ({error.strerror}): set YOUMEN_HOST") from None
    door.set_inheritable(True)
    return door


def run_web(parts: WebParts) -> None:
    """Serves until SIGTERM or SIGINT. Raises PortTaken."""
    door = _listen(parts.settings.host, parts.settings.port)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(parts),
            ws="none",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONCURRENCY,
            log_config=None,
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="on",
        )
    )
    log.info("web_listens", address=parts.settings.address)
    server.run(sockets=[door])
