"""The web chat: one page for residents that also works without scripts; everything it stores goes through accept."""
from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from bot.channels import visitor as who
from bot.channels.files import TAKEN, NotTaken, Upload, read_upload
from bot.channels.visitor import CHANNEL, Visitor
from bot.conversation.accept import Accepted, Incoming, accept, safe_text
from bot.conversation.transcript import Line, mark_seen, resident_lines
from bot.conversation.wake import TURN
from bot.pages.errors import PageError
from bot.pages.forms import blank, fields, files, require_same_site, takes_files, wants_json
from bot.pages.hints import HintBoard
from bot.pages.limits import Limit, network
from bot.pages.parts import WebParts
from bot.pages.render import Pages

FOLDER = Path(__file__).parent
LONGEST = 10_000
SHOWN = 300
SIZES = ("1", "2", "3")
MOST, MOST_SECONDS = 40, 60
MOST_FILES = 12
MOST_NEW = 120  # first messages from one network: a whole hall may share one address
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


def _new_id() -> str:
    return str(uuid.uuid4())


class Cookies:
    """The cookies of the chat: who, whether others use this device, since when earlier text is hidden, the letters."""

    def __init__(self, secure: bool) -> None:
        self.secure = secure
        # the prefix makes browsers refuse a cookie planted by a neighbouring site
        prefix = "__Host-" if secure else ""
        self.token, self.veil, self.shared = f"{prefix}ym_chat", f"{prefix}ym_veil", f"{prefix}ym_shared"
        self.size = "ym_size"

    def _set(self, response: Response, name: str, value: str, kept: timedelta | None) -> None:
        response.set_cookie(name, value, max_age=int(kept.total_seconds()) if kept else None, path="/",
                            httponly=True, secure=self.secure, samesite="lax")

    def remember(self, response: Response, token: str, visitor: Visitor | None) -> None:
        """Who this browser is: for 30 days from now; until it is closed, before the first message or where shared."""
        self._set(response, self.token, token, None if visitor is None or visitor.shared else who.KEPT)

    def mark_shared(self, response: Response, shared: bool) -> None:
        """Others use this device too; known here before there is a contact."""
        if shared:
            self._set(response, self.shared, "1", None)
        else:
            self.drop(response, self.shared)

    def is_shared(self, request: Request) -> bool:
        """The wish of a browser that has not written yet."""
        return request.cookies.get(self.shared) == "1"

    def draw_veil(self, response: Response, now: datetime) -> None:
        """Hides what was said until now."""
        self._set(response, self.veil, str(int(now.timestamp() * 1000) + 1), who.KEPT)

    def veiled_at(self, request: Request) -> datetime | None:
        """When the person left in a hurry."""
        milliseconds = whole(request.cookies.get(self.veil))
        return datetime.fromtimestamp(milliseconds / 1000, timezone.utc) if 0 < milliseconds < 10**14 else None

    def set_size(self, response: Response, size: str) -> None:
        """How large the letters are; scripts may set it too."""
        response.set_cookie(self.size, size, max_age=int(who.KEPT.total_seconds()), path="/", samesite="lax",
                            secure=self.secure)

    def drop(self, response: Response, name: str) -> None:
        """Deletes a cookie."""
        response.delete_cookie(name, path="/", httponly=True, secure=self.secure, samesite="lax")


