"""Plays the week: people come, staff work over HTTP, the courier makes its rounds whenever something has come due."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.due.clock import SHANGHAI
from actions.intake.commands import make_api_key
from actions.places.record import outcome_of
from actions.places.resolver import resolve_answer
from actions.steps.filing import file_ticket
from actions.storage.tables import (
    AuthorisationMember,
    CheckResult,
    Message,
    Notice,
    Staff,
    Ticket,
    TicketClock,
    TicketEvent,
    Timer,
)
from actions.tickets.commands import hand_back
from actions.tickets.commands.upkeep import set_upkeep
from actions.tickets.watching import stuck
from bot.conversation.post import post_one, run_timer
from bot.conversation.turn import TurnTools, work_one
from tests.cast import PASSWORD, Browser, Stage, hidden
from tests.channels.test_files import PNG
from tests.week.story import Case, Day, Step, Story, moment, shown

PLACE = "龙溪街道花卉园西路8号"
DAY = timedelta(hours=11)  # a session lasts twelve
NEWS = "clock_"  # kinds of notices about clocks
_CODE = re.compile(r"<dt>查询码</dt><dd class=\"num\"><b>(\w{6})</b>")
_NUMBER = re.compile(r"YM\d{6}-\w{5}-\w")


@dataclass
class Seen:
    """What one morning showed."""

    open: int = 0
    hands: dict[str, list[str]] = field(default_factory=dict)
    due: dict[str, list[str]] = field(default_factory=dict)
    overdue: dict[str, list[str]] = field(default_factory=dict)
    stuck: dict[str, list[str]] = field(default_factory=dict)
    reminders: dict[str, int] = field(default_factory=dict)
    provisional: list[str] = field(default_factory=list)
    ownerless: list[str] = field(default_factory=list)
    pages: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Town:
    """The desk of the week, its people and what has become of every ticket so far."""

    stage: Stage
    story: Story
    numbers: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    homes: dict[str, Browser] = field(default_factory=dict)  # browsers of residents who came by the chat
    staff: dict[str, int] = field(default_factory=dict)
    mornings: dict[str, Seen] = field(default_factory=dict)
    api_key: str = ""
    _signed: dict[str, tuple[datetime, Browser]] = field(default_factory=dict)
    _looked: datetime | None = None

    # --- time -------------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """The whole week."""
        self._hire()
        for at, _, deed in sorted(self._deeds(), key=lambda one: one[:2]):
            self._until(at)
            deed()
            self._post()

    def _deeds(self) -> Iterator[tuple[datetime, int, Any]]:
        """(when, order among those at one moment, what)."""
        for case in self.story.cases.values():
            yield case.at, 0, lambda case=case: self._come(case)
            for step in case.steps:
                yield step.at, 1, lambda case=case, step=step: self._do(case, step)
        for day in self.story.days:
            for deed in day.deeds:
                yield moment(deed["at"]), 1, lambda deed=deed: self._of_the_office(deed)
            yield day.at, 2, lambda day=day: self._look(day)

    def _until(self, at: datetime) -> None:
        """The courier runs every timer at the moment it is due; then it is `at`."""
        parts, clock = self.stage.parts, self.stage.clock
        while True:
            with parts.database.begin() as session:
                first = session.execute(sa.select(sa.func.min(Timer.due_at))).scalar()
            if first is None or first > at:
                break
            clock.now = max(clock.now, first)
            assert run_timer(parts.database, parts.knowledge, clock(), work=parts.work) is not None
            self._post()
        clock.now = at

    def _post(self) -> None:
        """The courier posts what is to be said."""
        parts = self.stage.parts
        while post_one(parts.database, parts.knowledge, self.stage.clock()) is not None:
            pass

    def _hire(self) -> None:
        """Everybody has worked here since before the first ticket."""
        first = min(case.at for case in self.story.cases.values())
        self.stage.clock.now = first.replace(hour=8, minute=0)
        with self.stage.parts.database.begin() as session:
            for login, (name, role, unit) in self.story.cast["staff"].items():
                create_staff(session, login=login, name=name, role=role, unit_id=None if unit == "null" else unit,
                             password=PASSWORD, now=self.stage.clock(), must_change_password=False)
            self.staff = {row.login: row.id for row in session.execute(sa.select(Staff)).scalars()}
            self.api_key = make_api_key(session, "12345热线", self.stage.clock())
            set_upkeep(session, self.stage.clock())

    # --- coming in ---------------------------------------------------------------------------------------------------

    def _come(self, case: Case) -> None:
        door = case.came["door"]
        {"bot": self._by_chat, "desk": self._at_desk, "api": self._by_api}[door](case)

    def _by_chat(self, case: Case) -> None:
        """Somebody writes in the web chat, and the turn files what is known as the dialogue does when it has asked."""
        parts, came = self.stage.parts, case.came
        know, keys = parts.knowledge, parts.keys
        home = self.homes[case.id] = self.stage.browser()
        home.write("你好，我想求助")

        def think(turn: Any) -> None:
            turn.facts.consent, turn.facts.phone = "given", keys.seal(came["phone"]).decode()
            turn.facts.answers = {name: {"value": value, "how": "pressed"} for name, value in came["facts"].items()}
            route = resolve_answer(came["place"], "event", know.gazetteer, turn.now.astimezone(SHANGHAI).date())
            turn.facts.places["event"] = {**outcome_of(route, "event"), "text": keys.seal(came["place"]).decode(), "confirmed": True}
            opened = file_ticket(turn, know, "confirmed")
            self.numbers[case.id], self.codes[case.id] = opened.ticket.number, opened.query_code

        worked = work_one(TurnTools(parts.database, parts.replies, keys, self.stage.wake, self.stage.clock, parts.accept_tools), think)
        assert worked is not None and worked.outcome == "answered", (case.id, worked)

    def _at_desk(self, case: Case) -> None:
        came = {"event_place": PLACE, **case.came}
        browser = self.browser(came.pop("by"))
        warns = came.pop("warns", None)
        fields = {name: value for name, value in came.items() if name not in ("at", "door")}
        answer = browser.do("/desk/intake", external_id=hidden(browser.get("/desk/intake").text, "external_id"), **fields)
        assert answer.status_code == 200, (case.id, answer.text[-1500:])
        self.numbers[case.id] = self._newest()
        assert ("请留意" in answer.text) is (warns is not None), case.id
        assert warns is None or self.numbers[warns] in answer.text, case.id
        code = _CODE.search(answer.text)
        if code is not None:
            self.codes[case.id] = code.group(1)

    def _by_api(self, case: Case) -> None:
        body = {name: value for name, value in case.came.items() if name not in ("at", "door")}
        answer = self.stage.browser().client.post(
            "/api/tickets", headers={"authorization": f"Bearer {self.api_key}"},
            json={"external_id": f"12345-{case.id}", "event_place": PLACE, **body})
        assert answer.status_code == 201, (case.id, answer.text)
        self.numbers[case.id] = answer.json()["number"]

    def _newest(self) -> str:
        with self.stage.parts.database.begin() as session:
            return str(session.execute(sa.select(Ticket.number).order_by(Ticket.id.desc()).limit(1)).scalar_one())

    # --- working -----------------------------------------------------------------------------------------------------

    def browser(self, login: str) -> Browser:
        """A browser of this person; signed in anew every day."""
        now = self.stage.clock()
        known = self._signed.get(login)
        if known is None or now - known[0] > DAY:
            known = self._signed[login] = (now, self.stage.sign_in(login))
        return known[1]

    def row(self, case: str) -> Ticket:
        """The ticket as it stands."""
        with self.stage.parts.database.begin() as session:
            return session.execute(sa.select(Ticket).where(Ticket.number == self.numbers[case])).scalar_one()

    def _form(self, step: Step) -> dict[str, str]:
        form = {**self.story.forms.get(step.command, {}), **step.form}
        day = self.stage.clock().astimezone(SHANGHAI).date().isoformat()
        return {name: day if value == "@today" else self.numbers[value[1:]] if value.startswith("@") else value
                for name, value in form.items()}

    def _do(self, case: Case, step: Step) -> None:
        before = self._state(case.id)
        special = {"ask_authorisation": self._ask_authorisation, "authorisation": self._answer, "check_result": self._result,
                   "clear_check": self._clear, "see_minor": self._see_minor}
        if step.who == "resident":
            answer, done = self._resident(case, step)
        elif step.command in special:
            answer = special[step.command](case, step)
            done = answer.status_code in (200, 303)
        else:
            answer = self.browser(step.who).do(
                f"/desk/ticket/{self.numbers[case.id]}/do/{step.command}", version=str(before[1]), **self._form(step))
            done = answer.status_code == 303
        where = (case.id, shown(step.at), step.who, step.command, answer.status_code)
        if step.refused is None:
            assert done, (*where, _said(answer))
        else:
            assert not done and step.refused in answer.text, (*where, _said(answer))
            assert self._state(case.id) == before, where

    def _state(self, case: str) -> tuple[str, int, int, int]:
        """State, version, events and notices: what a refused command leaves alone."""
        with self.stage.parts.database.begin() as session:
            ticket = session.execute(sa.select(Ticket).where(Ticket.number == self.numbers[case])).scalar_one()
            events = session.execute(sa.select(TicketEvent.id).where(TicketEvent.ticket_id == ticket.id)).scalars().all()
            notices = session.execute(sa.select(sa.func.count()).where(Notice.event_id.in_(events))).scalar_one()
            return ticket.state, ticket.version, len(events), notices

    def _resident(self, case: Case, step: Step) -> tuple[httpx.Response, bool]:
        """On the progress page, from any browser, with number and query code. (what the page says, whether it was done)."""
        browser, before = self.stage.browser(), self._state(case.id)
        page = browser.post("/progress", {"number": self.numbers[case.id], "code": self.codes[case.id]}).text
        form = {"pass": hidden(page, "pass"), "deed": step.command, **step.form}
        files: dict[str, Any] = {}
        if form.pop("file", None):
            files, form["id"] = {"files": {"file": ("发票.png", PNG, "image/png")}}, f"page-{case.id}-1"
        if step.command == "withdraw":
            assert "确定撤回" in browser.post("/progress/do", form).text
            form["sure"] = "1"
        answer = browser.post("/progress/do", form, **files)
        return answer, answer.status_code == 200 and self._state(case.id) != before

    def _authorisations(self, case: Case) -> str:
        return f"/desk/tickets/{self.numbers[case.id]}/authorisations"

    def _ask_authorisation(self, case: Case, step: Step) -> httpx.Response:
        return self.browser(step.who).do(self._authorisations(case), **step.form)

    def _member(self, case: Case, step: Step) -> tuple[int, dict[str, str]]:
        """(row of the n-th person asked, the rest of the form)."""
        form = dict(step.form)
        place = int(form.pop("member"))
        with self.stage.parts.database.begin() as session:
            return session.execute(sa.select(AuthorisationMember.id).order_by(AuthorisationMember.id)).scalars().all()[place - 1], form

    def _answer(self, case: Case, step: Step) -> httpx.Response:
        member, form = self._member(case, step)
        return self.browser(step.who).do(f"{self._authorisations(case)}/members/{member}", **form)

    def _result(self, case: Case, step: Step) -> httpx.Response:
        member, form = self._member(case, step)
        return self.browser(step.who).do(f"{self._authorisations(case)}/members/{member}/result", **form)

    def _clear(self, case: Case, step: Step) -> httpx.Response:
        with self.stage.parts.database.begin() as session:
            result = session.execute(sa.select(sa.func.max(CheckResult.id))).scalar_one()
        return self.browser(step.who).do(f"{self._authorisations(case)}/results/{result}/clear", **step.form)

    def _see_minor(self, case: Case, step: Step) -> httpx.Response:
        """Place, facts and words of a child's ticket are kept back until a reason is given."""
        browser, page = self.browser(step.who), f"/desk/tickets/{self.numbers[case.id]}"
        assert "限制查看" in browser.get(page).text and "跟着奶奶" not in browser.get(page).text
        answer = browser.do(f"{page}/show", what="case", reason="check")
        assert "跟着奶奶" in answer.text or "跟着奶奶" in browser.get(page).text
        return answer

    # --- the office -----------------------------------------------------------------------------------------------------

    def _of_the_office(self, deed: Mapping[str, str]) -> None:
        parts, who = self.stage.parts, deed["who"]
        if "leaves" in deed:  # as `youmen user off` does it
            with parts.database.begin() as session:
                session.execute(sa.select(Staff).where(Staff.login == who)).scalar_one().active = False
                hand_back(session, parts.work, self.staff[who], parts.now())
            return
        if "surge" in deed:
            answer = self.browser(who).do("/desk/surges", cause=deed["surge"], until=deed["until"], reason=deed["reason"])
        else:
            answer = self.browser(who).do("/desk/powers/delegations", **{
                "from": str(self.staff[who]), "to": str(self.staff[deed["to"]]), "permission": deed["lends"],
                "from_day": deed["from_day"], "to_day": deed["to_day"], "reason": deed["reason"]})
        assert answer.status_code == 303, (deed, _said(answer))

    # --- mornings --------------------------------------------------------------------------------------------------------

    def _look(self, day: Day) -> None:
        """What staff see in the morning: rows, and the page of the daily list as head and district read it."""
        parts, now = self.stage.parts, self.stage.clock()
        seen, names = Seen(), {number: case for case, number in self.numbers.items()}
        logins = {id_: login for login, id_ in self.staff.items()}
        since = self._looked or datetime.combine(day.day, datetime.min.time(), SHANGHAI)
        with parts.database.begin() as session:
            for ticket in session.execute(sa.select(Ticket).where(Ticket.closed_at.is_(None)).order_by(Ticket.id)).scalars():
                seen.open += 1
                desk = f"desk:{ticket.unit_id}" if ticket.desk == "unit" else ticket.desk
                hand = logins[ticket.accepted_by] if ticket.accepted_by is not None else desk
                seen.hands.setdefault(hand, []).append(names[ticket.number])
                if ticket.desk not in ("unit", "district", "outside") or ticket.desk == "unit" and not ticket.unit_id:
                    seen.ownerless.append(names[ticket.number])
            runs = sa.select(TicketClock, Ticket.number).join(Ticket, Ticket.id == TicketClock.ticket_id).where(
                TicketClock.stopped_at.is_(None), TicketClock.paused_at.is_(None)).order_by(TicketClock.id)
            for row, number in session.execute(runs):
                due = row.due_at.astimezone(SHANGHAI)
                if due < now:
                    seen.overdue.setdefault(names[number], []).append(row.clock)
                elif due.date() == day.day:
                    seen.due.setdefault(names[number], []).append(row.clock)
                if row.provisional:
                    seen.provisional.append(names[number])
            for entry in stuck(session, sa.select(Ticket), parts.knowledge.clockwork, now):
                seen.stuck[names[entry.ticket.number]] = sorted(entry.since)
            told = session.execute(sa.select(Notice.recipient).where(
                Notice.kind.startswith(NEWS), Notice.created_at > since, Notice.created_at <= now)).scalars()
            unit = self.story.cast["unit"]
            ranks = {f"unit:{unit}": "officer", f"head:{unit}": "head"}
            seen.reminders = dict(Counter(ranks.get(recipient, recipient) for recipient in told))
        for login in ("he", "chen"):
            page = self.browser(login).get("/desk/stuck").text
            seen.pages[login] = [names[number] for number in dict.fromkeys(_NUMBER.findall(page.split("最近两周")[0]))]
        self.mornings[day.day.isoformat()], self._looked = seen, now

    # --- what became of a ticket --------------------------------------------------------------------------------------

    def clocks(self, case: str) -> list[tuple[str, str, str, str | None]]:
        """Every clock: (name, deadline, kept|missed|runs, when it stopped)."""
        with self.stage.parts.database.begin() as session:
            rows = session.execute(sa.select(TicketClock).join(Ticket, Ticket.id == TicketClock.ticket_id).where(
                Ticket.number == self.numbers[case]).order_by(TicketClock.id)).scalars().all()
        return [(row.clock, shown(row.due_at),
                 "runs" if row.stopped_at is None else "kept" if row.stopped_at <= row.due_at else "missed",
                 None if row.stopped_at is None else shown(row.stopped_at)) for row in rows]

    def told(self, case: str) -> list[tuple[str, str]]:
        """(kind, state) of every notice to the resident."""
        with self.stage.parts.database.begin() as session:
            return [tuple(row) for row in session.execute(
                sa.select(Notice.kind, Notice.state).join(TicketEvent, TicketEvent.id == Notice.event_id)
                .join(Ticket, Ticket.id == TicketEvent.ticket_id)
                .where(Ticket.number == self.numbers[case], Notice.recipient == "resident").order_by(Notice.id))]

    def heard(self, case: str) -> list[str]:
        """What stands in the resident's chat beside the talk itself."""
        with self.stage.parts.database.begin() as session:
            return list(session.execute(
                sa.select(Message.text).join(Notice, Notice.message_id == Message.id)
                .join(TicketEvent, TicketEvent.id == Notice.event_id).join(Ticket, Ticket.id == TicketEvent.ticket_id)
                .where(Ticket.number == self.numbers[case]).order_by(Message.seq)).scalars())


def _said(answer: httpx.Response) -> str:
    """The words of a page, for the message of a failed step."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))[-700:]
