"""The people in the tests, always the same: 王婶 asks for help, 小周 and 小吴 answer, 张干事 works for 龙溪街道, 方工 for
another department."""
from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from fastapi.testclient import TestClient

from actions.access.commands import create_staff
from actions.storage.tables import Ticket
from actions.tickets.commands import Opened, Request, Responsible, open_ticket
from bot.conversation.turn import TurnTools, Worked, work_one
from bot.conversation.wake import Wake
from bot.pages.parts import WebParts
from bot.processes.web import create_app

PASSWORD = "correct-horse-9"
LONGXI, LONGTA = "u-longxi", "u-longta"
# login → (name, role, unit)
STAFF = {
    "zhou": ("小周", "operator", None),
    "wu": ("小吴", "operator", None),
    "zhang": ("张干事", "officer", LONGXI),
    "li": ("李干事", "officer", LONGTA),
    "chen": ("陈科长", "supervisor", None),
    "he": ("何主任", "head", LONGXI),
    "district": ("区民政小刘", "district_officer", None),
    "auditor": ("审计小孙", "auditor", None),
    "admin": ("管理员", "administrator", None),
    "fang": ("方工", "department", None),
}
DEPARTMENTS = {"fang": "housing"}  # who works for another department
ORIGIN = "http://testserver"


class Hints(Wake):
    """Remembers what was rung and hinted."""

    def __init__(self) -> None:
        super().__init__(None)
        self.rung: list[str] = []
        self.hinted: list[str] = []

    def ring(self, bell: str) -> None:
        self.rung.append(bell)

    def hint(self, *panes: str) -> None:
        self.hinted.extend(panes)


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"no field {name}"
    return found.group(1)


@dataclass
class Browser:
    """A browser with its own cookies; follows no redirect by itself."""

    client: TestClient
    csrf: str = ""

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self.client.get(url, follow_redirects=False, **more)

    def post(self, url: str, data: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        headers = {"origin": ORIGIN, **more.pop("headers", {})}
        return self.client.post(url, data=data, headers=headers, follow_redirects=False, **more)

    def do(self, url: str, **data: Any) -> httpx.Response:
        """A post with the csrf value of this session."""
        return self.post(url, {"csrf": self.csrf, **data})

    def write(self, text: str, **more: Any) -> dict[str, Any]:
        """王婶 writes; gives the answer of the server."""
        answer = self.post_json("/chat/messages", {"id": str(uuid.uuid4()), "text": text, **more})
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()
        return data

    def post_json(self, url: str, data: Any, **more: Any) -> httpx.Response:
        headers = {"origin": ORIGIN, "accept": "application/json", **more.pop("headers", {})}
        return self.client.post(url, json=data, headers=headers, follow_redirects=False, **more)

    def lines(self, after: int = 0) -> list[dict[str, Any]]:
        """What the resident's page shows."""
        found: list[dict[str, Any]] = self.client.get(
            f"/chat/messages?after={after}", headers={"accept": "application/json"}).json()["lines"]
        return found


@dataclass
class Stage:
    """The web side on a real database, with the whole cast hired."""

    parts: WebParts
    clock: Any
    app: Any = field(init=False)
    wake: Hints = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.parts)
        assert isinstance(self.parts.wake, Hints)
        self.wake = self.parts.wake

    def hire(self) -> None:
        """Gives everybody of the cast an account."""
        with self.parts.database.begin() as session:
            for login, (name, role, unit) in STAFF.items():
                create_staff(session, login=login, name=name, role=role, unit_id=unit, password=PASSWORD,
                             department=DEPARTMENTS.get(login), now=self.clock(), must_change_password=False)

    def browser(self) -> Browser:
        """A new browser. Errors of the app reach the test as pages, as they would reach a person."""
        return Browser(TestClient(self.app, base_url=ORIGIN, raise_server_exceptions=False))

    def sign_in(self, login: str, password: str = PASSWORD) -> Browser:
        """A browser in which this person is signed in."""
        browser = self.browser()
        form = hidden(browser.get("/desk/login").text, "form")
        answer = browser.post("/desk/login", {"form": form, "login": login, "password": password})
        assert answer.status_code == 303, answer.text
        browser.csrf = hidden(browser.get("/desk/password").text, "csrf")
        return browser

    def work(self, answer: str = "好的", **more: Any) -> Worked | None:
        """The bot works one turn and says `answer`."""
        tools = TurnTools(self.parts.database, self.parts.replies, self.parts.keys, self.wake, self.clock,
                          self.parts.accept_tools)
        return work_one(tools, lambda turn: turn.say_text(answer, **more))

    def ticket(self, unit: str = LONGXI, unit_name: str = "龙溪街道", **more: Any) -> Ticket:
        """A ticket as the bot would open it."""
        return self.opened(unit, unit_name, **more).ticket

    def opened(self, unit: str = LONGXI, unit_name: str = "龙溪街道", **more: Any) -> Opened:
        """A ticket with its query code."""
        clockwork = None if "due" in more else self.parts.knowledge.clockwork
        values: dict[str, Any] = {
            "responsible": Responsible("unit", unit, unit_name, "两江新区"), "programme": "temporary_urgent", "due": None,
            "clockwork": clockwork, "due_rule": "small_quick_aid", "legal_basis": "consent", "event_kind": "fire", "aid_first": True,
            "urgency": "urgent", "event_place": "龙溪街道花卉园西路8号", "household_place": "石船镇",
            "household_unit_name": "石船镇", "phone": "13800138000",
            "facts": {"event_kind": {"value": "fire", "how": "heard"}}, **more,
        }
        with self.parts.database.begin() as session:
            return open_ticket(session, self.parts.keys, Request(**values), self.clock() - timedelta(minutes=1))
