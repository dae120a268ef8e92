"""A query code for the person a neighbour told of: after their consent, shown once or sent to them alone; and what the
reporter is told meanwhile, which is nothing but that it was received."""
from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from actions.intake.commands import note_told_by_other
from actions.storage.tables import Audit, Contact, Conversation, Message, Notice, Ticket, TicketEvent
from bot.conversation.post import held_notices, post_one
from tests.cast import Browser, Stage
from tests.intake.test_taking_in import TestFoundByOthers, rows, the_ticket
from tests.intake_help import file

CODE = re.compile(r"<dt>查询码</dt><dd class=\"num\"><b>([0-9A-Z]{6})</b>")


def found(stage: Stage) -> str:
    """A neighbour told of 王婶; 张干事 has accepted."""
    file(stage.sign_in("zhou"), **TestFoundByOthers.REPORTER)
    number = the_ticket(stage).number
    do(stage, number, "accept")
    return number


def do(stage: Stage, number: str, command: str, login: str = "zhang", **form: str) -> Any:
    with stage.parts.database.begin() as session:
        version = session.execute(sa.select(Ticket.version).where(Ticket.number == number)).scalar_one()
    return stage.sign_in(login).do(f"/desk/ticket/{number}/do/{command}", version=str(version), **form)


def given(stage: Stage, number: str) -> str:
    """The code that is shown."""
    answer = do(stage, number, "give_code", checked="met")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store", answer.text[-600:]
    match = CODE.search(answer.text)
    assert match is not None
    return match.group(1)


def progress(stage: Stage, number: str, code: str, browser: Browser | None = None) -> str:
    text: str = (browser or stage.browser()).post("/progress", {"number": number, "code": code}).text
    return text


def everything(stage: Stage) -> str:
    """All that is stored in clear."""
    with stage.parts.database.begin() as session:
        tables = (TicketEvent, Notice, Message, Audit, Ticket)
        return "\n".join(str({c.key: getattr(row, c.key) for c in table.__table__.columns})
                         for table in tables for row in session.execute(sa.select(table)).scalars())


class TestGiving:
    @pytest.mark.parametrize("consent", [None, "declined", "unable"])
    @pytest.mark.parametrize("command", ["give_code", "send_code"])
    def test_never_before_consent(self, stage: Stage, consent: str | None, command: str) -> None:
        number = found(stage)
        if consent is not None:
            do(stage, number, "note_consent", consent=consent)
        before = rows(stage, sa.select(Ticket.query_code_hash))
        answer = do(stage, number, command, checked="met")
        assert answer.status_code == 409 and "本人还没有表示愿意" in answer.text and CODE.search(answer.text) is None
        assert rows(stage, sa.select(Ticket.query_code_hash)) == before

    def test_after_it_the_code_is_shown_once_and_opens_the_step(self, stage: Stage) -> None:
        number = found(stage)
        do(stage, number, "note_consent", consent="given")
        code = given(stage, number)
        page = progress(stage, number, code)
        assert "现在：已受理" in page and "龙溪街道" in page
        for hidden in ("李大爷", "13912345678", "139****5678", "王秀英", "花卉园", "邻居", "反映"):
            assert hidden not in page, hidden
        assert code not in stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
        assert code not in everything(stage)
        [row] = rows(stage, sa.select(Audit).where(Audit.action == "ticket_code_given"))
        assert row.object == f"ticket:{number}"

    def test_a_new_one_ends_the_old_one(self, stage: Stage) -> None:
        number = found(stage)
        do(stage, number, "note_consent", consent="given")
        first, second = given(stage, number), given(stage, number)
        assert first != second
        assert "对不上" in progress(stage, number, first) and "现在：已受理" in progress(stage, number, second)

    def test_who_changes_their_mind_has_no_code_any_more(self, stage: Stage) -> None:
        number = found(stage)
        do(stage, number, "note_consent", consent="given")
        code = given(stage, number)
        do(stage, number, "note_consent", consent="declined")
        assert "对不上" in progress(stage, number, code)
        assert do(stage, number, "give_code", checked="met").status_code == 409

    def test_who_asked_themselves_has_one_already(self, stage: Stage) -> None:
        number = stage.ticket().number
        answer = do(stage, number, "give_code", checked="met")
        assert answer.status_code == 409 and "求助人自己申请" in answer.text

    @pytest.mark.parametrize("login", ["zhou", "chen", "auditor", "li"])
    def test_who_does_not_work_the_ticket(self, stage: Stage, login: str) -> None:
        number = found(stage)
        do(stage, number, "note_consent", consent="given")
        assert do(stage, number, "give_code", login, checked="met").status_code == 404


