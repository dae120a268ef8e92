"""The operators' console: queue, takeover, typing, giving back, and two people at once."""
from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Contact, Conversation, Draft, Message
from bot.conversation.wake import OUT
from bot.desk.console import hints_for
from tests.cast import Browser, Stage


def talk_id(stage: Stage) -> int:
    with stage.parts.database.begin() as session:
        return int(session.execute(sa.select(sa.func.max(Conversation.id))).scalar_one())


def texts(stage: Stage, author: str) -> list[str]:
    with stage.parts.database.begin() as session:
        return list(session.execute(sa.select(Message.text).where(Message.author == author).order_by(Message.id)).scalars())


def waits(stage: Stage, text: str = "转人工") -> tuple[Browser, int]:
    """王婶 has written and the bot has called a person."""
    wang = stage.browser()
    wang.write(text)
    conversation = talk_id(stage)
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Conversation).where(Conversation.id == conversation).values(
            waiting_since=stage.clock(), waiting_reason="asked"))
    return wang, conversation


def test_queue_shows_who_waits_danger_first(stage: Stage) -> None:
    waits(stage, "转人工，我等着")
    stage.clock.advance(minutes=5)
    stage.browser().write("我家着火了")
    stage.clock.advance(minutes=7)
    page = stage.sign_in("zhou").get("/desk/conversations").text
    rows = re.findall(r'<li class="(danger)?">.*?</li>', page, re.S)
    assert rows == ["danger", ""]
    assert "等待 <span class=\"count some\">2</span>" in page
    for words in ("⚠ 危险", "可能有危险", "要求转人工", "12分钟", "7分钟", "网页", "转人工，我等着"):
        assert words in page, words


def test_queue_says_how_many_it_does_not_list(stage: Stage) -> None:
    with stage.parts.database.begin() as session:
        for place in range(103):
            contact = session.execute(sa.insert(Contact).values(
                channel="web", address_hash=bytes([place]), shared_device=False, created_at=stage.clock(),
                last_seen_at=stage.clock()).returning(Contact.id)).scalar_one()
            session.execute(sa.insert(Conversation).values(
                contact_id=contact, mode="bot", epoch=0, last_seq=0, danger="none", facts={}, created_at=stage.clock(),
                last_message_at=stage.clock(), waiting_since=stage.clock(), waiting_reason="asked"))
    zhou = stage.sign_in("zhou")
    for folder in ("waiting", "all"):
        page = zhou.get(f"/desk/conversations?folder={folder}").text
        assert "还有 3 个没有列出来" in page and page.count("<li class") == 100
    assert "没有列出来" not in zhou.get("/desk/conversations?folder=mine").text


def test_danger_raises_an_alarm_in_every_folder_until_it_is_over(stage: Stage) -> None:
    stage.browser().write("我家着火了")
    conversation, zhou = talk_id(stage), stage.sign_in("zhou")
    for folder in ("waiting", "mine", "all"):
        assert f'data-alarm="{conversation}@' in zhou.get(f"/desk/conversations?folder={folder}&pane=list").text
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    zhou.do(f"/desk/conversations/{conversation}/close")
    assert "data-alarm" not in zhou.get("/desk/conversations?pane=list").text


def test_take_over_say_release(stage: Stage) -> None:
    wang, conversation = waits(stage)
    zhou = stage.sign_in("zhou")
    base = f"/desk/conversations/{conversation}"
    assert "<fieldset id=\"writing\" disabled>" in zhou.get(base).text
    assert zhou.do(f"{base}/take_over").headers["location"] == f"{base}?folder=mine"
    assert stage.wake.rung[-1] == OUT and stage.wake.hinted[-2:] == ["queue", f"conversation:{conversation}"]
    page = zhou.get(base).text
    assert "您在处理" in page and "<fieldset id=\"writing\">" in page
    assert stage.work("不客气").outcome == "handed_over"  # what was written before the takeover is not the bot's any more
    assert zhou.do(f"{base}/say", text="我是小周", id=str(uuid.uuid4())).status_code == 303
    assert zhou.do(f"{base}/release").status_code == 303
    assert texts(stage, "operator") == ["我是小周"]
    assert texts(stage, "system") == [stage.parts.replies.text("operator_joined"), stage.parts.replies.text("operator_left")]
    wang.write("谢谢")
    assert stage.work("不客气").outcome == "answered"


def test_same_post_twice_says_it_once(stage: Stage) -> None:
    _, conversation = waits(stage)
    zhou = stage.sign_in("zhou")
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    same = str(uuid.uuid4())
    for _ in range(2):
        zhou.do(f"/desk/conversations/{conversation}/say", text="我是小周", id=same)
    assert texts(stage, "operator") == ["我是小周"]


def test_second_operator_gets_409_and_the_name_of_the_first(stage: Stage) -> None:
    _, conversation = waits(stage)
    zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    for deed in ("take_over", "say", "release", "close"):
        answer = wu.do(f"/desk/conversations/{conversation}/{deed}", text="我是小吴")
        assert answer.status_code == 409, deed
        assert "小周" in answer.text and "没有执行" in answer.text
    assert texts(stage, "operator") == []