class Chat:
    """What the routes of the chat share."""

    def __init__(self, parts: WebParts, pages: Pages, board: HintBoard) -> None:
        self.parts, self.pages, self.board = parts, pages, board
        self.cookies = Cookies(parts.settings.secure_cookies)
        self.limit = Limit(parts.redis_url, "chat", MOST, MOST_SECONDS)
        self.files = Limit(parts.redis_url, "files", MOST_FILES, MOST_SECONDS)
        self.newcomers = Limit(parts.redis_url, "network", MOST_NEW, MOST_SECONDS)

    def recognise(self, session: Session, request: Request, attempt: str = "") -> tuple[str, Visitor | None]:
        """(token to go on with, the visitor behind the cookie). `attempt`: the client's id of a message."""
        return who.recognise(session, self.parts.keys, request.cookies.get(self.cookies.token), self.parts.now(),
                             attempt)

    def network(self, request: Request) -> str:
        """Where a request comes from, by the proxies this installation trusts."""
        return network(request, self.parts.settings.trusted_proxies)

    def in_time(self, request: Request, text: str) -> bool:
        """False for whoever writes too fast: by visitor, and by network where nobody is known yet.

        Words that say a life is in danger are never sent back.
        """
        with self.parts.database.begin() as session:
            _, visitor = self.recognise(session, request)
        keys = self.parts.keys
        if visitor is not None:
            within = self.limit.allow(keys.fingerprint("limit", str(visitor.contact_id)).hex())
        else:
            within = self.newcomers.allow(keys.fingerprint("limit network", self.network(request)).hex())
        return within or any(hit.level == "now" for hit in self.parts.gates.check(safe_text(text)[0]))

    def files_in_time(self, request: Request) -> bool:
        """False for whoever sends files too fast, by where they come from: a file costs a hundred times a word."""
        return self.files.allow(self.parts.keys.fingerprint("limit files", self.network(request)).hex())

    def lines(self, session: Session, request: Request, visitor: Visitor, after: int) -> tuple[list[Line], bool]:
        """(what may be shown, whether something earlier is hidden)."""
        since = who.shown_from(session, visitor.contact_id, self.parts.now(), self.cookies.veiled_at(request))
        return resident_lines(session, self.parts.keys, visitor.contact_id, after, since), since is not None

    def page(self, request: Request, *, note: str = "", text: str = "", status: int = 200) -> Response:
        """The whole page; `note` says why the `text` was not taken."""
        lines: list[Line] = []
        hidden, state = False, "idle"
        with self.parts.database.begin() as session:
            token, visitor = self.recognise(session, request)
            if visitor is not None:
                who.note_active(session, visitor, self.parts.now())
                lines, hidden = self.lines(session, request, visitor, 0)
                state = who.standing(session, visitor.contact_id).state
        size = request.cookies.get(self.cookies.size, "")
        response = self.pages.html(
            "chat/chat.html", status, bubbles=bubbles(lines[-SHOWN:]), hidden=hidden, state=state,
            shared=visitor.shared if visitor is not None else self.cookies.is_shared(request),
            size=size if size in SIZES else SIZES[0], known=visitor is not None, note=note, text=text, longest=LONGEST,
            new_id=_new_id, last=lines[-1].id if lines else 0, idle_seconds=int(who.SHARED_IDLE.total_seconds()),
            megabytes=self.parts.settings.upload_megabytes, media=",".join(TAKEN),
        )
        self.cookies.remember(response, token, visitor)
        return response

    def beside(self, file: Upload | None) -> dict[str, Any]:
        """What a file adds to a message; encrypted before any lock is taken."""
        return {} if file is None else {"kind": file.kind, "extra": file.extra(), "file": file.sealed(self.parts.keys)}

    def take(self, request: Request, text: str, external_id: str, button_id: str | None,
             after: int, file: Upload | None = None) -> tuple[Accepted, str, Visitor]:
        """Accepts one message in one transaction and wakes the others. (what became of it, token, visitor)."""
        parts, now, more = self.parts, self.parts.now(), self.beside(file)
        with parts.database.begin() as session:
            token, visitor = self.recognise(session, request, external_id)
            incoming = Incoming(CHANNEL, token, external_id, text, button_id=button_id,
                                source=self.network(request), **more)
            accepted = accept(session, parts.accept_tools, incoming, now, keep_address=False)
            if visitor is None:
                visitor = Visitor(accepted.contact_id, self.cookies.is_shared(request))
                who.set_shared(session, visitor)
            mark_seen(session, visitor.contact_id, after, now)
        parts.wake.ring(TURN)
        parts.wake.hint("queue", f"conversation:{accepted.conversation_id}")
        return accepted, token, visitor


def the_chat(request: Request) -> Chat:
    """The chat of this app."""
    chat: Chat = request.app.state.chat
    return chat


router = APIRouter()


@router.get("/")
def page(request: Request, chat: Chat = Depends(the_chat)) -> Response:
    """The page. With `size` it only remembers how large the letters shall be."""
    size = request.query_params.get("size")
    if size is None:
        return chat.page(request)
    back = RedirectResponse("/", 303)
    if size in SIZES:
        chat.cookies.set_size(back, size)
    return back


@router.post("/chat/messages")
def send(request: Request, chat: Chat = Depends(the_chat), sent: dict[str, str] = Depends(fields)) -> Response:
    """One message of the resident. `id` is the client's UUID: sent again, it is the same message."""
    require_same_site(request, chat.parts.settings)
    text, external_id = sent.get("text", ""), sent.get("id") or _new_id()
    if not _ID.fullmatch(external_id):
        raise PageError("bad_request")
    code = None
    if blank(text):
        code = "blank"
    elif len(text) > LONGEST:
        code = "too_long"
    elif not chat.in_time(request, text):
        code = "too_fast"
    if code is not None and wants_json(request):
        raise PageError(code)
    if code is not None:
        return chat.page(request, note=code, text=text, status=PageError(code).status)
    button_id, after = sent.get("button") or None, whole(sent.get("after"))
    return _taken(request, chat, external_id, chat.take(request, text, external_id, button_id, after))


def _taken(request: Request, chat: Chat, external_id: str, taken: tuple[Accepted, str, Visitor]) -> Response:
    accepted, token, visitor = taken
    answer: Response = RedirectResponse("/#end", 303)
    if wants_json(request):
        answer = JSONResponse({"id": external_id, "seq": accepted.seq, "duplicate": accepted.duplicate,
                               "fresh": accepted.seq == 1})
    chat.cookies.remember(answer, token, visitor)
    return answer


