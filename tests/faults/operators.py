"""An operator at the desk, over its HTTP: signs in with the first-time login, takes over, writes, gives back."""

from __future__ import annotations

import random
import threading
import time
import uuid
from dataclasses import dataclass, field

import httpx

from tests.cast import hidden
from tests.faults.residents import web_client
from tests.faults.storm import Storm

PASSWORD = "our-own-word-7"


@dataclass
class Operator:
    """小周. Every act is repeated until the desk has answered; repeating changes nothing."""

    storm: Storm
    seed: int
    taken: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.seed}:operator")
        self.client = web_client(self.storm.live.address)
        self.csrf = ""

    def sign_in(self) -> None:
        """With the password that `youmen up` printed, and an own one afterwards."""
        first = self.storm.live.logins["operator"]
        html = {"Accept": "text/html"}
        form = hidden(self.client.get("/desk/login", headers=html).text, "form")
        entered = self.client.post("/desk/login", data={"form": form, "login": "operator", "password": first}, headers=html)
        assert entered.status_code == 303, entered.status_code
        csrf = hidden(self.client.get("/desk/password", headers=html).text, "csrf")
        new = {"csrf": csrf, "old": first, "new": PASSWORD, "again": PASSWORD}
        changed = self.client.post("/desk/password", data=new, headers=html)
        assert changed.status_code == 303, changed.text
        self.csrf = hidden(self.client.get("/desk/password", headers=html).text, "csrf")

    def act(self, conversation: int, what: str, **values: str) -> int:
        """Does something until the desk answers with its word: 200, or 409 for not yours."""
        while True:
            began = time.monotonic()
            try:
                answer = self.client.post(
                    f"/desk/conversations/{conversation}/{what}", data={"csrf": self.csrf, **values}
                )
                if answer.status_code in (200, 404, 409):
                    self.seconds.append(time.monotonic() - began)
                    return answer.status_code
                if answer.status_code not in (500, 502, 503):
                    self.storm.note(f"the desk answered {what} with {answer.status_code}")
            except httpx.HTTPError:
                pass
            if self.storm.stop.is_set():
                return 0
            self.storm.stop.wait(0.3)

    def sees_doubt(self, conversation: int) -> int:
        """How many replies the desk marks as perhaps not delivered."""
        page = self.client.get(f"/desk/conversations/{conversation}", headers={"Accept": "text/html"})
        return page.text.count('data-doubt="unclear"')

    def visit(self, conversation: int) -> None:
        """Takes one over, writes, stays a moment, gives it back."""
        if self.act(conversation, "take_over") != 200:
            return
        self.taken.append(conversation)
        for number in range(self.dice.randint(1, 2)):
            said = str(uuid.uuid4())
            self.act(conversation, "say", text=f"我是工作人员，我在看您的情况（{number + 1}）", id=said)
            if self.dice.random() < 0.2:  # the answer was lost on the way and the page sends it again
                self.act(conversation, "say", text=f"我是工作人员，我在看您的情况（{number + 1}）", id=said)
        self.ending.wait(self.dice.uniform(1.0, 4.0))
        self.act(conversation, "release")

    def run(self) -> None:
        """Visits whoever is ripe until told to end, and to the last of them."""
        waiting: list[int] = []
        while not self.storm.stop.is_set():
            for find in list(self.storm.ripe):
                if (conversation := find()) is not None:
                    self.storm.ripe.remove(find)
                    waiting.append(conversation)
            if waiting:
                self.visit(waiting.pop(0))
            elif self.ending.is_set() and not self.storm.ripe:
                return
            else:
                self.storm.stop.wait(0.05)
