"""A child's conversation: who reads it, from which door, and what stands on record of it."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import (
    Attachment,
    Audit,
    Contact,
    ContactJoin,
    Conversation,
    Draft,
    Message,
    Person,
    Ticket,
    TicketEvent,
)
from tests.cast import Browser, Stage

SAID, PLACE_SAID = "这个月的学费我和妹妹都交不上", "花卉园西路"
KEPT_BACK = "涉及未成年人，限制查看"


def talk(stage: Stage, age: int | None = 12, minor: bool = True, **more: Any) -> tuple[int, str]:
    """(conversation, ticket number) of a child who wrote; `age` is what the bot understood, `minor` the ticket's mark."""
    stage.browser().write(SAID)
    with stage.parts.database.begin() as session:
        conversation = session.execute(sa.select(Conversation).order_by(Conversation.id.desc()).limit(1)).scalar_one()
        answers = {} if age is None else {"age": {"value": age, "how": "heard", "confidence": 1.0}}
        sealed = stage.parts.keys.seal(PLACE_SAID).decode()
        conversation.facts = {**conversation.facts, "answers": answers, "places": {"event": {"text": sealed, "decision": "route"}},
                              **more}
        session.add(Draft(conversation_id=conversation.id, text=f"您刚才说{SAID}", created_at=stage.clock()))
        ids = conversation.id, conversation.contact_id
    ticket = stage.ticket(minor=minor, conversation_id=ids[0], contact_id=ids[1])
    return ids[0], ticket.number


def page(browser: Browser, conversation: int, pane: str = "") -> str:
    url = f"/desk/conversations/{conversation}?folder=all{f'&pane={pane}' if pane else ''}"
    text: str = browser.get(url).text
    return text


def reads(stage: Stage, login: str = "") -> list[tuple[str, str]]:
    with stage.parts.database.begin() as session:
        rows = session.execute(sa.select(Audit.action, Audit.object).where(
            Audit.object.like("conversation:%"), Audit.action.in_(["conversation_read", "conversation_kept_back", "masked_read"])
        ).order_by(Audit.id)).all()
        return [tuple(row) for row in rows]


def photo(stage: Stage, conversation: int) -> int:
    with stage.parts.database.begin() as session:
        contact = session.execute(sa.select(Conversation.contact_id).where(Conversation.id == conversation)).scalar_one()
        message = Message(conversation_id=conversation, contact_id=contact, seq=900, author="resident", kind="photo", text="",
                          waiting=False, handed_over=False, created_at=stage.clock())
        session.add(message)
        session.flush()
        session.add(Attachment(message_id=message.id, channel="web", state="kept", due_at=stage.clock(), tries=0,
                               content=stage.parts.keys.seal_bytes(b"\x89PNG\r\n\x1a\n"), changed_at=stage.clock()))
        return int(message.id)


@pytest.mark.parametrize("login", ["zhou", "wu", "chen", "auditor"])
def test_nobody_reads_it_in_passing(stage: Stage, login: str) -> None:
    conversation, number = talk(stage)
    browser = stage.sign_in(login)
    for pane in ("", "talk", "side", "list"):
        text = page(browser, conversation, pane)
        assert SAID not in text and "妹妹" not in text and PLACE_SAID not in text, (login, pane)
        assert KEPT_BACK in text, (login, pane)
    listed = browser.get("/desk/conversations?folder=all").text
    assert SAID[:6] not in listed and KEPT_BACK in listed and number in listed
    assert set(reads(stage)) == {("conversation_kept_back", f"conversation:{conversation}")}


def test_a_grown_ups_conversation_stays_as_it_was(stage: Stage) -> None:
    conversation, _ = talk(stage, age=18, minor=False)
    for login in ("zhou", "chen", "auditor"):
        assert SAID in page(stage.sign_in(login), conversation) and KEPT_BACK not in page(stage.sign_in(login), conversation)


@pytest.mark.parametrize("more", [{"age": 17, "minor": False}, {"age": None, "minor": True}, {"age": None, "minor": False, "gates": ["child_alone"]}])
def test_what_makes_it_a_childs(stage: Stage, more: dict[str, Any]) -> None:
    conversation, _ = talk(stage, **more)
    assert KEPT_BACK in page(stage.sign_in("wu"), conversation)


