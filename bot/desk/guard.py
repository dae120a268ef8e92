"""The door of the desk: a route says which permission it needs; one that says nothing is open to nobody."""
from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, Request

from actions.access.queries import must_change_password, signed_in
from actions.access.rules import Refused
from bot.desk.frame import DONE, Desk, Visit, the_desk
from bot.pages.errors import Elsewhere, PageError
from bot.pages.forms import SAFE, fields, require_same_site

COOKIE = "ym_desk"
SIGNED_IN, ANYONE = "(signed in)", "(anyone)"
Handler = TypeVar("Handler", bound=Callable[..., Any])


def needs(permission: str) -> Callable[[Handler], Handler]:
    """Declares what a route needs: a permission, SIGNED_IN or ANYONE."""

    def declare(handler: Handler) -> Handler:
        handler.desk_needs = permission  # type: ignore[attr-defined]
        return handler

    return declare


def same(left: str, right: str) -> bool:
    """True if both are the same secret; takes the same time either way."""
    return hmac.compare_digest(left.encode(), right.encode())


def door(request: Request, desk: Desk = Depends(the_desk), sent: dict[str, str] = Depends(fields)) -> Visit | None:
    """What every route of the desk runs first. None only where anyone may come in.

    Raises Refused, Elsewhere (to the sign-in page) or PageError.
    """
    permission = getattr(request.scope["endpoint"], "desk_needs", None)
    writes = request.method not in SAFE
    if writes:
        require_same_site(request, desk.parts.settings)
    if permission == ANYONE:
        return None
    token = request.cookies.get(COOKIE, "")
    with desk.parts.database.begin() as session:
        found = signed_in(session, token, desk.parts.roles, desk.parts.now())
        must_change = found is not None and must_change_password(session, found[0])
    if found is None:
        raise Elsewhere(f"/desk/login?next={quote('/desk' if writes else request.url.path)}")
    viewer, csrf = found
    if writes and not same(sent.get("csrf", ""), csrf):
        raise PageError("csrf")
    if permission is None:
        raise Refused("this route declares nothing")
    if permission != SIGNED_IN:
        if must_change:
            raise Elsewhere("/desk/password", 403)
        viewer.require(permission)
    return Visit(desk, viewer, csrf, token, must_change, "" if writes else request.query_params.get(DONE, ""))


def staff(visit: Visit | None = Depends(door)) -> Visit:
    """The visit of a signed-in person."""
    if visit is None:
        raise Refused("nobody is signed in")
    return visit