class TestSending:
    def agreed(self, stage: Stage) -> tuple[str, Browser]:
        """王婶 has agreed and writes in the web chat; 小周 has made sure that it is her."""
        number, browser = found(stage), stage.browser()
        do(stage, number, "note_consent", consent="given")
        browser.write("我是王婶")
        with stage.parts.database.begin() as session:
            conversation = session.execute(sa.select(Conversation.id)).scalar_one()
        answer = stage.sign_in("zhou").do(f"/desk/tickets/{number}/contacts", conversation=str(conversation), reason="回拨核对")
        assert answer.status_code == 303
        return number, browser

    def post(self, stage: Stage) -> None:
        while post_one(stage.parts.database, stage.parts.knowledge, stage.clock()) not in (None, "held"):
            pass

    def test_only_the_person_reads_it(self, stage: Stage) -> None:
        number, browser = self.agreed(stage)
        answer = do(stage, number, "send_code")
        assert answer.status_code == 303
        self.post(stage)
        [line] = [line["text"] for line in browser.lines() if "查询码是" in line["text"]]
        code = re.search(r"查询码是([0-9A-Z]{6})", line).group(1)  # type: ignore[union-attr]
        assert "现在：已受理" in progress(stage, number, code)
        assert code not in everything(stage)
        with stage.parts.database.begin() as session:
            conversation = session.execute(sa.select(Conversation.id)).scalar_one()
        assert "查询码是••••••" in stage.sign_in("zhou").get(f"/desk/conversations/{conversation}").text

    def test_while_an_operator_has_the_talk_it_waits_with_dots(self, stage: Stage) -> None:
        number, _ = self.agreed(stage)
        with stage.parts.database.begin() as session:
            conversation = session.execute(sa.select(Conversation.id)).scalar_one()
        zhou = stage.sign_in("zhou")
        zhou.do(f"/desk/conversations/{conversation}/take_over")
        do(stage, number, "send_code")
        self.post(stage)
        with stage.parts.database.begin() as session:
            assert [notice.kind for notice in held_notices(session, conversation)] == ["ticket_code"]
        assert "查询码是••••••" in zhou.get(f"/desk/conversations/{conversation}").text

    @pytest.mark.parametrize("how", ["nobody", "telegram", "forgotten", "ended", "proof", "discreet", "talk"])
    def test_where_it_cannot_be_sent(self, stage: Stage, how: str) -> None:
        number, _ = self.agreed(stage)
        changes = {
            "nobody": "UPDATE ticket SET contact_id = NULL", "telegram": "UPDATE contact SET channel = 'telegram'",
            "forgotten": "UPDATE contact SET forgotten_at = now()", "ended": "UPDATE contact_join SET ended_at = now(), ended_by = 'staff:1'",
            "proof": "UPDATE contact_join SET how = 'proof'", "discreet": "UPDATE ticket SET discreet = true",
            "talk": "UPDATE ticket SET source = 'bot'",
        }
        with stage.parts.database.begin() as session:
            session.execute(sa.text(changes[how]))
        answer = do(stage, number, "send_code")
        assert answer.status_code == 409 and "还没有核对过的本人会话可以发" in answer.text
        assert rows(stage, sa.select(Notice.id).where(Notice.kind == "ticket_code")) == []


