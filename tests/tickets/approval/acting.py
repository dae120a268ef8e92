"""People at the desk who do one thing after another with a ticket, over HTTP, and what is left of it in the rows."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.storage.tables import Approval, Staff, Ticket
from tests.cast import LONGXI, PASSWORD, Browser, Stage
from tests.tickets.conftest import with_limit

VERIFY = {"way": "visit", "findings": "房子烧了"}
GIVE = {"opinion": "give", "words": "情况属实"}
NOT_GIVE = {"opinion": "not_give", "words": "没有这件事"}
# beside the cast: 龙溪街道 has a second officer, the district a second officer and a second head
MORE = {"sun": ("孙干事", "officer", LONGXI), "qian": ("区民政小钱", "district_officer", None), "wei": ("魏局长", "supervisor", None)}


@dataclass
class Desk:
    """The desk of an area; everybody stays signed in."""

    stage: Stage
    browsers: dict[str, Browser] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.stage.parts.database.begin() as session:
            for login, (name, role, unit) in MORE.items():
                create_staff(session, login=login, name=name, role=role, unit_id=unit, password=PASSWORD,
                             now=self.stage.clock(), must_change_password=False)

    def limit(self, yuan: int | None, **more: Any) -> None:
        """From now on townships decide up to so much."""
        know = self.stage.parts.knowledge
        object.__setattr__(self.stage.parts, "knowledge", replace(know, book=with_limit(know.book, yuan, **more)))
        self.stage.parts.__dict__.pop("work", None)

    def browser(self, login: str) -> Browser:
        if login not in self.browsers:
            self.browsers[login] = self.stage.sign_in(login)
        return self.browsers[login]

    def row(self, number: str) -> Ticket:
        with self.stage.parts.database.begin() as session:
            return session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()

    def staff(self, login: str) -> int:
        with self.stage.parts.database.begin() as session:
            return int(session.execute(sa.select(Staff.id).where(Staff.login == login)).scalar_one())

    def do(self, login: str, number: str, command: str, **form: str) -> httpx.Response:
        """One command with the version that stands."""
        self.stage.clock.advance(seconds=1)
        return self.browser(login).do(f"/desk/ticket/{number}/do/{command}", version=str(self.row(number).version), **form)

    def done(self, login: str, number: str, command: str, **form: str) -> None:
        """A command that must succeed."""
        answer = self.do(login, number, command, **form)
        assert answer.status_code == 303, (command, answer.status_code, answer.text[-1500:])

    def refused(self, login: str, number: str, command: str, says: str, *, status: int = 409, **form: str) -> None:
        """A command that is refused with this sentence and leaves everything as it was."""
        before = self.everything(number)
        answer = self.do(login, number, command, **form)
        assert answer.status_code == status and says in answer.text, (answer.status_code, answer.text[-1500:])
        assert self.everything(number) == before

    def everything(self, number: str) -> Any:
        ticket = self.row(number)
        with self.stage.parts.database.begin() as session:
            rows = session.execute(sa.text(
                "SELECT (SELECT count(*) FROM approval), (SELECT count(*) FROM aid), (SELECT count(*) FROM aid WHERE second IS "
                "NOT NULL), (SELECT count(*) FROM meeting), (SELECT count(*) FROM ticket_event), (SELECT count(*) FROM notice)"
            )).one()
        return ticket.state, ticket.version, ticket.sent_up, tuple(rows)

    def signed(self, number: str) -> list[tuple[str, str, str, Any]]:
        """(level, step, login, amount) of every signature."""
        with self.stage.parts.database.begin() as session:
            return [(row.level, row.step, login, row.amount) for row, login in session.execute(
                sa.select(Approval, Staff.login).join(Staff, Staff.id == Approval.staff_id)
                .join(Ticket, Ticket.id == Approval.ticket_id).where(Ticket.number == number).order_by(Approval.id))]

    def verified(self, by: str = "zhang", **more: Any) -> str:
        """A ticket that has been looked into."""
        number = self.stage.ticket(**more).number
        self.done(by, number, "accept")
        self.done(by, number, "verify", **VERIFY)
        return number

    def proposed(self, amount: str = "800", by: str = "zhang", **form: str) -> str:
        number = self.verified(by)
        self.done(by, number, "submit", **{**GIVE, "amount": amount, **form})
        return number

    def reviewed(self, amount: str = "800", **form: str) -> str:
        number = self.proposed(amount, **form)
        self.done("sun", number, "review", **GIVE)
        return number

    def sent_up(self, amount: str = "5000", **form: str) -> str:
        number = self.reviewed(amount, **form)
        self.done("he", number, "send_up", words="超过额度")
        return number

    def page(self, login: str, number: str) -> str:
        return self.browser(login).get(f"/desk/tickets/{number}").text
