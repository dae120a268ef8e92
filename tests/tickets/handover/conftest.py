"""龙溪街道 with a ticket in hand that others can help with, and people of other departments beside the cast."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.storage.tables import Audit, Contact, Notice, Subticket, Ticket, TicketEvent
from actions.tickets.commands import perform, perform_subticket
from actions.tickets.commands.persons import PersonGiven
from tests.cast import PASSWORD, Stage
from tests.tickets.counting import Office

WANG = PersonGiven("applicant", name="王淑芬", phone="13900139000", identity="500112196001011234")
WORDS = "请看看三楼还能不能住"
AGREED = {"request": "charity.charity_help", "recipient": "某慈善会，座机", "answer": "given", "by": "self", "way": "phone",
          "on": "2026-11-20"}
NOTED = {"outcome": "helped", "who": "张科员，电话", "on": "2026-11-20", "words": "已经发了被褥"}
# who beside 方工 works for another department: login → (name, department)
OTHERS = {"qin": ("应急小秦", "emergency"), "yan": ("医保小严", "medical")}


@dataclass
class Handover:
    """One accepted ticket of 龙溪街道 and everybody who may come to it."""

    office: Office = field(repr=False)  # it is long, and said of every example that fails
    number: str = ""
    code: str = ""

    @property
    def stage(self) -> Stage:
        return self.office.stage

    def open(self, **more: Any) -> str:
        """A ticket that came by 王婶's contact, accepted by 张干事."""
        with self.office.session() as session:
            contact = Contact(channel="web", address=b"x", address_hash=uuid.uuid4().bytes, created_at=self.stage.clock(),
                              last_seen_at=self.stage.clock())
            session.add(contact)
            session.flush()
            contact_id = int(contact.id)
        made = self.stage.opened(**{"contact_id": contact_id, "persons": (WANG,), **more})
        self.number, self.code = made.ticket.number, made.query_code
        self.office.do(self.number, "accept")
        return self.number

    def do(self, command: str, who: str = "zhang", **form: str) -> Any:
        return self.office.do(self.number, command, who, **form)

    def hand_over(self, request: str, words: str = WORDS, who: str = "zhang") -> str:
        """The number of the new sub-ticket."""
        self.do("hand_over", who, request=request, words=words)
        return str(self.rows()[-1].number)

    def sub(self, number: str, command: str, who: str = "fang", form: Mapping[str, str] | None = None, version: int | None = None) -> Any:
        with self.office.session() as session:
            stands = session.execute(sa.select(Subticket.version).where(Subticket.number == number)).scalar_one()
            return perform_subticket(session, self.office.work, self.office.people[who], number=number, command=command,
                                     version=version or stands, form=form or {}, now=self.stage.clock())

    def row(self, number: str) -> Any:
        with self.office.session() as session:
            return session.execute(sa.select(Subticket).where(Subticket.number == number)).scalar_one()

    def rows(self) -> list[Any]:
        with self.office.session() as session:
            return list(session.execute(sa.select(Subticket).join(Ticket, Ticket.id == Subticket.ticket_id)
                                        .where(Ticket.number == self.number).order_by(Subticket.id)).scalars())

    def told(self, recipient: str = "resident") -> list[tuple[str, str, dict[str, str]]]:
        """(kind, state, parameters) of the notices to somebody about others who were asked."""
        with self.office.session() as session:
            rows = session.execute(
                sa.select(Notice).join(TicketEvent, TicketEvent.id == Notice.event_id).join(Ticket, Ticket.id == TicketEvent.ticket_id)
                .where(Ticket.number == self.number, Notice.recipient == recipient,
                       sa.or_(Notice.kind.like("departments%"), Notice.kind.like("subticket%"))).order_by(Notice.id)).scalars()
            return [(row.kind, row.state, row.parameters) for row in rows]

    def audit(self, action: str, object_: str) -> list[Any]:
        with self.office.session() as session:
            return list(session.execute(sa.select(Audit).where(Audit.action == action, Audit.object == object_)
                                        .order_by(Audit.id)).scalars())

    def perform_on(self, command: str, viewer: Any, form: Mapping[str, str]) -> Any:
        """A command of the ticket by somebody who is none of the cast."""
        with self.office.session() as session:
            version = session.execute(sa.select(Ticket.version).where(Ticket.number == self.number)).scalar_one()
            return perform(session, self.office.work, viewer, number=self.number, command=command, version=version, form=form,
                           now=self.stage.clock())


@pytest.fixture
def handover(stage: Stage, work: Any) -> Handover:
    """An accepted ticket."""
    with stage.parts.database.begin() as session:
        for login, (name, department) in OTHERS.items():
            create_staff(session, login=login, name=name, role="department", unit_id=None, department=department, password=PASSWORD,
                         now=stage.clock(), must_change_password=False)
    made = Handover(Office(stage, work))
    made.open()
    return made

