"""What a resident sent besides words: one page for each, read through access, every look noted."""
from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy.orm import Session

from actions.access.queries import access_conversation, access_ticket
from actions.access.rules import Refused
from actions.intake.children import kept_back
from actions.language.mask import mask_phone
from actions.privacy.keys import KeyWrong
from actions.privacy.media import SHOWN, ending_of, media_type
from actions.privacy.pictures import without_metadata
from actions.storage.tables import Attachment, Message, TicketEvent
from actions.tickets.numbers import tidy_number
from bot.conversation.attachments import attachment_of
from bot.desk.console import row_id
from bot.desk.frame import Visit
from bot.desk.guard import door, needs, staff
from bot.desk.looks import case_shut, note_look
from bot.desk.story import SEALED
from bot.pages.shield import HEADERS

PLACE = "/desk/conversations/{conversation}/attachments/{message}"
ON_TICKET = "/desk/ticket/{number}/sent/{event}/{seq}"  # whoever works the ticket need not see the whole talk
# the page may play a voice; nothing else is let in that other pages are not
POLICY = HEADERS["Content-Security-Policy"] + "; media-src 'self'"

router = APIRouter(dependencies=[Depends(door)])


def _found(session: Session, visit: Visit, conversation: str, message: str) -> tuple[Message, Attachment | None]:
    """Raises Refused alike for what does not exist, has no page, or belongs to another conversation."""
    owner = access_conversation(session, visit.viewer, row_id(conversation))
    found = attachment_of(session, owner.id, row_id(message))
    if found is None or kept_back(session, visit.viewer, visit.parts.knowledge.intake, [owner], visit.parts.now()):
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


def _on_ticket(
    session: Session, visit: Visit, number: str, event: str, seq: str
) -> tuple[Message, Attachment | None]:
    """As _found, for what an event of a ticket names. Raises Refused alike."""
    ticket = access_ticket(session, visit.viewer, tidy_number(number) or "")
    data = session.execute(sa.select(TicketEvent.data).where(
        TicketEvent.ticket_id == ticket.id, TicketEvent.id == row_id(event))).scalar() or {}
    found = None
    if row_id(seq) in data.get("sent", []):
        message = session.execute(sa.select(Message.id).where(
            Message.conversation_id == data["conversation"], Message.seq == row_id(seq))).scalar()
        found = attachment_of(session, data["conversation"], message or 0)
    if found is None or case_shut(session, visit.viewer, ticket, visit.parts.now()):
        raise Refused("no such attachment")
    note_look(session, visit.viewer, "attachment_read", f"message:{found[0].id}", visit.parts.now())
    return found


def _page(visit: Visit, found: Message, file: Attachment | None, place: str, back: tuple[str, str, str]) -> Response:
    """`back`: the tab, the address and the name of the page it belongs to."""
    content, secrets = _content(visit, file), _secrets(visit, found)
    phones = secrets.get("phones", []) if found.kind == "contact" else []
    tab, address, title = back
    answer = visit.html(
        "desk/attachment.html", page=tab, message=found, here=f"{place}/content", back=address, back_title=title,
        state="unreadable" if content is None and file is not None and file.state == "kept" else file and file.state,
        shown=media_type(content)[0] if content is not None else None, size=file.size if file else None,
        place=secrets.get("location"),
        phones=phones if visit.viewer.may("take_over") else [mask_phone(phone) for phone in phones],
    )
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


def as_file(raw: bytes, kind: str, name: str) -> Response:
    """A file itself: shown only where we know what it is, otherwise saved; never run. Its sender names it nothing.

    Of a picture the picture alone: where and when it was taken, and by whose camera, is nobody's need here.
    """
    way = "inline" if kind.startswith(SHOWN) else "attachment"
    return Response(without_metadata(raw, kind), media_type=kind, headers={
        "Content-Disposition": f'{way}; filename="{name}.{ending_of(kind)}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    })


def _raw(visit: Visit, found: Message, file: Attachment | None) -> Response:
    raw = _content(visit, file)
    if raw is None:
        raise Refused("no such content")
    return as_file(raw, media_type(raw)[0], f"{found.conversation_id}-{found.id}")


@router.get(PLACE)
@needs("see_conversations")
def page(conversation: str, message: str, visit: Visit = Depends(staff)) -> Response:
    """The picture, the voice, the file to be saved, the place or the contact."""
    with visit.parts.database.begin() as session:
        found, file = _found(session, visit, conversation, message)
        number = found.conversation_id
        here = PLACE.format(conversation=number, message=found.id)
        return _page(visit, found, file, here, (
            "conversations", f"/desk/conversations/{number}?folder=all", str(number)))


@router.get(PLACE + "/content")
@needs("see_conversations")
def content(conversation: str, message: str, visit: Visit = Depends(staff)) -> Response:
    """The file itself."""
    with visit.parts.database.begin() as session:
        return _raw(visit, *_found(session, visit, conversation, message))


@router.get(ON_TICKET)
@needs(SEALED)
def ticket_page(number: str, event: str, seq: str, visit: Visit = Depends(staff)) -> Response:
    """The same, from the ticket it was sent for."""
    with visit.parts.database.begin() as session:
        found, file = _on_ticket(session, visit, number, event, seq)
        here = ON_TICKET.format(number=number, event=row_id(event), seq=row_id(seq))
        return _page(visit, found, file, here, ("tickets", f"/desk/tickets/{number}", number))


@router.get(ON_TICKET + "/content")
@needs(SEALED)
def ticket_content(number: str, event: str, seq: str, visit: Visit = Depends(staff)) -> Response:
    """The file itself, from the ticket it was sent for."""
    with visit.parts.database.begin() as session:
        return _raw(visit, *_on_ticket(session, visit, number, event, seq))