def test_an_earlier_conversation_of_the_same_contact_and_a_joined_one(stage: Stage) -> None:
    """The restricted ticket of a contact shuts all its conversations, and those that were joined to it."""
    conversation, number = talk(stage, age=None)
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Conversation).values(mode="closed"))
        session.execute(sa.update(Ticket).values(conversation_id=None))
    assert KEPT_BACK in page(stage.sign_in("wu"), conversation)
    stage.browser().write("我是孩子的奶奶")
    with stage.parts.database.begin() as session:
        other = session.execute(sa.select(Conversation).where(Conversation.id != conversation)).scalar_one()
        other_id = other.id
        person = Person(created_at=stage.clock())
        session.add(person)
        session.flush()
        ticket = session.execute(sa.select(Ticket.id)).scalar_one()
        session.add(ContactJoin(contact_id=other.contact_id, person_id=person.id, ticket_id=ticket, how="staff",
                                joined_at=stage.clock(), joined_by="staff:1"))
    assert KEPT_BACK in page(stage.sign_in("wu"), other_id)
    with stage.parts.database.begin() as session:
        session.execute(sa.update(ContactJoin).values(ended_at=stage.clock(), ended_by="staff:1"))
    assert "孩子的奶奶" in page(stage.sign_in("wu"), other_id)


def test_who_has_it_in_hand_reads_it_and_nobody_beside(stage: Stage) -> None:
    conversation, _ = talk(stage)
    zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
    assert zhou.do(f"/desk/conversations/{conversation}/take_over").status_code == 303
    text = page(zhou, conversation)
    assert SAID in text and PLACE_SAID in text and f"您刚才说{SAID}" in text
    assert SAID in zhou.get("/desk/conversations?folder=mine").text
    assert KEPT_BACK in page(wu, conversation) and SAID not in page(wu, conversation, "talk")
    zhou.do(f"/desk/conversations/{conversation}/release")
    assert KEPT_BACK in page(zhou, conversation)


def test_after_handing_on_the_other_one_reads_it(stage: Stage) -> None:
    conversation, _ = talk(stage)
    zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
    wu.do("/desk/beat")
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    with stage.parts.database.begin() as session:
        to = session.execute(sa.text("SELECT id FROM staff WHERE login = 'wu'")).scalar_one()
    assert zhou.do(f"/desk/conversations/{conversation}/transfer", to=str(to), why="您接").status_code == 303
    assert SAID in page(wu, conversation) and KEPT_BACK in page(zhou, conversation)


def test_in_danger_whoever_could_help_reads_it_until_somebody_has_it(stage: Stage) -> None:
    conversation, _ = talk(stage)
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Conversation).values(danger="now", danger_at=stage.clock()))
    zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
    assert SAID in page(zhou, conversation) and SAID in page(wu, conversation)
    assert KEPT_BACK in page(stage.sign_in("auditor"), conversation)  # who cannot help does not read
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    assert SAID in page(zhou, conversation) and KEPT_BACK in page(wu, conversation)


class TestReason:
    def give(self, browser: Browser, conversation: int, reason: str = "check", **more: str) -> Any:
        return browser.do(f"/desk/conversations/{conversation}/show", reason=reason, **more)

    def test_the_supervisor_reads_it_for_a_reason_for_ten_minutes(self, stage: Stage) -> None:
        conversation, _ = talk(stage)
        chen = stage.sign_in("chen")
        assert "写明理由查看" in page(chen, conversation)
        assert self.give(chen, conversation, "other", words="家长来电核对").status_code == 303
        assert SAID in page(chen, conversation) and PLACE_SAID in page(chen, conversation)
        assert KEPT_BACK in page(stage.sign_in("wu"), conversation)  # a reason is one person's
        with stage.parts.database.begin() as session:
            row = session.execute(sa.select(Audit).where(Audit.action == "masked_read")).scalar_one()
            assert (row.object, row.data["what"], row.data["reason"]) == (f"conversation:{conversation}", "talk", "other")
            assert stage.parts.keys.open(row.data["words"].encode()) == "家长来电核对" and "家长" not in str(row.data)
        stage.clock.advance(minutes=10, seconds=1)
        assert KEPT_BACK in page(chen, conversation)

    def test_a_reason_for_one_conversation_opens_no_other(self, stage: Stage) -> None:
        (first, _), (second, _) = talk(stage), talk(stage)
        chen = stage.sign_in("chen")
        self.give(chen, first)
        assert SAID in page(chen, first) and KEPT_BACK in page(chen, second)

    @pytest.mark.parametrize("reason, words", [("", ""), ("curious", ""), ("other", "  ")])
    def test_without_a_reason_it_stays_shut(self, stage: Stage, reason: str, words: str) -> None:
        conversation, _ = talk(stage)
        chen = stage.sign_in("chen")
        answer = self.give(chen, conversation, reason, words=words)
        assert answer.status_code == 422 and "请选一个理由" in answer.text and SAID not in answer.text
        assert KEPT_BACK in page(chen, conversation) and "masked_read" not in dict(reads(stage))

    @pytest.mark.parametrize("login", ["zhou", "auditor", "zhang", "he", "district", "admin"])
    def test_who_may_not(self, stage: Stage, login: str) -> None:
        """The operator takes over instead; officers see the case on the ticket; the auditor sees who looked."""
        conversation, _ = talk(stage)
        assert self.give(stage.sign_in(login), conversation).status_code == 404
        assert reads(stage) == []


