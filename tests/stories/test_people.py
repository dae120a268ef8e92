"""A person is wanted: who can come and when, honestly; and being phoned instead: the number, then the time."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff, note_at_desk
from actions.access.queries import as_viewer
from actions.storage.tables import CallBack
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine

FIRE = "昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"
NUMBER = "13800138000"


def somebody_is_there(teller: Teller) -> None:
    parts = teller.parts
    with parts.database.begin() as session:
        staff = create_staff(
            session, login="zhou", name="小周", role="operator", unit_id=None, password="x", now=parts.now()
        )
        note_at_desk(session, as_viewer(staff, parts.roles), parts.now())


def calls(teller: Teller) -> list[tuple[str, str, str]]:
    opened = teller.parts.keys.open
    return [(row.state, opened(row.phone), opened(row.wish)) for row in teller.rows(sa.select(CallBack))]


def test_somebody_is_at_the_desk(teller: Teller) -> None:
    somebody_is_there(teller)
    [line] = teller.say("转人工")
    assert "工作人员看到后会接进来" in line.text and "都不在线" not in line.text and not line.buttons


def test_nobody_is_at_the_desk_in_office_hours(teller: Teller) -> None:
    [line] = teller.say("转人工")
    assert "都不在线" in line.text and [b["title"] for b in line.buttons] == ["留电话，请打给我"]
    assert teller.conversation().waiting_reason == "asked"


@pytest.mark.parametrize("hours, opens", [(8, "11月23日 09:00"), (2, "11月20日 14:00")])
def test_off_hours_say_when_the_office_opens(teller: Teller, clock: Any, hours: int, opens: str) -> None:
    clock.advance(hours=hours)  # from Friday 10:00
    [line] = teller.say("转人工")
    assert opens in line.text and "暂定" in line.text and "120" in line.text and line.buttons
    # a greeting later is answered as honestly
    assert opens in teller.say("你好")[-1].text


def test_number_then_time_one_at_a_time(teller: Teller) -> None:
    teller.say("转人工")
    [number] = teller.press("留电话，请打给我")
    assert "哪个号码" in number.text and number.asks == "call_back_phone"
    [time] = teller.say(f"我的号码{NUMBER}")
    assert time.asks == "call_back_time" and [b["title"] for b in time.buttons] == ["上午", "下午", "都可以"]
    [noted] = teller.press("下午")
    assert "138****8000" in noted.text and "下午" in noted.text and NUMBER not in noted.text
    assert calls(teller) == [("open", NUMBER, "下午")]
    [row] = teller.rows(sa.select(CallBack))
    assert NUMBER.encode() not in bytes(row.phone)
    # asked for a person again: no second offer, the task stands
    assert not teller.say("转人工")[-1].buttons


def test_asked_for_in_words_with_the_number_and_a_time_of_ones_own(teller: Teller) -> None:
    [time] = teller.say(f"麻烦给我打个电话{NUMBER}")
    assert time.asks == "call_back_time"
    teller.say("晚上七点以后，白天上班")
    assert calls(teller) == [("open", NUMBER, "晚上七点以后，白天上班")]
    # again, with another number: the same task
    teller.say("回电换个号码13900139000")
    teller.press("都可以")
    assert calls(teller) == [("open", "13900139000", "都可以")]


def test_in_the_middle_of_the_interview_which_then_goes_on(teller: Teller) -> None:
    teller.say(FIRE)
    asked = teller.press("同意")[-1].asks
    assert asked == "household_people"
    budget = len(teller.conversation().facts["asked"])
    teller.say("可以给我打电话吗")
    teller.say(NUMBER)
    last = teller.say("都可以")
    assert "记下了" in last[0].text and last[-1].asks == asked
    assert len(teller.conversation().facts["asked"]) == budget
    assert teller.say("三个人")[-1].asks not in (asked, None)
    # the number counts for the ticket too
    assert "phone" not in teller.asks


def test_a_short_number_is_asked_once_more_and_no_is_taken_kindly(teller: Teller) -> None:
    teller.say("给我打电话")
    assert "少了或者多了" in teller.say("1380013800")[-1].text
    assert "不打电话" in teller.say("不用了")[-1].text
    assert calls(teller) == [] and teller.conversation().facts["call_back"] is None


def test_something_else_is_heard_and_the_question_lets_go(teller: Teller) -> None:
    teller.say("给我打电话")
    answer = teller.say(FIRE)
    assert answer[-1].asks == "consent" and teller.conversation().facts["call_back"] is None


def test_danger_goes_first(teller: Teller) -> None:
    teller.say("给我打电话")
    answer = teller.say("我不想活了，现在站在楼顶上")
    assert answer[0].author == "system" and "120" in answer[0].text and answer[-1].asks == "safe_now"


@pytest.mark.parametrize("text", ["千万别给我打电话", "他会查手机，不要打给我", "没有人给我打电话", "昨天给你们打电话没人接"])
def test_no_wish_to_be_phoned(teller: Teller, text: str) -> None:
    assert all(line.asks not in ("call_back_phone", "call_back_time") for line in teller.say(text))
    assert calls(teller) == []


def test_a_child_who_wants_a_person_at_once_is_known_to_be_one(teller: Teller) -> None:
    """The age is noted also where nothing else of the message is listened to: the desk keeps the talk back from then on."""
    teller.say("我今年12岁，没有钱交学费，转人工")
    assert teller.conversation().waiting_since is not None
    assert teller.conversation().facts["answers"]["age"]["value"] == 12
