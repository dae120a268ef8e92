"""Reads what a browser posts, tidied, and refuses posts that another site sends in the visitor's name."""
from __future__ import annotations

import json
import unicodedata
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

from bot.pages.errors import PageError
from bot.settings import Settings

FIELDS = 40
SAFE = {"GET", "HEAD"}


def tidy(text: str) -> str:
    """The text as it may be stored: one kind of line end, no control characters, no half characters."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
    return "".join(letter for letter in whole if letter in "\n\t" or unicodedata.category(letter) != "Cc")


def blank(text: str) -> bool:
    """True if nobody could read anything in it: spaces, marks without width."""
    return all(unicodedata.category(letter)[0] in "ZC" for letter in text)


def _plain(value: Any) -> str | None:
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, (str, int)) else None


async def fields(request: Request) -> dict[str, str]:
    """The posted form or JSON object as text by name; empty for a GET. Raises PageError for what is neither."""
    if request.method in SAFE:
        return {}
    if request.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json":
        try:
            data = json.loads(await request.body() or b"{}")
        except (ValueError, RecursionError):
            raise PageError("bad_request") from None
        if not isinstance(data, dict):
            raise PageError("bad_request")
        pairs = list(data.items())
    else:
        async with request.form(max_files=0, max_fields=FIELDS) as form:
            pairs = list(form.multi_items())
    return {tidy(str(name)): tidy(text) for name, value in pairs[:FIELDS] if (text := _plain(value)) is not None}


def wants_json(request: Request) -> bool:
    """True where a script asks: it gets codes, not pages."""
    return "application/json" in request.headers.get("accept", "") or request.headers.get(
        "content-type", "").startswith("application/json")


def require_same_site(request: Request, settings: Settings) -> None:
    """Raises PageError when a browser says that this post comes from another site.

    Browsers always name the origin of a post; whoever names none is no browser and carries nobody's cookie by mistake.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise PageError("foreign")
    origin = request.headers.get("origin")
    if origin is None:
        return
    ours = {request.headers.get("host", ""), urlsplit(settings.address).netloc}
    if urlsplit(origin).netloc not in ours - {""}:
        raise PageError("foreign")