class TestFiles:
    def test_what_came_with_it_is_shut_with_it(self, stage: Stage) -> None:
        conversation, _ = talk(stage)
        url = f"/desk/conversations/{conversation}/attachments/{photo(stage, conversation)}"
        for login in ("zhou", "chen", "auditor"):
            browser = stage.sign_in(login)
            assert browser.get(url).status_code == browser.get(f"{url}/content").status_code == 404, login
        chen = stage.sign_in("chen")
        chen.do(f"/desk/conversations/{conversation}/show", reason="check")
        assert chen.get(url).status_code == chen.get(f"{url}/content").status_code == 200
        stage.clock.advance(minutes=10, seconds=1)
        assert chen.get(f"{url}/content").status_code == 404

    def test_from_the_ticket_it_opens_for_the_reason_given_there(self, stage: Stage) -> None:
        conversation, number = talk(stage)
        photo(stage, conversation)
        with stage.parts.database.begin() as session:
            ticket = session.execute(sa.select(Ticket.id)).scalar_one()
            session.add(TicketEvent(id=900, ticket_id=ticket, kind="supplemented", actor="resident", at=stage.clock(),
                                    data={"conversation": conversation, "seq": 900, "sent": [900]}))
        zhang, url = stage.sign_in("zhang"), f"/desk/ticket/{number}/sent/900/900"
        assert zhang.get(url).status_code == zhang.get(f"{url}/content").status_code == 404
        shown = zhang.do(f"/desk/tickets/{number}/show", what="case", reason="visit")
        assert url in shown.text and zhang.get(url).status_code == zhang.get(f"{url}/content").status_code == 200


class TestTheRestOfTheCase:
    """What other pages of a child's ticket said in passing."""

    def test_words_beside_a_signature(self, stage: Stage) -> None:
        _, number = talk(stage)
        zhang = stage.sign_in("zhang")
        zhang.do(f"/desk/ticket/{number}/do/accept", version="1")
        zhang.do(f"/desk/ticket/{number}/do/verify", version="2", way="visit", findings="孩子跟奶奶住")
        answer = zhang.do(f"/desk/ticket/{number}/do/submit", version="3", opinion="give", amount="500", words="奶奶有高血压")
        assert answer.status_code == 303
        assert "奶奶有高血压" not in zhang.get(f"/desk/tickets/{number}").text
        assert "奶奶有高血压" in zhang.do(f"/desk/tickets/{number}/show", what="case", reason="visit").text

    def test_who_is_asked_for_an_authorisation(self, stage: Stage) -> None:
        _, number = talk(stage)
        zhang, url = stage.sign_in("zhang"), f"/desk/tickets/{number}/authorisations"
        zhang.do(url, kind="household", scope_income="yes", name_1="欧阳小宝", under_14_1="yes", guardian_1="欧阳奶奶")
        shut = zhang.get(url)
        assert "欧阳" not in shut.text and KEPT_BACK in shut.text
        zhang.do(f"/desk/tickets/{number}/show", what="case", reason="check")
        assert "欧阳小宝" in zhang.get(url).text


def test_a_live_pane_is_told_that_something_changed_and_reads_nothing_with_it(stage: Stage) -> None:
    from bot.desk.console import hints_for

    conversation, _ = talk(stage)
    viewer = type("V", (), {"may": lambda self, what: True})()
    assert hints_for(viewer)(f"conversation:{conversation}") == f"conversation:{conversation}"  # type: ignore[arg-type]
    assert SAID not in page(stage.sign_in("wu"), conversation, "talk")


def test_contacts_are_untouched(stage: Stage) -> None:
    """The child goes on writing and reading their own talk."""
    browser = stage.browser()
    browser.write(SAID)
    with stage.parts.database.begin() as session:
        contact = session.execute(sa.select(Contact.id)).scalar_one()
    stage.ticket(minor=True, contact_id=contact)
    assert any(SAID in line["text"] for line in browser.lines())
