"""Signing in and out, and the first own password."""
from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from actions.access import commands
from actions.access.commands import SIGNED_IN as SIGNED_IN_FOR
from actions.access.commands import SignedIn, SignInRefused
from bot.desk.frame import Desk, Visit, the_desk
from bot.desk.guard import ANYONE, COOKIE, SIGNED_IN, door, needs, same, staff
from bot.pages.errors import PageError
from bot.pages.forms import fields

FORM_COOKIE = "ym_desk_form"
SHORTEST, LONGEST, DISTINCT = 10, 200, 5
BAD = frozenset((Path(__file__).parent / "templates" / "bad_passwords.txt").read_text(encoding="utf-8").split())
Found = TypeVar("Found")
_NEXT = re.compile(r"/desk(/[A-Za-z0-9_-]+)*")

router = APIRouter(dependencies=[Depends(door)])


def _next(wish: str) -> str:
    """Where to go after signing in: a page of the desk, never another site."""
    return wish if _NEXT.fullmatch(wish) and wish not in ("/desk/login", "/desk/stream") else "/desk"


def _enter(desk: Desk, session: SignedIn, to: str) -> Response:
    response = RedirectResponse(to, 303)
    response.set_cookie(COOKIE, session.token, max_age=int(SIGNED_IN_FOR.total_seconds()), path="/desk",
                        httponly=True, secure=desk.secure, samesite="strict")
    return response


def _login_page(request: Request, desk: Desk, wish: str, *, wrong: str = "", until: datetime | None = None,
                login: str = "") -> Response:
    form = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    page = desk.pages.html("desk/login.html", 403 if wrong else 200, form=form, wrong=wrong, until=until, login=login,
                           next=_next(wish))
    page.set_cookie(FORM_COOKIE, form, path="/desk/login", httponly=True, secure=desk.secure, samesite="strict")
    return page


@router.get("/desk/login")
@needs(ANYONE)
def login_form(request: Request, desk: Desk = Depends(the_desk)) -> Response:
    """The sign-in page."""
    return _login_page(request, desk, request.query_params.get("next", ""))


def _try(desk: Desk, name: str, typed: str, finish: Callable[[Session, commands.Account, bool, datetime], Found]
         ) -> Found | None:
    """One try of a password; the slow part holds no transaction. None for a login nobody has, else what `finish` says.

    Raises SignInRefused while the login is locked, whether it exists or not, and PageError when too many try at once.
    """
    parts = desk.parts
    with desk.hashing():
        with parts.database.begin() as session:
            account = commands.find_account(session, name, parts.now())
        if account is None:
            desk.strangers.check(name, parts.now())
        right = commands.fits(account, typed)
    if account is None:
        locks = desk.strangers.count(name, parts.now())
        with parts.database.begin() as session:  # what was typed may be a password: only a mark of it is kept
            commands.note_failed_sign_in(session, f"login:{desk.strangers.mark(name)}", locks, parts.now())
        return None
    with parts.database.begin() as session:
        return finish(session, account, right, parts.now())


@router.post("/desk/login")
@needs(ANYONE)
def login(request: Request, desk: Desk = Depends(the_desk), sent: dict[str, str] = Depends(fields)) -> Response:
    """Signs in. Nobody can be signed in by another site: the form carries what only our page and its cookie know."""
    form = request.cookies.get(FORM_COOKIE, "")
    if not form or not same(sent.get("form", ""), form):
        raise PageError("csrf")
    name, typed = sent.get("login", "").strip()[:LONGEST], sent.get("password", "")[:LONGEST]
    wish, parts = sent.get("next", ""), desk.parts
    if not desk.limit.allow(parts.keys.fingerprint("limit", name).hex()):
        raise PageError("too_fast")
    try:
        entered = _try(desk, name, typed, commands.finish_sign_in)
    except SignInRefused as refused:
        return _login_page(request, desk, wish, wrong="locked", until=refused.until, login=name)
    if entered is None:
        return _login_page(request, desk, wish, wrong="wrong", login=name)
    return _enter(desk, entered, _next(wish))


@router.post("/desk/logout")
@needs(SIGNED_IN)
def logout(visit: Visit = Depends(staff)) -> Response:
    """Ends the session, here and in the database."""
    with visit.parts.database.begin() as session:
        commands.sign_out(session, visit.token, visit.parts.now())
    away = RedirectResponse("/desk/login", 303)
    away.delete_cookie(COOKIE, path="/desk", httponly=True, secure=visit.desk.secure, samesite="strict")
    return away


@router.get("/desk/password")
@needs(SIGNED_IN)
def password_form(visit: Visit = Depends(staff)) -> Response:
    """The page for a new password."""
    return visit.html("desk/password.html", wrong="", shortest=SHORTEST)


def _wrong_with(login: str, old: str, new: str, again: str) -> str | None:
    if new != again:
        return "differ"
    if not SHORTEST <= len(new) <= LONGEST or new == login:
        return "short"
    if len(set(new)) < DISTINCT or new.lower() in BAD:
        return "weak"
    return "same" if new == old else None


@router.post("/desk/password")
@needs(SIGNED_IN)
def password(visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """Sets a new password; a wrong old one counts as a wrong try."""
    login, old, new, parts = visit.viewer.login, sent.get("old", "")[:LONGEST], sent.get("new", ""), visit.parts
    wrong = _wrong_with(login, old, new, sent.get("again", ""))
    if wrong is None:
        try:
            wrong = None if _try(visit.desk, login, old, commands.count_try) else "wrong"
        except SignInRefused:
            wrong = "locked"
    if wrong is not None:
        return visit.html("desk/password.html", 422, wrong=wrong, shortest=SHORTEST)
    with visit.desk.hashing():
        hashed = commands.hash_password(new)
    with parts.database.begin() as session:
        commands.set_password_hash(session, visit.viewer.staff_id, hashed, parts.now())
        entered = commands.open_session(session, visit.viewer.staff_id, parts.now(), goes_on=True)
    return _enter(visit.desk, entered, "/desk")
