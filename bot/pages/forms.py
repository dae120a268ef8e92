"""Reads what a browser posts, tidied, and refuses posts that another site sends in the visitor's name."""
from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from bot.pages.errors import PageError
from bot.settings import Settings

FIELDS, FILES = 40, 4
SAFE = {"GET", "HEAD"}
Handler = TypeVar("Handler", bound=Callable[..., Any])


# marks that turn the direction of what follows: words could be made to read as others
TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def straight(text: str) -> str:
    """The text without marks that turn its direction."""
    return text.translate(TURNS)


def tidy(text: str) -> str:
    """The text as it may be stored: one kind of line end, no control or turning marks, no half characters."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
    return "".join(letter for letter in straight(whole) if letter in "\n\t" or unicodedata.category(letter) != "Cc")


def blank(text: str) -> bool:
    """True if nobody could read anything in it: spaces, marks without width."""
    return all(unicodedata.category(letter)[0] in "ZC" for letter in text)


def _plain(value: Any) -> str | None:
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, (str, int)) else None


def takes_files(handler: Handler) -> Handler:
    """Marks a route whose form may bring files; everywhere else a file ends the request."""
    handler.takes_files = True  # type: ignore[attr-defined]
    return handler


async def fields(request: Request) -> dict[str, str]:
    """The posted form or JSON object as text by name; empty for a GET. Raises PageError for what is neither."""
    request.state.files = {}
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
        try:
            most = FILES if getattr(request.scope.get("endpoint"), "takes_files", False) else 0
            async with request.form(max_files=most, max_fields=FIELDS) as form:
                pairs = list(form.multi_items())
                brought = [(tidy(name), one) for name, one in pairs if isinstance(one, UploadFile)]
                request.state.files = {name: await one.read() for name, one in brought}
        except (ValueError, LookupError):  # broken parts, no boundary, a character set that nobody knows
            raise PageError("bad_request") from None
    return {tidy(str(name)): tidy(text) for name, value in pairs[:FIELDS] if (text := _plain(value)) is not None}


def files(request: Request, _: dict[str, str] = Depends(fields)) -> dict[str, bytes]:
    """The files that came beside the form, by the name of their field."""
    found: dict[str, bytes] = request.state.files
    return found


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
    host, home = request.headers.get("host", "").lower(), urlsplit(settings.address.lower())
    try:
        theirs = urlsplit(origin.lower())
    except ValueError:
        raise PageError("foreign") from None
    # behind a proxy that speaks https for us we hear http: only for the host we are asked by is the scheme open
    ours = theirs.netloc == home.netloc and theirs.scheme == home.scheme
    asked = theirs.netloc == host and theirs.scheme in ("http", "https")
    if not theirs.netloc or not (ours or asked):
        raise PageError("foreign")
