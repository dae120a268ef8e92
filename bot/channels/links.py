"""One-time links: from an app hosted abroad to our own page, where the same conversation goes on.

The page is a second window to the contact's one conversation, not a second contact. A link is made when its message is
sent and stands only in that message; its keyed hash is stored. Opening it (once, within half an hour, by a press of a
button, so that a preview opens nothing) sets a cookie. With it the chat page shows what was said since, and takes what
is written there in as messages of that very contact (external id `page:…`, marked as written on our page), so order,
takeover, tickets and notices are those of the one conversation. A turn that such a message begins is answered on the
page only (`follow_page`); everything else, an operator's words or a notice, goes to the app and can be read on the page
too. The page ends after an hour, with 快速离开, or when a newer link is opened; the app always goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from actions.privacy.keys import Keys
from actions.steps.channel_policy import policies
from actions.storage.engine import Database
from actions.storage.tables import Contact, Link, Message, Notice
from actions.turn import BY_PAGE
from bot.channels import visitor as who
from bot.channels.files import Upload
from bot.channels.visitor import Visitor
from bot.channels.web import Chat, the_chat
from bot.conversation.accept import Accepted, Incoming, accept
from bot.conversation.transcript import Line, mark_seen, resident_lines
from bot.conversation.wake import OUT, TURN
from bot.pages.forms import require_same_site
from bot.pages.quiet import note

log = structlog.get_logger(__name__)

PREFIX = "/page"
FOR_THE_APP = "ticket_filed_on_page"
SHARED_PAGE = timedelta(minutes=15)


@dataclass(frozen=True)
class LinkMaker:
    """Makes links for a sender. `address` is where people reach our pages; `now` the clock (aware)."""

    database: Database
    keys: Keys
    address: str
    now: Callable[[], datetime]

    def make(self, contact_id: int, channel: str, button_id: str) -> str:
        """The address to send; nothing but this message ever holds it."""
        token, now = who.new_token(), self.now()
        with self.database.begin() as session:
            session.add(
                Link(
                    contact_id=contact_id,
                    token_hash=self.keys.fingerprint("link", token),
                    button_id=button_id,
                    created_at=now,
                    expires_at=now + timedelta(minutes=policies()[channel].link_minutes),
                )
            )
        return f"{self.address}{PREFIX}/{token}"


@dataclass(frozen=True)
class Page:
    """An opened page: whose conversation it shows, from when and from which message on."""

    contact_id: int
    opened_at: datetime
    first_id: int


def open_link(session: Session, keys: Keys, token: str, now: datetime) -> tuple[str, Link, Contact] | None:
    """(the page's cookie, the link, its contact); None for a link that is unknown, used or too old."""
    row = session.execute(
        sa.select(Link, Contact)
        .join(Contact, Contact.id == Link.contact_id)
        .where(Link.token_hash == keys.fingerprint("link", token), Link.opened_at.is_(None), Link.expires_at > now)
        .with_for_update(of=Link)
    ).one_or_none()
    if row is None:
        return None
    link, contact = row
    # a newer page ends the older ones, and their unopened links
    session.execute(
        sa.update(Link)
        .where(Link.contact_id == contact.id, Link.id != link.id)
        .values(page_until=sa.func.least(Link.page_until, now), expires_at=sa.func.least(Link.expires_at, now))
        .execution_options(synchronize_session=False)
    )
    cookie = who.new_token()
    link.opened_at, link.page_hash = now, keys.fingerprint("page", cookie)
    link.page_until = now + timedelta(minutes=policies()[contact.channel].page_minutes)
    return cookie, link, contact


def open_page(session: Session, keys: Keys, cookie: str | None, now: datetime) -> Page | None:
    """The page behind a cookie, while it lasts."""
    if not cookie:
        return None
    link = session.execute(
        sa.select(Link).where(Link.page_hash == keys.fingerprint("page", cookie), Link.page_until > now)
    ).scalar_one_or_none()
    if link is None:
        return None
    first = session.execute(
        sa.select(Message.id).where(Message.contact_id == link.contact_id, Message.external_id == opening_name(link.id))
    ).scalar_one()
    return Page(link.contact_id, link.opened_at, int(first))


def opening_name(link_id: int) -> str:
    """The external id of the message that opening a link is."""
    return f"{BY_PAGE}:link:{link_id}"


class LinkedChat(Chat):
    """The chat page that also knows browsers which came by a one-time link."""

    @property
    def page_cookie(self) -> str:
        """The name of the cookie that holds an opened page."""
        return ("__Host-" if self.cookies.secure else "") + "ym_page"

    def linked(self, session: Session, request: Request) -> Page | None:
        """The page this browser has opened by a link; leaving in a hurry ends it."""
        now = self.parts.now()
        page = open_page(session, self.parts.keys, request.cookies.get(self.page_cookie), now)
        if page is None:
            return None
        veiled = self.cookies.veiled_at(request)
        if veiled is not None and veiled > page.opened_at:
            return None
        return None if self.cookies.is_shared(request) and now > page.opened_at + SHARED_PAGE else page

    def recognise(self, session: Session, request: Request, attempt: str = "") -> tuple[str, Visitor | None]:
        """As for every browser, unless a link was opened in it."""
        token, visitor = super().recognise(session, request, attempt)
        page = self.linked(session, request)
        return token, visitor if page is None else Visitor(page.contact_id, False)

    def lines(self, session: Session, request: Request, visitor: Visitor, after: int) -> tuple[list[Line], bool]:
        """On a linked page only what was said since it was opened: a link may be opened on somebody else's device."""
        page = self.linked(session, request)
        if page is None:
            return super().lines(session, request, visitor, after)
        lines = resident_lines(session, self.parts.keys, page.contact_id, max(after, page.first_id - 1))
        # the number for the app stands here already, with its code
        elsewhere = set(session.execute(sa.select(Notice.message_id).where(
            Notice.kind == FOR_THE_APP, Notice.message_id.in_([line.id for line in lines]))).scalars())
        return [line for line in lines if line.id not in elsewhere], True

    def take(
        self, request: Request, text: str, external_id: str, button_id: str | None, after: int,
        file: Upload | None = None,
    ) -> tuple[Accepted, str, Visitor]:
        """On a linked page a message is one of the contact the link was made for."""
        parts, now, more = self.parts, self.parts.now(), self.beside(file)
        with parts.database.begin() as session:
            token, visitor = self.recognise(session, request, external_id)
            page = self.linked(session, request)
            if page is not None and visitor is not None:
                contact = session.execute(sa.select(Contact).where(Contact.id == page.contact_id)).scalar_one()
                accepted = self._accept(session, contact, f"{BY_PAGE}:{external_id}", text, button_id, more)
                mark_seen(session, contact.id, after, now)
        if page is None or visitor is None:
            return super().take(request, text, external_id, button_id, after, file)
        self.tell(accepted)
        return accepted, token, visitor

    def open(self, token: str) -> str | None:
        """Opens a link: the page's cookie, or None. Opening is pressing the button it stood under."""
        parts = self.parts
        with parts.database.begin() as session:
            opened = open_link(session, parts.keys, token, parts.now())
            if opened is None:
                return None
            cookie, link, contact = opened
            accepted = self._accept(session, contact, opening_name(link.id), "", link.button_id)
        self.tell(accepted)
        return cookie

    def tell(self, accepted: Accepted) -> None:
        """Wakes whoever has something to do now."""
        self.parts.wake.ring(TURN)
        self.parts.wake.ring(OUT)
        self.parts.wake.hint("queue", f"conversation:{accepted.conversation_id}")

    def _accept(
        self, session: Session, contact: Contact, name: str, text: str, button_id: str | None,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> Accepted:
        address = self.parts.keys.open(contact.address)
        values = {**more, "extra": {**more.get("extra", {}), BY_PAGE: True}}
        incoming = Incoming(contact.channel, address, name, text, button_id=button_id, **values)
        return accept(session, self.parts.accept_tools, incoming, self.parts.now())


def the_linked_chat(chat: Chat = Depends(the_chat)) -> LinkedChat:
    """The chat of this app."""
    assert isinstance(chat, LinkedChat)
    return chat


router = APIRouter()


@router.get(PREFIX + "/{token}")
def ask(token: str, chat: LinkedChat = Depends(the_linked_chat)) -> Response:
    """A page with one button: programs that only look at addresses must not use a link up."""
    return chat.pages.html("chat/link.html", gone=False)


@router.post(PREFIX + "/{token}")
def enter(token: str, request: Request, chat: LinkedChat = Depends(the_linked_chat)) -> Response:
    """Opens the link. Unknown, used and too old get the same answer."""
    require_same_site(request, chat.parts.settings)
    cookie = chat.open(token)
    if cookie is None:
        note(log.info, "link_gone")
        return chat.pages.html("chat/link.html", 410, gone=True)
    to_chat = RedirectResponse("/#end", 303)
    to_chat.set_cookie(chat.page_cookie, cookie, path="/", httponly=True, secure=chat.cookies.secure, samesite="lax")
    chat.cookies.drop(to_chat, chat.cookies.veil)
    return to_chat
