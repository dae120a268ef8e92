"""Filing a ticket from another system and asking where it is; the caller's own id makes it happen once."""
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from actions.due.clock import SHANGHAI
from actions.intake.checking import IntakeWrong
from actions.intake.commands import SentBefore, take_in_by_key
from actions.intake.queries import key_of, ticket_filed
from actions.privacy.commands import record_look
from actions.storage.tables import ApiKey, Ticket
from bot.conversation.danger import highest
from bot.conversation.wake import OUT
from bot.pages.forms import tidy
from bot.pages.limits import Limit
from bot.pages.parts import WebParts

MOST, MOST_SECONDS = 120, 60
LONGEST_ID = 100
DEPTH = 6

router = APIRouter()


class Api:
    """What the routes share."""

    def __init__(self, parts: WebParts) -> None:
        self.parts = parts
        self.limit = Limit(parts.redis_url, "api", MOST, MOST_SECONDS)


@dataclass(frozen=True)
class Caller:
    """One request of a system whose key is known."""

    api: Api
    key: ApiKey

    @property
    def parts(self) -> WebParts:
        """What the routes need."""
        return self.api.parts

    @property
    def name(self) -> str:
        """What stands in its rows."""
        return f"api:{self.key.id}"


class ApiError(Exception):
    """Ends a request with {"error", "what", "mend"} and, for a form with mistakes, every one of them."""

    def __init__(self, status: int, code: str, what: str, mend: str, problems: list[dict[str, str]] | None = None):
        super().__init__(code)
        self.status, self.body = status, {"error": code, "what": what, "mend": mend, "problems": problems or []}


def answer_error(_: Request, error: Exception) -> Response:
    """The handler of ApiError."""
    assert isinstance(error, ApiError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse(error.body, error.status, headers)


def caller(request: Request) -> Caller:
    """Who asks, by the bearer key. Raises ApiError alike for no key, a wrong one and one that was ended."""
    api: Api = request.app.state.api
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    key = None
    if kind.lower() == "bearer" and 0 < len(token) <= 200 and token.isascii():
        with api.parts.database.begin() as session:
            key = key_of(session, token.strip())
    if key is None:
        raise ApiError(401, "no_key", "the key is missing or not valid",
                       "send Authorization: Bearer KEY; a key is made with `youmen api-key add NAME`")
    if not api.limit.allow(str(key.id)):
        raise ApiError(429, "too_fast", f"more than {MOST} requests in {MOST_SECONDS} s", "wait a minute")
    return Caller(api, key)


async def body(request: Request) -> Any:
    """The JSON object sent, its texts tidied. Raises ApiError."""
    try:
        data = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise ApiError(400, "bad_request", "the body is no JSON", "send one JSON object, UTF-8") from None
    if not isinstance(data, dict):
        raise ApiError(400, "bad_request", "the body is no JSON object", "send one JSON object, UTF-8")
    return _tidied(data, DEPTH)


def _tidied(value: Any, depth: int) -> Any:
    if depth == 0:
        raise ApiError(400, "bad_request", "the object is nested too deeply", "send it as the documentation shows")
    if isinstance(value, str):
        return tidy(value)
    if isinstance(value, list):
        return [_tidied(one, depth - 1) for one in value]
    if isinstance(value, dict):
        return {tidy(str(key)): _tidied(one, depth - 1) for key, one in value.items()}
    return value


def _shown(parts: WebParts, ticket: Ticket) -> dict[str, Any]:
    """What another system may know of a ticket: the step, never the case."""
    return {
        "number": ticket.number,
        "state": ticket.state,
        "state_title": parts.lifecycle.titles.get(ticket.state, ticket.state),
        "unit_name": ticket.unit_name,
        "district": ticket.district,
        "due": ticket.due_at.astimezone(SHANGHAI).isoformat(),
        "provisional": ticket.due_provisional,
    }


@router.post("/api/tickets")
def file(by: Caller = Depends(caller), data: Any = Depends(body)) -> Response:
    """201 with number and query code; the same id and words again 200 without the code; other words 409."""
    parts = by.parts
    data.setdefault("source", "api")
    said = data.get("told")
    danger = highest(parts.gates.check(said)) if isinstance(said, str) else None
    try:
        with parts.database.begin() as session:
            taken = take_in_by_key(session, parts.knowledge, by.key, data, now=parts.now(),
                                   danger=danger is not None and danger.level == "now")
            told = {**_shown(parts, taken.ticket), "query_code": taken.query_code}
    except IntakeWrong as wrong:
        raise ApiError(422, "wrong", "some fields cannot be taken; nothing was filed", "mend them and send it again", [
            {"field": one.field, "what": one.what, "mend": one.mend} for one in wrong.problems]) from None
    except SentBefore as known:
        if not known.same:
            raise ApiError(409, "id_used", "this external_id was sent before with other words",
                           "send a new request under a new id; a ticket is changed by its unit") from None
        with parts.database.begin() as session:
            first = ticket_filed(session, known.caller, known.external_id)
            return JSONResponse({**(_shown(parts, first) if first else {}), "query_code": None})
    parts.wake.ring(OUT)
    parts.wake.hint("tickets", f"ticket:{taken.ticket.number}")
    return JSONResponse(told, 201)


@router.get("/api/tickets/{external_id}")
def look(external_id: str, by: Caller = Depends(caller)) -> Response:
    """The step of a ticket this system filed, by its own id."""
    with by.parts.database.begin() as session:
        ticket = ticket_filed(session, by.name, external_id) if len(external_id) <= LONGEST_ID else None
        if ticket is None:
            raise ApiError(404, "not_found", "this key has filed nothing under that id", "look at the id you sent")
        record_look(session, actor=by.name, action="api_read", object_=f"ticket:{ticket.number}", now=by.parts.now())
        return JSONResponse(_shown(by.parts, ticket))
