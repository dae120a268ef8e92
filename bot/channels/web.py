"""The web chat: one page for residents that also works without scripts; everything it stores goes through accept."""
from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from bot.channels import visitor as who
from bot.channels.visitor import CHANNEL, Visitor
from bot.conversation.accept import Incoming, accept
from bot.conversation.transcript import Line, mark_seen, resident_lines
from bot.conversation.wake import TURN
from bot.pages.errors import PageError
from bot.pages.forms import blank, fields, require_same_site, wants_json
from bot.pages.hints import HintBoard
from bot.pages.limits import Limit
from bot.pages.parts import WebParts
from bot.pages.render import Pages

FOLDER = Path(__file__).parent
LONGEST = 10_000
SHOWN = 300
SIZES = ("1", "2", "3")
MOST, MOST_SECONDS = 40, 60
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_BIGGEST = 2**63 - 1


@dataclass(frozen=True)
class Bubble:
    """A line as the page shows it. Buttons stand under the very last line only."""

    line: Line
    urgent: bool
    buttons: tuple[dict[str, str], ...]


def bubbles(lines: list[Line]) -> list[Bubble]:
    """Lines with what the page must know: which of them answer a danger."""
    dangerous: int | None = None
    found = []
    for line in lines:
        if line.author == "resident":
            dangerous = line.seq if line.danger else None
        urgent = line.author == "system" and line.answers is not None and line.answers == dangerous
        found.append(Bubble(line, urgent, line.buttons if line is lines[-1] else ()))
    return found


def whole(text: str | None) -> int:
    """A message id out of an address; 0 for anything else."""
    return min(int(text), _BIGGEST) if text and text.isascii() and text.isdigit() and len(text) < 20 else 0


class Cookies:
    """The three cookies of the chat: who, since when earlier text is hidden, how large the letters are."""

    def __init__(self, secure: bool) -> None:
        self.secure = secure
        # the prefix makes browsers refuse a cookie planted by a neighbouring site
        prefix = "__Host-" if secure else ""
        self.token, self.veil, self.shared, self.size = (
            f"{prefix}ym_chat", f"{prefix}ym_veil", f"{prefix}ym_shared", "ym_size")

    def _set(self, response: Response, name: str, value: str, kept: timedelta | None) -> None:
        response.set_cookie(name, value, max_age=int(kept.total_seconds()) if kept else None, path="/",
                            httponly=True, secure=self.secure, samesite="lax")

    def remember(self, response: Response, token: str, kept: timedelta | None) -> None:
        """Who this browser is; `kept` None: until it is closed."""
        self._set(response, self.token, token, kept)

    def mark_shared(self, response: Response, shared: bool) -> None:
        """Others use this device too; known here before there is a contact."""
        if shared:
            self._set(response, self.shared, "1", None)
        else:
            self.drop(response, self.shared)

    def draw_veil(self, response: Response, now: datetime) -> None:
        """Hides what was said until now."""
        self._set(response, self.veil, str(int(now.timestamp() * 1000) + 1), who.KEPT)

    def drop(self, response: Response, name: str) -> None:
        """Deletes a cookie."""
        response.delete_cookie(name, path="/", httponly=True, secure=self.secure, samesite="lax")

    def veiled_at(self, request: Request) -> datetime | None:
        """When the person left in a hurry."""
        milliseconds = whole(request.cookies.get(self.veil))
        return datetime.fromtimestamp(milliseconds / 1000, timezone.utc) if 0 < milliseconds < 10**14 else None


