"""The frame around every page of the desk: who is signed in, what the menu shows, the fragments of live panes."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from actions.access.rules import Viewer
from bot.desk.strangers import Strangers
from bot.pages.errors import PageError
from bot.pages.hints import HintBoard
from bot.pages.limits import Limit
from bot.pages.parts import WebParts
from bot.pages.render import Pages

MOST, MOST_SECONDS = 30, 60
# in the address of the page that follows a deed: which command was done, or just that something was
DONE, SOMETHING = "done", "yes"
HASHINGS = 2


class Desk:
    """What the routes of the desk share."""

    def __init__(self, parts: WebParts, pages: Pages, board: HintBoard) -> None:
        self.parts, self.pages, self.board = parts, pages, board
        self.limit = Limit(parts.redis_url, "login", MOST, MOST_SECONDS)
        self.strangers = Strangers(parts.redis_url, parts.keys)
        self.secure = parts.settings.secure_cookies
        self._hashing = BoundedSemaphore(HASHINGS)

    @contextmanager
    def hashing(self) -> Iterator[None]:
        """A place for one password hashing. Raises PageError when all are taken: the processor is for everybody."""
        if not self._hashing.acquire(blocking=False):
            raise PageError("busy")
        try:
            yield
        finally:
            self._hashing.release()


def the_desk(request: Request) -> Desk:
    """The desk of this app."""
    desk: Desk = request.app.state.desk
    return desk


@dataclass(frozen=True)
class Visit:
    """One request of a signed-in staff member."""

    desk: Desk
    viewer: Viewer
    csrf: str
    token: str
    must_change: bool
    done: str = ""  # what the page before this one has done

    @property
    def parts(self) -> WebParts:
        """What the pages need."""
        return self.desk.parts

    def html(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page or a fragment: with the viewer, the csrf value and the time of the server."""
        done = self.parts.lifecycle.commands.get(self.done)
        unit_name = self.parts.unit_names.get(self.viewer.unit_id or "", "")
        return self.desk.pages.html(
            template, status, viewer=self.viewer, csrf=self.csrf, must_change=self.must_change, now=self.parts.now(),
            unit_name=unit_name, beat_seconds=self.parts.knowledge.desk.beat_seconds,
            rules_wrong=self.parts.knowledge.rules_wrong, saved=bool(self.done),
            done="" if done is None else done.title, **values)


def saved(to: str, command: str = SOMETHING) -> RedirectResponse:
    """To the page after a deed, which says that it is done."""
    return RedirectResponse(f"{to}?{DONE}={command}", 303)


def pane_of(request: Request, panes: Mapping[str, str]) -> str | None:
    """The template of the one pane a live page asks for; None: the whole page."""
    return panes.get(request.query_params.get("pane", ""))
