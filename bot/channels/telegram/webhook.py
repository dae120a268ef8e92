"""Where Telegram pushes instead of being asked: an address nobody can guess, a secret, 200 only after our commit."""

from __future__ import annotations

import hmac
import json
from typing import Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from telegram import Update

from actions.privacy.keys import Keys
from bot.channels.telegram.inbox import Inbox, take

log = structlog.get_logger(__name__)

HEADER = "X-Telegram-Bot-Api-Secret-Token"
PREFIX = "/telegram"


def secrets_of(keys: Keys, token: str) -> tuple[str, str]:
    """(the last part of the address, the secret header): from the field key, so that no setting is needed."""
    return keys.fingerprint("telegram-path", token).hex()[:32], keys.fingerprint("telegram-secret", token).hex()


def webhook_url(address: str, keys: Keys, token: str) -> str:
    """What the app is told to push to."""
    return f"{address}{PREFIX}/{secrets_of(keys, token)[0]}"


async def body(request: Request) -> bytes:
    """The posted bytes."""
    return await request.body()


def webhook_router(inbox: Inbox, token: str) -> APIRouter:
    """The one route. An error of the database leaves it as an error: the app sends the update again."""
    path, secret = secrets_of(inbox.keys, token)
    router = APIRouter()

    @router.post(PREFIX + "/{place}")
    def pushed(place: str, request: Request, raw: bytes = Depends(body)) -> Response:
        """One update."""
        given = request.headers.get(HEADER, "")
        # both are compared, whatever the first says, and in constant time
        right = [
            hmac.compare_digest(place.encode(), path.encode()),
            hmac.compare_digest(given.encode(), secret.encode()),
        ]
        if not all(right):
            log.warning("telegram_forged")
            return Response(status_code=404)
        update = _read(raw)
        if update is None:
            return JSONResponse({})
        calls = take(inbox, update)
        # the answer may carry one call; more would need a connection of our own, and the first is what people see
        return JSONResponse({"method": _camel(calls[0].method), **calls[0].values} if calls else {})

    return router


def _read(raw: bytes) -> Update | None:
    """The update, or None for what cannot be read: sent again it would be no better."""
    try:
        data: dict[str, Any] = json.loads(raw)
        update_id = int(data["update_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        log.warning("telegram_body_unreadable")
        return None
    try:
        return Update.de_json(data, None)
    except Exception as error:
        log.error("telegram_update_unreadable", update=update_id, error=type(error).__name__)
        return None


def _camel(method: str) -> str:
    first, *rest = method.split("_")
    return first + "".join(word.capitalize() for word in rest)