def chat_router(parts: WebParts, pages: Pages, board: HintBoard) -> APIRouter:
    """The routes of the web chat."""
    router = APIRouter()
    cookies = Cookies(parts.settings.secure_cookies)
    limit = Limit(parts.redis_url, "chat", MOST, MOST_SECONDS)

    def lines_for(session: Session, request: Request, visitor: Visitor, after: int) -> tuple[list[Line], bool]:
        """(what may be shown, whether something earlier is hidden)."""
        since = who.shown_from(session, visitor.contact_id, parts.now(), cookies.veiled_at(request))
        return resident_lines(session, visitor.contact_id, after, since), since is not None

    def kept(visitor: Visitor | None, shared: bool) -> timedelta | None:
        return None if visitor is None or shared else who.KEPT

    def page(request: Request, *, note: str = "", text: str = "", status: int = 200) -> Response:
        now = parts.now()
        wish = request.cookies.get(cookies.shared) == "1"
        with parts.database.begin() as session:
            token, visitor = who.recognise(session, parts.keys, request.cookies.get(cookies.token), now)
            lines, hidden, state = [], False, "idle"
            if visitor is not None:
                who.note_active(session, visitor, now)
                lines, hidden = lines_for(session, request, visitor, 0)
                state = who.standing(session, visitor.contact_id).state
        shared = visitor.shared if visitor is not None else wish
        size = request.cookies.get(cookies.size, "")
        response = pages.html(
            "chat/chat.html", status, bubbles=bubbles(lines[-SHOWN:]), hidden=hidden, state=state, shared=shared,
            size=size if size in SIZES else "1", known=visitor is not None, note=note, text=text, longest=LONGEST,
            new_id=lambda: str(uuid.uuid4()), last=lines[-1].id if lines else 0,
            idle_seconds=int(who.SHARED_IDLE.total_seconds()),
        )
        cookies.remember(response, token, kept(visitor, shared))
        return response

    @router.get("/")
    def chat(request: Request) -> Response:
        size = request.query_params.get("size")
        if size is None:
            return page(request)
        back = RedirectResponse("/", 303)
        if size in SIZES:
            back.set_cookie(cookies.size, size, max_age=int(who.KEPT.total_seconds()), path="/", samesite="lax",
                            secure=cookies.secure)
        return back

    @router.post("/chat/messages")
    def send(request: Request, sent: dict[str, str] = Depends(fields)) -> Response:
        require_same_site(request, parts.settings)
        text, button_id = sent.get("text", ""), sent.get("button") or None
        external_id = sent.get("id") or str(uuid.uuid4())
        if not _ID.fullmatch(external_id):
            raise PageError("bad_request")

        def refuse(code: str) -> Response:
            error = PageError(code)
            return JSONResponse({"error": code}, error.status) if wants_json(request) else page(
                request, note=code, text=text, status=error.status)

        if blank(text):
            return refuse("blank")
        if len(text) > LONGEST:
            return refuse("too_long")
        old = request.cookies.get(cookies.token, "")
        if old and not limit.allow(parts.keys.fingerprint("limit", old).hex()):
            return refuse("too_fast")
        now = parts.now()
        wish = request.cookies.get(cookies.shared) == "1"
        with parts.database.begin() as session:
            token, visitor = who.recognise(session, parts.keys, old or None, now)
            accepted = accept(session, parts.accept_tools, Incoming(CHANNEL, token, external_id, text, button_id=button_id),
                              now, keep_address=False)
            if visitor is None:
                visitor = Visitor(accepted.contact_id, wish)
                if wish:
                    who.set_shared(session, accepted.contact_id, True)
            mark_seen(session, accepted.contact_id, whole(sent.get("after")), now)
        parts.wake.ring(TURN)
        parts.wake.hint("queue", f"conversation:{accepted.conversation_id}")
        answer: Response
        if wants_json(request):
            answer = JSONResponse({"id": external_id, "seq": accepted.seq, "duplicate": accepted.duplicate,
                                   "fresh": accepted.seq == 1})
        else:
            answer = RedirectResponse("/#end", 303)
        cookies.remember(answer, token, kept(visitor, visitor.shared))
        return answer

    @router.get("/chat/messages")
    def messages(request: Request) -> Response:
        after, now = whole(request.query_params.get("after")), parts.now()
        lines: list[Line] = []
        state, known = "idle", False
        with parts.database.begin() as session:
            _, visitor = who.recognise(session, parts.keys, request.cookies.get(cookies.token), now)
            if visitor is not None:
                known = True
                if request.query_params.get("active") == "1":
                    who.note_active(session, visitor, now)
                if after:
                    mark_seen(session, visitor.contact_id, after, now)
                lines, _ = lines_for(session, request, visitor, after)
                state = who.standing(session, visitor.contact_id).state
        if wants_json(request):
            return JSONResponse({"known": known, "state": state, "lines": [_plain(line) for line in lines]})
        return pages.html("chat/lines.html", bubbles=bubbles(lines), state=state, known=known,
                          new_id=lambda: str(uuid.uuid4()), last=lines[-1].id if lines else after)

    def own_conversation(request: Request) -> int | None:
        with parts.database.begin() as session:
            _, visitor = who.recognise(session, parts.keys, request.cookies.get(cookies.token), parts.now())
            return who.standing(session, visitor.contact_id).conversation_id if visitor is not None else None

    @router.get("/chat/stream")
    async def stream(conversation_id: int | None = Depends(own_conversation)) -> Response:
        if conversation_id is None:
            return Response(status_code=204)  # tells the browser not to come back by itself
        own = f"conversation:{conversation_id}"
        return board.response(lambda hint: "look" if hint == own else None)

    @router.post("/chat/device")
    def device(request: Request, sent: dict[str, str] = Depends(fields)) -> Response:
        require_same_site(request, parts.settings)
        shared = sent.get("shared") == "1"
        with parts.database.begin() as session:
            token, visitor = who.recognise(session, parts.keys, request.cookies.get(cookies.token), parts.now())
            if visitor is not None:
                who.set_shared(session, visitor.contact_id, shared)
        back = RedirectResponse("/", 303)
        cookies.mark_shared(back, shared)
        cookies.remember(back, token, kept(visitor, shared))
        return back

    @router.post("/chat/leave")
    def leave(request: Request) -> Response:
        require_same_site(request, parts.settings)
        now = parts.now()
        with parts.database.begin() as session:
            _, visitor = who.recognise(session, parts.keys, request.cookies.get(cookies.token), now)
            if visitor is not None and visitor.shared:
                who.forget(session, visitor.contact_id, now)
        away = RedirectResponse("/away", 303)
        cookies.draw_veil(away, now)
        if visitor is None or visitor.shared:
            cookies.drop(away, cookies.token)
        return away

    @router.get("/away")
    def neutral() -> Response:
        return pages.html("chat/away.html", today=parts.now())

    return router


def _plain(line: Line) -> dict[str, Any]:
    return {
        "id": line.id, "seq": line.seq, "author": line.author, "kind": line.kind, "text": line.text,
        "buttons": list(line.buttons), "asks": line.asks, "answers": line.answers, "at": line.at.isoformat(),
    }
