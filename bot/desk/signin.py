"""Signing in and out, and the first own password."""
from __future__ import annotations

import re
import secrets
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from actions.access import commands
from actions.access.commands import SIGNED_IN as SIGNED_IN_FOR
from actions.access.commands import SignedIn, SignInRefused
from bot.desk.frame import Frame
from bot.desk.guard import ANYONE, COOKIE, SIGNED_IN, Visit, needs, same
from bot.pages.errors import PageError
from bot.pages.forms import fields
from bot.pages.limits import Limit
from bot.pages.parts import WebParts

FORM_COOKIE = "ym_desk_form"
SHORTEST, LONGEST = 10, 200
MOST, MOST_SECONDS = 30, 60
_NEXT = re.compile(r"/desk(/[A-Za-z0-9_-]+)*")


def _next(wish: str) -> str:
    """Where to go after signing in: a page of the desk, never another site."""
    return wish if _NEXT.fullmatch(wish) and wish not in ("/desk/login", "/desk/stream") else "/desk"


def signin_router(parts: WebParts, frame: Frame, guard: Any) -> APIRouter:
    """Routes of signing in."""
    router = APIRouter(dependencies=[Depends(guard)])
    limit = Limit(parts.redis_url, "login", MOST, MOST_SECONDS)
    secure = parts.settings.secure_cookies

    def enter(response: Response, session: SignedIn) -> Response:
        response.set_cookie(COOKIE, session.token, max_age=int(SIGNED_IN_FOR.total_seconds()), path="/desk",
                            httponly=True, secure=secure, samesite="strict")
        return response

    def login_page(request: Request, wrong: str = "", until: Any = None, login: str = "", wish: str = "", status: int = 200) -> Response:
        form = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
        page = frame.pages.html("desk/login.html", status, form=form, wrong=wrong, until=until, login=login, next=_next(wish))
        page.set_cookie(FORM_COOKIE, form, path="/desk/login", httponly=True, secure=secure, samesite="strict")
        return page

    @router.get("/desk/login")
    @needs(ANYONE)
    def login_form(request: Request) -> Response:
        return login_page(request, wish=request.query_params.get("next", ""))

    @router.post("/desk/login")
    @needs(ANYONE)
    def login(request: Request, sent: dict[str, str] = Depends(fields)) -> Response:
        form = request.cookies.get(FORM_COOKIE, "")
        if not form or not same(sent.get("form", ""), form):
            raise PageError("csrf")
        name, wish = sent.get("login", "").strip()[:LONGEST], sent.get("next", "")
        if not limit.allow("all:" + parts.keys.fingerprint("limit", name).hex()):
            raise PageError("too_fast")
        try:
            with parts.database.begin() as session:
                entered = commands.sign_in(session, login=name, password=sent.get("password", "")[:LONGEST], now=parts.now())
        except SignInRefused as refused:
            return login_page(request, "locked", refused.until, name, wish, 403)
        if entered is None:
            return login_page(request, "wrong", None, name, wish, 403)
        return enter(RedirectResponse(_next(wish), 303), entered)

    @router.post("/desk/logout")
    @needs(SIGNED_IN)
    def logout(visit: Visit = Depends(guard)) -> Response:
        with parts.database.begin() as session:
            commands.sign_out(session, visit.token)
        away = RedirectResponse("/desk/login", 303)
        away.delete_cookie(COOKIE, path="/desk", httponly=True, secure=secure, samesite="strict")
        return away

    @router.get("/desk/password")
    @needs(SIGNED_IN)
    def password_form(visit: Visit = Depends(guard)) -> Response:
        return frame.html("desk/password.html", visit, wrong="", shortest=SHORTEST)

    @router.post("/desk/password")
    @needs(SIGNED_IN)
    def password(visit: Visit = Depends(guard), sent: dict[str, str] = Depends(fields)) -> Response:
        old, new = sent.get("old", ""), sent.get("new", "")
        now = parts.now()

        def refuse(wrong: str) -> Response:
            return frame.html("desk/password.html", visit, 422, wrong=wrong, shortest=SHORTEST)

        if new != sent.get("again", ""):
            return refuse("differ")
        if not SHORTEST <= len(new) <= LONGEST or new == visit.viewer.login:
            return refuse("short")
        if new == old:
            return refuse("same")
        try:
            with parts.database.begin() as session:
                known = commands.sign_in(session, login=visit.viewer.login, password=old[:LONGEST], now=now)
            if known is None:
                return refuse("wrong")
            with parts.database.begin() as session:
                commands.change_password(session, visit.viewer.staff_id, new, now)
                entered = commands.sign_in(session, login=visit.viewer.login, password=new, now=now)
        except SignInRefused:
            return refuse("locked")
        if entered is None:
            raise PageError("broken")
        return enter(RedirectResponse("/desk", 303), entered)

    return router
