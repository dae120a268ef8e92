"""Renders templates: filters for times and durations, addresses of static files, the error page."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException

from actions.due.clock import SHANGHAI
from bot.pages.errors import STATUS
from bot.pages.forms import straight, wants_json

HERE = Path(__file__).parent
_DIAL = re.compile(r"(?<!\d)(110|119|120)(?!\d)")


def clock(moment: datetime) -> str:
    """19:30, Asia/Shanghai."""
    return moment.astimezone(SHANGHAI).strftime("%H:%M")


def stamp(moment: datetime) -> str:
    """2026-11-21 19:30, Asia/Shanghai."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def last(moment: datetime) -> str:
    """The last minute before an end that is midnight: what ends with a day is not told as the next one."""
    return stamp(moment - timedelta(minutes=1))


def fromiso(text: str) -> datetime:
    """A moment as it stands in JSON."""
    return datetime.fromisoformat(text)


def iso(moment: datetime) -> str:
    """With seconds and offset, for the browser to count from."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")


def dial(text: str) -> Markup:
    """The text, escaped, with the three emergency numbers ready to be tapped."""
    return Markup(_DIAL.sub(r'<a href="tel:\1">\1</a>', str(escape(text))))


def _shown(value: Any) -> Any:
    return straight(value) if isinstance(value, str) else value


class Static(StaticFiles):
    """Static files; their addresses carry a hash of their content, so they never have to be asked for twice."""

    async def get_response(self, path: str, scope: Any) -> Response:
        if "\0" in path:  # no file can be called so
            raise HTTPException(404)
        return await super().get_response(path, scope)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


class Pages:
    """The templates and static files of several rooms; "desk/ticket.html" is `ticket.html` of the room "desk"."""

    def __init__(self, rooms: Mapping[str, Path]) -> None:
        self.rooms = {"pages": HERE, **rooms}
        self._env = jinja2.Environment(
            loader=jinja2.PrefixLoader({
                room: jinja2.FileSystemLoader(folder / "templates") for room, folder in self.rooms.items()}),
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
            finalize=_shown,
        )
        self._env.filters.update(clock=clock, stamp=stamp, last=last, iso=iso, fromiso=fromiso, dial=dial)
        self._env.globals["static"] = self.static
        self._versions: dict[str, str] = {}

    def static(self, name: str) -> str:
        """The address of a static file, such as "desk/desk.css"."""
        if name not in self._versions:
            room, _, path = name.partition("/")
            content = (self.rooms[room] / "static" / path).read_bytes()
            self._versions[name] = hashlib.sha256(content).hexdigest()[:12]
        return f"/static/{name}?v={self._versions[name]}"

    def html(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page or fragment."""
        return HTMLResponse(self._env.get_template(template).render(**values), status)

    def error(self, request: Request, code: str, status: int | None = None) -> Response:
        """The friendly page of an error, or its code for a script. It says nothing that depends on the request."""
        status = status or STATUS[code]
        if wants_json(request):
            return JSONResponse({"error": code}, status)
        return self.html("pages/error.html", status, code=code, staff=request.scope["path"].startswith("/desk"))
