"""Being at the desk: the lease of what one holds, handing on to a colleague, and phoning back."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from actions.call_backs.commands import ask_call_back
from actions.storage.tables import Audit, CallBack, CallBackTry, Conversation, Message, Staff
from bot.conversation.post import run_timer
from tests.cast import Browser, Stage

PHONE = "13800138000"


def held(stage: Stage, login: str = "zhou") -> tuple[Browser, Browser, int]:
    """(王婶's browser, the operator's, the conversation the operator has taken over)."""
    wang = stage.browser()
    wang.write("转人工")
    with stage.parts.database.begin() as session:
        conversation = int(session.execute(sa.select(sa.func.max(Conversation.id))).scalar_one())
    operator = stage.sign_in(login)
    assert operator.do(f"/desk/conversations/{conversation}/take_over").status_code == 303
    return wang, operator, conversation


def row(stage: Stage, conversation: int) -> Any:
    with stage.parts.database.begin() as session:
        return session.execute(sa.select(Conversation).where(Conversation.id == conversation)).scalar_one()


def staff_id(stage: Stage, login: str) -> int:
    with stage.parts.database.begin() as session:
        return int(session.execute(sa.select(Staff.id).where(Staff.login == login)).scalar_one())


def timers(stage: Stage) -> list[str]:
    """What the courier does; the hints it gives."""
    hints: list[str] = []
    while run_timer(stage.parts.database, stage.parts.knowledge, stage.clock(), hints.append):
        pass
    return hints


class TestLease:
    @pytest.mark.parametrize("sign", ["beat", "page", "pane", "say"])
    def test_any_sign_of_the_open_page_keeps_it(self, stage: Stage, sign: str) -> None:
        _, zhou, conversation = held(stage)
        base = f"/desk/conversations/{conversation}"
        for number in range(6):
            stage.clock.advance(minutes=2)
            if sign == "beat":
                assert zhou.post_json("/desk/beat", {"csrf": zhou.csrf}).json() == {"done": True}
            elif sign == "say":
                zhou.do(f"{base}/say", text=f"第{number}句")
            else:
                assert zhou.get(base if sign == "page" else f"{base}?pane=list").status_code == 200
            timers(stage)
        assert row(stage, conversation).mode == "human"

    def test_silence_gives_it_back(self, stage: Stage) -> None:
        wang, zhou, conversation = held(stage)
        stage.clock.advance(minutes=3)
        assert timers(stage) == [f"conversation:{conversation}"]
        assert row(stage, conversation).waiting_reason == "operator_gone"
        assert "重新排上队" in wang.lines()[-1]["text"]
        assert all("不在工作台" not in line["text"] for line in wang.lines()), "a note is for staff only"
        # somebody else sees it in the queue, with the note
        page = stage.sign_in("wu").get(f"/desk/conversations/{conversation}?folder=waiting").text
        assert "坐席不在了" in page and "小周已经3分钟不在工作台" in page and "接管" in page
        # who comes back is told, nothing was said in their name, and the words are not lost on a page without scripts
        answer = zhou.post_json(f"/desk/conversations/{conversation}/say", {"csrf": zhou.csrf, "text": "我回来了"})
        assert answer.status_code == 409 and answer.json() == {"error": "not_yours"}
        assert stage.work("好的") is None

    def test_a_reader_does_not_count_as_an_operator(self, stage: Stage) -> None:
        stage.sign_in("chen").get("/desk/conversations")
        with stage.parts.database.begin() as session:
            assert session.execute(sa.select(Staff.at_desk_at).where(Staff.login == "chen")).scalar() is None

    def test_beat_needs_the_csrf_value(self, stage: Stage) -> None:
        zhou = stage.sign_in("zhou")
        assert zhou.post_json("/desk/beat", {"csrf": "wrong"}).status_code == 403

    def test_page_tells_how_often_to_beat(self, stage: Stage) -> None:
        assert 'data-beat="30"' in stage.sign_in("zhou").get("/desk/conversations").text
        assert "data-beat" not in stage.sign_in("chen").get("/desk/conversations").text


class TestTransfer:
    def test_to_a_colleague_both_see_why(self, stage: Stage) -> None:
        wang, zhou, conversation = held(stage)
        wu = stage.sign_in("wu")
        wu.get("/desk/conversations")
        base = f"/desk/conversations/{conversation}"
        assert f'<option value="{staff_id(stage, "wu")}">小吴</option>' in zhou.get(f"{base}?pane=talk").text
        answer = zhou.do(f"{base}/transfer", to=staff_id(stage, "wu"), why="她只讲<方言>")
        assert answer.status_code == 303
        for browser in (zhou, wu):
            assert "转给小吴：她只讲&lt;方言&gt;" in browser.get(f"{base}?folder=all").text
        assert "另一位工作人员" in wang.lines()[-1]["text"]
        assert all("方言" not in line["text"] for line in wang.lines())
        assert "您在处理" in wu.get(base).text and "小吴 在处理" in zhou.get(base).text
        assert zhou.do(f"{base}/say", text="我还在").status_code == 409
        assert wu.do(f"{base}/say", text="我是小吴").status_code == 303
        assert f'href="/desk/conversations/{conversation}?folder=mine"' in wu.get("/desk/conversations?folder=mine").text

    def test_not_to_somebody_who_has_left(self, stage: Stage) -> None:
        _, zhou, conversation = held(stage)
        stage.sign_in("wu").get("/desk/conversations")
        stage.clock.advance(minutes=2, seconds=59)
        zhou.get("/desk/conversations")
        stage.clock.advance(seconds=1)
        base = f"/desk/conversations/{conversation}"
        assert "没有别的坐席在工作台" in zhou.get(f"{base}?pane=talk").text
        answer = zhou.do(f"{base}/transfer", to=staff_id(stage, "wu"))
        assert answer.status_code == 409 and "没有转交" in answer.text
        assert row(stage, conversation).owner_id == staff_id(stage, "zhou")

    @pytest.mark.parametrize("to", ["", "0", "4711", "x", "chen", "zhou"])
    def test_only_to_an_operator(self, stage: Stage, to: str) -> None:
        _, zhou, conversation = held(stage)
        stage.sign_in("chen").get("/desk/conversations")
        target = staff_id(stage, to) if to in ("chen", "zhou") else to
        assert zhou.do(f"/desk/conversations/{conversation}/transfer", to=target).status_code == 404
        assert row(stage, conversation).owner_id == staff_id(stage, "zhou")

    def test_only_by_the_owner_and_with_a_short_note(self, stage: Stage) -> None:
        _, zhou, conversation = held(stage)
        wu = stage.sign_in("wu")
        wu.get("/desk/conversations")
        base = f"/desk/conversations/{conversation}"
        assert wu.do(f"{base}/transfer", to=staff_id(stage, "zhou")).status_code == 409
        assert zhou.do(f"{base}/transfer", to=staff_id(stage, "wu"), why="长" * 501).status_code == 422
        assert row(stage, conversation).owner_id == staff_id(stage, "zhou")


class TestCallBack:
    def asked(self, stage: Stage) -> int:
        """王婶 asked to be phoned; the conversation."""
        stage.browser().write("给我打电话")
        with stage.parts.database.begin() as session:
            conversation = session.execute(sa.select(Conversation).order_by(Conversation.id.desc()).limit(1)).scalar_one()
            ask_call_back(session, stage.parts.keys, contact_id=conversation.contact_id, conversation_id=conversation.id,
                          phone=PHONE, wish="下午三点", now=stage.clock())
            return int(conversation.id)

    def task(self, stage: Stage) -> Any:
        with stage.parts.database.begin() as session:
            return session.execute(sa.select(CallBack)).scalar_one()

    def test_stands_in_the_queue_with_its_age(self, stage: Stage) -> None:
        conversation = self.asked(stage)
        stage.clock.advance(hours=2, minutes=5)
        page = stage.sign_in("zhou").get("/desk/conversations?folder=calls").text
        assert re.search(r'folder=calls"[^>]*>回电 <span class="count some">1</span>', page)
        for words in ("138****8000", "下午三点", "2小时5分", "还没打过", f"/desk/conversations/{conversation}?folder=calls"):
            assert words in page, words
        assert PHONE not in page

    def test_number_is_whole_for_who_phones_only_and_the_look_is_noted(self, stage: Stage) -> None:
        conversation = self.asked(stage)
        url = f"/desk/conversations/{conversation}?folder=calls"
        assert f"tel:{PHONE}" in stage.sign_in("zhou").get(url).text
        reader = stage.sign_in("chen").get(url).text
        assert PHONE not in reader and "138****8000" in reader and "没打通" not in reader
        with stage.parts.database.begin() as session:
            looks = session.execute(sa.select(Audit.object).where(Audit.action == "conversation_read")).scalars().all()
        assert looks == [f"conversation:{conversation}"] * 2

    def test_tries_are_logged_until_somebody_is_reached(self, stage: Stage) -> None:
        conversation = self.asked(stage)
        zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
        url = f"/desk/conversations/{conversation}/call_back/{self.task(stage).id}"
        assert zhou.do(url, outcome="no_answer").status_code == 303
        assert self.task(stage).state == "open"
        stage.clock.advance(hours=1)
        page = wu.get("/desk/conversations?folder=calls").text
        assert "打过1次，最近10:00" in page
        assert wu.do(url, outcome="reached").status_code == 303
        assert (self.task(stage).state, self.task(stage).closed_at) == ("done", stage.clock())
        assert "现在没有要回的电话" in wu.get("/desk/conversations?folder=calls").text
        side = wu.get(f"/desk/conversations/{conversation}?pane=side").text
        assert "小周：没打通" in side and "小吴：打通了" in side and "已打通" in side
        # a page that is no longer true
        assert zhou.do(url, outcome="given_up").status_code == 409
        assert self.task(stage).state == "done"
        with stage.parts.database.begin() as session:
            assert session.execute(sa.select(sa.func.count()).select_from(CallBackTry)).scalar() == 2

    def test_not_reached_ends_it_too(self, stage: Stage) -> None:
        conversation = self.asked(stage)
        zhou = stage.sign_in("zhou")
        zhou.do(f"/desk/conversations/{conversation}/call_back/{self.task(stage).id}", outcome="given_up")
        assert self.task(stage).state == "not_reached"

    @pytest.mark.parametrize("outcome, number", [("", None), ("maybe", None), ("reached", 4711)])
    def test_nonsense_changes_nothing(self, stage: Stage, outcome: str, number: int | None) -> None:
        conversation = self.asked(stage)
        zhou = stage.sign_in("zhou")
        url = f"/desk/conversations/{conversation}/call_back/{number or self.task(stage).id}"
        assert zhou.do(url, outcome=outcome).status_code == 404
        assert self.task(stage).state == "open"

    def test_an_operator_notes_one(self, stage: Stage) -> None:
        _, zhou, conversation = held(stage)
        url = f"/desk/conversations/{conversation}/call_back"
        assert zhou.do(url, phone="139 0013 9000", wish="").status_code == 303
        task = self.task(stage)
        opened = stage.parts.keys.open
        assert (opened(task.phone), opened(task.wish), task.opened_by) == (
            "13900139000", "都可以", f"staff:{staff_id(stage, 'zhou')}")
        assert "坐席登记" in zhou.get(f"/desk/conversations/{conversation}?pane=side").text

    @pytest.mark.parametrize("phone, wish", [("", "下午"), ("1390013", "下午"), ("13900139000 13800138000", ""), (PHONE, "长" * 101)])
    def test_half_a_number_is_told(self, stage: Stage, phone: str, wish: str) -> None:
        _, zhou, conversation = held(stage)
        answer = zhou.do(f"/desk/conversations/{conversation}/call_back", phone=phone, wish=wish)
        assert answer.status_code == 422 and "完整的电话号码" in answer.text
        with stage.parts.database.begin() as session:
            assert session.execute(sa.select(CallBack)).first() is None


class TestFieldsOfAnotherKey:
    """One field that cannot be decrypted does not take the page down."""

    def test_conversation_page(self, stage: Stage) -> None:
        conversation = TestCallBack().asked(stage)
        with stage.parts.database.begin() as session:
            session.execute(sa.update(CallBack).values(phone=b"gAAAAA broken"))
            session.execute(sa.update(Conversation).values(facts={
                "places": {"event": {"text": "gAAAAA broken", "unit_name": "龙溪街道"}}}))
        page = stage.sign_in("zhou").get(f"/desk/conversations/{conversation}?folder=calls")
        assert page.status_code == 200
        for words in ("现在读不出来", "龙溪街道", "下午三点"):
            assert words in page.text, words
        assert "tel:（" not in page.text

    def test_ticket_page(self, stage: Stage) -> None:
        ticket = stage.ticket()
        with stage.parts.database.begin() as session:
            session.execute(sa.text("UPDATE ticket SET phone = 'broken'"))
        page = stage.sign_in("zhang").get(f"/desk/tickets/{ticket.number}")
        assert page.status_code == 200 and "现在读不出来" in page.text and "花卉园西路8号" in page.text
        assert "tel:" not in page.text

    def test_residents_page(self, stage: Stage) -> None:
        wang = stage.browser()
        wang.write("你好")
        stage.work("查询码：••••••")
        with stage.parts.database.begin() as session:
            session.execute(sa.update(Message).where(Message.author == "bot").values(secrets=b"broken"))
        assert wang.lines()[-1]["text"] == "查询码：••••••" and wang.get("/").status_code == 200
