"""What a resident sent besides words: one page for each, read through access, every look noted."""
from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_conversation
from actions.access.rules import Refused
from actions.language.mask import mask_phone
from actions.privacy.keys import KeyWrong
from actions.privacy.media import SHOWN, media_type
from actions.storage.tables import Attachment, Message
from bot.conversation.attachments import attachment_of
from bot.desk.console import row_id
from bot.desk.frame import Visit
from bot.desk.guard import door, needs, staff
from bot.desk.looks import note_look
from bot.pages.shield import HEADERS

PLACE = "/desk/conversations/{conversation}/attachments/{message}"
# the page may play a voice; nothing else is let in that other pages are not
POLICY = HEADERS["Content-Security-Policy"] + "; media-src 'self'"

router = APIRouter(dependencies=[Depends(door)])


def _found(session: Session, visit: Visit, conversation: str, message: str) -> tuple[Message, Attachment | None]:
    """Raises Refused alike for what does not exist, has no page, or belongs to another conversation."""
    owner = access_conversation(session, visit.viewer, row_id(conversation))
    found = attachment_of(session, owner.id, row_id(message))
    if found is None:
        raise Refused("no such attachment")
    note_look(session, visit.viewer, "attachment_read", f"message:{found[0].id}", visit.parts.now())
    return found


def _secrets(visit: Visit, message: Message) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(visit.parts.keys.open(message.secrets)) if message.secrets else {}
    except KeyWrong:
        return {}
    return found


def _content(visit: Visit, file: Attachment | None) -> bytes | None:
    if file is None or file.state != "kept":
        return None
    try:
        return visit.parts.keys.open_bytes(file.content)
    except KeyWrong:
        return None


@router.get(PLACE)
@needs("see_conversations")
def page(conversation: str, message: str, visit: Visit = Depends(staff)) -> Response:
    """The picture, the voice, the file to be saved, the place or the contact."""
    with visit.parts.database.begin() as session:
        found, file = _found(session, visit, conversation, message)
        content, secrets = _content(visit, file), _secrets(visit, found)
    phones = secrets.get("phones", []) if found.kind == "contact" else []
    answer = visit.html(
        "desk/attachment.html", page="conversations", message=found, conversation_id=found.conversation_id,
        state="unreadable" if content is None and file is not None and file.state == "kept" else file and file.state,
        shown=media_type(content)[0] if content is not None else None, size=file.size if file else None,
        place=secrets.get("location"),
        phones=phones if visit.viewer.may("take_over") else [mask_phone(phone) for phone in phones],
    )
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@router.get(PLACE + "/content")
@needs("see_conversations")
def content(conversation: str, message: str, visit: Visit = Depends(staff)) -> Response:
    """The file itself: shown only where we know what it is, otherwise saved; never run."""
    with visit.parts.database.begin() as session:
        found, file = _found(session, visit, conversation, message)
        raw = _content(visit, file)
    if raw is None:
        raise Refused("no such content")
    kind, ending = media_type(raw)
    way = "inline" if kind.startswith(SHOWN) else "attachment"
    return Response(raw, media_type=kind, headers={
        "Content-Disposition": f'{way}; filename="{found.conversation_id}-{found.id}.{ending}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    })
