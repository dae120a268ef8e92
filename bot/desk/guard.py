"""The door of the desk: a route says which permission it needs; one that says nothing is open to nobody."""
from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any, Callable, TypeVar
from urllib.parse import quote

from fastapi import Depends, Request

from actions.access.queries import must_change_password, signed_in
from actions.access.rules import Refused, Viewer
from bot.pages.errors import Elsewhere, PageError
from bot.pages.forms import SAFE, fields, require_same_site
from bot.pages.parts import WebParts

COOKIE = "ym_desk"
SIGNED_IN, ANYONE = "(signed in)", "(anyone)"
Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Visit:
    """One request of a signed-in staff member."""

    viewer: Viewer
    csrf: str
    token: str
    must_change: bool


def needs(permission: str) -> Callable[[Handler], Handler]:
    """Declares what a route needs: a permission, SIGNED_IN or ANYONE."""

    def declare(handler: Handler) -> Handler:
        handler.desk_needs = permission  # type: ignore[attr-defined]
        return handler

    return declare


def same(left: str, right: str) -> bool:
    """True if both are the same secret; takes the same time either way."""
    return hmac.compare_digest(left.encode(), right.encode())


def make_guard(parts: WebParts) -> Callable[..., Visit | None]:
    """The dependency every route of the desk runs first."""

    def guard(request: Request, sent: dict[str, str] = Depends(fields)) -> Visit | None:
        """Raises Refused, Elsewhere (to the sign-in page) or PageError."""
        permission = getattr(request.scope["endpoint"], "desk_needs", None)
        if request.method not in SAFE:
            require_same_site(request, parts.settings)
        if permission == ANYONE:
            return None
        token = request.cookies.get(COOKIE, "")
        with parts.database.begin() as session:
            found = signed_in(session, token, parts.roles, parts.now())
            must_change = found is not None and must_change_password(session, found[0])
        if found is None:
            here = request.url.path if request.method in SAFE else "/desk"
            raise Elsewhere(f"/desk/login?next={quote(here)}")
        viewer, csrf = found
        if request.method not in SAFE and not same(sent.get("csrf", ""), csrf):
            raise PageError("csrf")
        if permission is None:
            raise Refused("this route declares nothing")
        if permission != SIGNED_IN:
            if must_change:
                raise Elsewhere("/desk/password", 403)
            viewer.require(permission)
        return Visit(viewer, csrf, token, must_change)

    return guard