def test_talking_without_taking_over_is_409(stage: Stage) -> None:
    _, conversation = waits(stage)
    zhou = stage.sign_in("zhou")
    answer = zhou.do(f"/desk/conversations/{conversation}/say", text="我是小周")
    assert answer.status_code == 409 and "请先接管" in answer.text
    answer = zhou.post_json(f"/desk/conversations/{conversation}/say", {"csrf": zhou.csrf, "text": "我是小周"})
    assert answer.status_code == 409 and answer.json() == {"error": "not_yours"}


@pytest.mark.parametrize("text, words", [("  \n ", "还没有写内容"), ("长" * 10_001, "请分几次发送")])
def test_blank_and_too_long_stay_in_the_box(stage: Stage, text: str, words: str) -> None:
    _, conversation = waits(stage)
    zhou = stage.sign_in("zhou")
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    url = f"/desk/conversations/{conversation}/say"
    page = zhou.post(url, files={"csrf": (None, zhou.csrf), "text": (None, text)})
    assert page.status_code == 422 and words in page.text
    assert text.strip() in page.text
    assert texts(stage, "operator") == []


def test_overtaken_reply_is_offered_as_a_draft_to_the_owner_only(stage: Stage) -> None:
    _, conversation = waits(stage)
    with stage.parts.database.begin() as session:
        session.add(Draft(conversation_id=conversation, answers=1, text="机器人想说的<话>", created_at=stage.clock()))
    zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    assert 'data-draft="机器人想说的&lt;话&gt;"' in zhou.get(f"/desk/conversations/{conversation}").text
    assert "机器人想说的" not in wu.get(f"/desk/conversations/{conversation}").text


def test_words_of_a_resident_are_text_for_the_operator(stage: Stage) -> None:
    evil = '"><script>alert(1)</script><a href="javascript:x">'
    _, conversation = waits(stage, evil)
    zhou = stage.sign_in("zhou")
    for url in (f"/desk/conversations/{conversation}?folder=all", "/desk/conversations?folder=all&pane=list",
                f"/desk/conversations/{conversation}?pane=talk"):
        page = zhou.get(url).text
        assert "<script>alert" not in page and 'href="javascript' not in page
        assert "&lt;script&gt;" in page


def test_pane_is_the_same_as_in_the_whole_page(stage: Stage) -> None:
    """A pane refreshed by hints equals a fresh read."""
    _, conversation = waits(stage)
    zhou = stage.sign_in("zhou")
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    page = zhou.get(f"/desk/conversations/{conversation}").text
    for pane in ("list", "talk", "side"):
        fragment = zhou.get(f"/desk/conversations/{conversation}?pane={pane}").text
        assert fragment.strip() in page and "<html" not in fragment, pane


def test_reader_without_takeover_sees_no_buttons(stage: Stage) -> None:
    _, conversation = waits(stage)
    page = stage.sign_in("chen").get(f"/desk/conversations/{conversation}").text
    assert "转人工" in page and "take_over" not in page and "<textarea" not in page


def test_side_pane_shows_facts_places_and_tickets_within_scope(stage: Stage) -> None:
    _, conversation = waits(stage)
    seal = stage.parts.keys.seal
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Conversation).where(Conversation.id == conversation).values(facts={
            "answers": {"event_kind": {"value": "fire", "how": "heard"}},
            "places": {
                "event": {"text": seal("花卉园西路").decode(), "unit_name": "龙溪街道", "decision": "confirm"},
                "household": {"text": seal("石船镇").decode(), "unit_name": "石船镇"}}}))
    number = stage.ticket(conversation_id=conversation).number
    page = stage.sign_in("zhou").get(f"/desk/conversations/{conversation}?pane=side").text
    for words in ("遇到的事：火灾", "急难发生地", "花卉园西路", "龙溪街道（待确认）", "户籍地", "石船镇", number):
        assert words in page, words


class TestHints:
    def wanted(self, stage: Stage, login: str) -> Any:
        from actions.access.queries import as_viewer
        from actions.storage.tables import Staff

        with stage.parts.database.begin() as session:
            staff = session.execute(sa.select(Staff).where(Staff.login == login)).scalar_one()
            return hints_for(as_viewer(staff, stage.parts.roles))

    def test_operator(self, stage: Stage) -> None:
        wanted = self.wanted(stage, "zhou")
        assert [wanted(hint) for hint in ("queue", "conversation:7", "tickets", "youmen")] == ["queue", "conversation:7", "tickets", None]

    def test_officer_is_never_told_a_number_or_a_conversation(self, stage: Stage) -> None:
        wanted = self.wanted(stage, "zhang")
        assert [wanted(hint) for hint in ("queue", "conversation:7", "ticket:YM261120-7K3FQ-4", "unit:u-longta")] == [
            None, None, "tickets", "tickets"]

    def test_administrator_is_told_nothing(self, stage: Stage) -> None:
        wanted = self.wanted(stage, "admin")
        assert {wanted(hint) for hint in ("queue", "conversation:7", "tickets", "ticket:x")} == {None}