class TestReporter:
    """张大姐 told of the old man next door in the talk, and was given number and code of what she told."""

    def told(self, stage: Stage) -> tuple[str, str, Browser]:
        browser = stage.browser()
        browser.write("我帮隔壁王大爷问一下")
        with stage.parts.database.begin() as session:
            contact, conversation = session.execute(sa.select(Contact.id, Conversation.id).join(
                Conversation, Conversation.contact_id == Contact.id)).one()
        opened = stage.opened(contact_id=contact, conversation_id=conversation, facts={"for_whom": {"value": "other", "how": "heard"}})
        with stage.parts.database.begin() as session:
            note_told_by_other(session, stage.parts.keys, opened.ticket, conversation, stage.clock())
        return opened.ticket.number, opened.query_code, browser

    def test_the_page_says_received_whatever_becomes_of_it(self, stage: Stage) -> None:
        number, code, _ = self.told(stage)
        first = progress(stage, number, code)
        assert "现在：已收到" in first and "后面的进展不在这里说" in first
        do(stage, number, "accept")
        do(stage, number, "ask_supplement", missing="王大爷的病历")
        later = progress(stage, number, code)
        for told in ("补正", "补充材料</b>已", "病历", "受理中", "都交齐", "催一下", "撤回"):
            assert told not in later, told
        assert "现在：已收到" in later
        stable = re.sub(r'value="[^"]*"', "", first)
        assert re.sub(r'value="[^"]*"', "", later) == stable  # not one letter tells more

    def test_no_news_go_to_who_told(self, stage: Stage) -> None:
        number, _, _ = self.told(stage)
        do(stage, number, "accept")
        do(stage, number, "verify", way="visit", findings="确实没饭吃")
        assert rows(stage, sa.select(Notice.kind).where(Notice.recipient == "resident")) == []

    def test_forms_of_the_page_do_no_more(self, stage: Stage) -> None:
        number, code, _ = self.told(stage)
        browser = stage.browser()
        mark = re.search(r'name="pass" value="([^"]+)"', progress(stage, number, code, browser)).group(1)  # type: ignore[union-attr]
        for deed in ("withdraw", "reopen", "all", "survey", "keep", "nonsense"):
            answer = browser.post("/progress/do", {"pass": mark, "deed": deed, "sure": "1", "words": "不办了", "answer": "good"}, files={})
            assert "您反映的情况已经收到" in answer.text and "现在：已收到" in answer.text, deed
        assert rows(stage, sa.select(Ticket.state)) == ["dispatched"]
        answer = browser.post("/progress/do", {"pass": mark, "deed": "supplement", "words": "他昨天摔了一跤"}, files={})
        assert "谢谢您" in answer.text and "supplemented" in rows(stage, sa.select(TicketEvent.kind))

    def test_her_browser_is_not_joined_to_the_old_man(self, stage: Stage) -> None:
        number, code, browser = self.told(stage)
        browser.post("/progress", {"number": number, "code": code, "here": "1"})
        assert rows(stage, sa.select(Contact.person_id)) == [None]

    def test_when_he_has_agreed_the_code_is_his_and_hers_opens_nothing(self, stage: Stage) -> None:
        number, hers, _ = self.told(stage)
        do(stage, number, "accept")
        do(stage, number, "note_consent", consent="given")
        assert "现在：已收到" in progress(stage, number, hers)  # consent alone changes nothing for her
        his = given(stage, number)
        assert "现在：已受理" in progress(stage, number, his)
        assert "对不上" in progress(stage, number, hers)
        do(stage, number, "verify", way="visit", findings="确实没饭吃")
        assert rows(stage, sa.select(Notice.kind).where(Notice.recipient == "resident")) == []