@router.post("/chat/files")
@takes_files
def send_file(request: Request, chat: Chat = Depends(the_chat), sent: dict[str, str] = Depends(fields),
              beside: dict[str, bytes] = Depends(files)) -> Response:
    """A photo or a paper, with words if there are any. Taken by what it is; its name is not even read."""
    require_same_site(request, chat.parts.settings)
    text, external_id = sent.get("text", ""), sent.get("id") or _new_id()
    if not _ID.fullmatch(external_id):
        raise PageError("bad_request")
    try:
        if not chat.in_time(request, text) or not chat.files_in_time(request):
            raise NotTaken("too_fast")
        if len(text) > LONGEST:
            raise NotTaken("too_long")
        upload = read_upload(beside.get("file", b""), chat.parts.settings.upload_megabytes)
    except NotTaken as reason:
        if wants_json(request):
            raise PageError(reason.code) from None
        return chat.page(request, note=reason.code, status=PageError(reason.code).status)
    taken = chat.take(request, "" if blank(text) else text, external_id, None, whole(sent.get("after")), upload)
    return _taken(request, chat, external_id, taken)


@router.get("/chat/messages")
def messages(request: Request, chat: Chat = Depends(the_chat)) -> Response:
    """The lines after a message id, as a fragment or as JSON; what stands before it has been seen."""
    after, now = whole(request.query_params.get("after")), chat.parts.now()
    lines: list[Line] = []
    state = "idle"
    with chat.parts.database.begin() as session:
        _, visitor = chat.recognise(session, request)
        if visitor is not None:
            if request.query_params.get("active") == "1":
                who.note_active(session, visitor, now)
            if after:
                mark_seen(session, visitor.contact_id, after, now)
            lines, _ = chat.lines(session, request, visitor, after)
            state = who.standing(session, visitor.contact_id).state
    if wants_json(request):
        return JSONResponse({"known": visitor is not None, "state": state, "lines": [_plain(line) for line in lines]})
    return chat.pages.html("chat/lines.html", bubbles=bubbles(lines), state=state, known=visitor is not None,
                           new_id=_new_id, last=lines[-1].id if lines else after)


def _plain(line: Line) -> dict[str, Any]:
    return {
        "id": line.id, "seq": line.seq, "author": line.author, "kind": line.kind, "text": line.text,
        "buttons": list(line.buttons), "asks": line.asks, "answers": line.answers, "at": line.at.isoformat(),
    }


def own_conversation(request: Request, chat: Chat = Depends(the_chat)) -> int | None:
    """The open conversation of this browser; read before the stream begins, which holds no session."""
    with chat.parts.database.begin() as session:
        _, visitor = chat.recognise(session, request)
        return who.standing(session, visitor.contact_id).conversation_id if visitor is not None else None


def only(conversation_id: int) -> Callable[[str], str | None]:
    """Lets hints of one conversation through, without its id."""
    own = f"conversation:{conversation_id}"
    return lambda hint: "look" if hint == own else None


@router.get("/chat/stream")
async def stream(chat: Chat = Depends(the_chat), conversation_id: int | None = Depends(own_conversation)) -> Response:
    """Says when there is something new to read."""
    if conversation_id is None:
        return Response(status_code=204)  # tells the browser not to come back by itself
    return chat.board.response(only(conversation_id), f"conversation:{conversation_id}")


@router.post("/chat/device")
def device(request: Request, chat: Chat = Depends(the_chat), sent: dict[str, str] = Depends(fields)) -> Response:
    """Others use this device too, or no longer."""
    require_same_site(request, chat.parts.settings)
    shared = sent.get("shared") == "1"
    with chat.parts.database.begin() as session:
        token, visitor = chat.recognise(session, request)
        if visitor is not None:
            visitor = Visitor(visitor.contact_id, shared)
            who.set_shared(session, visitor)
    back = RedirectResponse("/", 303)
    chat.cookies.mark_shared(back, shared)
    chat.cookies.remember(back, token, visitor)
    return back


@router.post("/chat/leave")
def leave(request: Request, chat: Chat = Depends(the_chat)) -> Response:
    """The person leaves in a hurry: nothing said so far is shown again; a shared device forgets them at once."""
    require_same_site(request, chat.parts.settings)
    now = chat.parts.now()
    with chat.parts.database.begin() as session:
        _, visitor = chat.recognise(session, request)
        if visitor is not None and visitor.shared:
            who.forget(session, visitor.contact_id, now)
    away = RedirectResponse("/away", 303)
    chat.cookies.draw_veil(away, now)
    if visitor is None or visitor.shared:
        chat.cookies.drop(away, chat.cookies.token)
    return away


@router.get("/away")
def neutral(chat: Chat = Depends(the_chat)) -> Response:
    """A page that tells nothing."""
    return chat.pages.html("chat/away.html", today=chat.parts.now())
