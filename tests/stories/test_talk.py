"""Everything around the interview: a person, policy questions, danger, strange input, two misunderstandings."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.access.queries import as_viewer
from actions.storage.tables import Message
from bot.conversation import ownership
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine


def test_a_person_asked_for_in_words(teller: Teller) -> None:
    teller.say("转人工")
    assert teller.conversation().waiting_reason == "asked"
    assert "排上队" in teller.said


def test_a_policy_question_is_answered_with_source_and_date(teller: Teller) -> None:
    answer = teller.say("低保标准是多少")
    assert "770" in answer[-1].text and "渝民规〔2025〕6号" in answer[-1].text and "待确认" in answer[-1].text


def test_a_question_in_the_middle_is_answered_and_the_interview_goes_on(teller: Teller) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃")
    teller.press("同意")
    answer = teller.say("要带什么材料去办理")
    assert "身份证" in answer[0].text
    assert answer[-1].asks == "household_people"


def test_why_is_answered(teller: Teller) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃")
    teller.press("同意")
    answer = teller.say("为什么问这个")
    assert len(answer) == 2 and answer[-1].asks == "household_people"


def test_danger_now_asks_only_for_safety_and_place_and_files_at_once(teller: Teller) -> None:
    first = teller.say("屋头正在烧起来了快点来人")
    assert first[0].author == "system" and "119" in first[0].text
    assert [line.asks for line in first if line.asks] == ["safe_now"]
    [ticket] = teller.tickets()
    assert ticket.urgency == "life_danger" and ticket.legal_basis == "emergency" and ticket.desk == "district"
    assert teller.conversation().waiting_reason == "danger"
    teller.say("我在龙溪街道")
    [ticket] = teller.tickets()
    assert ticket.unit_name == "龙溪街道"
    assert set(teller.asks) == {"safe_now"}
    teller.say("安全了，人都出来了")
    assert teller.conversation().danger == "past"


@pytest.mark.parametrize("text", ["😀😀😀", "。。。", "   \u200b "])
def test_signs_only_get_a_kind_answer(teller: Teller, text: str) -> None:
    [answer] = teller.say(text)
    assert answer.author == "bot" and answer.buttons


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "'; DROP TABLE message; --",
        "/restart",
        '/request_human{"x":1}',
        "good morning sir",
        "a" * 10_000,
        "求" * 10_000,
        "\x07\x1b[31mred",
        "🏠🔥😭 how much",
        "😀👵🏥💊💸😭🙏" * 40,
        "8" * 20_000,
        "房子 house 집 дом 燒咗 help pls ありがとう",
        "<html><head><title>民政</title></head><body>" + "<div class='nav'><a href='/x'>首页</a> | 登录 | 注册</div>\n" * 300,
    ],
)
def test_strange_input_gets_one_sensible_answer(teller: Teller, text: str) -> None:
    answer = teller.say(text)
    assert answer and all(line.author in ("bot", "system") for line in answer)
    assert "抱歉，刚才系统出了点问题" not in teller.said
    assert teller.rows(sa.select(Message.waiting).where(Message.author == "resident")) == [False]


def test_a_typed_command_is_no_command(teller: Teller) -> None:
    teller.say('/request_human{"x":1}')
    assert teller.conversation().waiting_since is None


def test_an_identity_number_is_masked_before_it_is_stored(teller: Teller) -> None:
    answer = teller.say("我的身份证是11010519491231002X，房子着火了没地方住")
    stored = teller.rows(sa.select(Message.text).where(Message.author == "resident"))
    assert "19491231" not in stored[0]
    assert any("用不着" in line.text for line in answer)


def test_two_misunderstandings_offer_buttons_then_a_person(
    teller: Teller, dialogue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        dialogue,
        "parse",
        lambda text: {
            "text": text,
            "intent": {"name": "nlu_fallback", "confidence": 0.1},
            "entities": [],
            "intent_ranking": [{"name": "thanks", "confidence": 0.1}],
        },
    )
    first = teller.say("五月的风吹过山岗")
    assert len(first[-1].buttons) == 4 and teller.conversation().waiting_since is None
    teller.say("老师傅的扳手是蓝色的")
    assert teller.conversation().waiting_reason == "not_understood"


def test_the_bot_is_silent_while_a_person_speaks(teller: Teller) -> None:
    teller.say("转人工")
    parts = teller.parts
    with parts.database.begin() as session:
        staff = create_staff(
            session, login="zhou", name="小周", role="operator", unit_id=None, password="x", now=parts.now()
        )
        zhou = as_viewer(staff, parts.roles)
    with parts.database.begin() as session:
        ownership.take_over(session, zhou, teller.conversation().id, parts.knowledge.replies,
                            parts.knowledge.desk, parts.now())
    teller.settle()
    assert teller.say("昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃") == []
    with parts.database.begin() as session:
        ownership.release(session, zhou, teller.conversation().id, parts.knowledge.replies, parts.now())
    teller.settle()
    answer = teller.say("家里着火了没地方住，在龙溪街道")
    assert [line.author for line in answer].count("bot") >= 1


def test_a_correction_in_the_middle_changes_the_right_fact_and_the_question_stands(teller: Teller) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃")
    teller.press("同意")
    teller.say("两个")
    teller.say("没人帮得了")
    why = teller.say("为啥子问这个")
    assert why[-1].asks == "phone"
    answer = teller.say("前面说错了，家里是四个人")
    assert "改过来了" in answer[0].text and answer[-1].asks == "phone"
    teller.say("不留电话")
    assert "4人" in teller.lines[-1].text and teller.lines[-1].asks == "read_back"


@pytest.mark.parametrize(("said", "filed"), [("没有", True), ("没得", True), ("算了", False), ("不弄了", False)])
def test_short_answers_to_the_read_back(teller: Teller, said: str, filed: bool) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃")
    teller.press("同意")
    for text in ("两个", "没人帮得了", "不留电话"):
        teller.say(text)
    assert teller.lines[-1].asks == "read_back"
    teller.say(said)
    assert len(teller.tickets()) == filed
    if not filed:
        assert any("先不登记" in line.text for line in teller.lines)


@pytest.mark.parametrize("said", ["3个人", "4个人", "1个人", "2个人，我和老公"])
def test_so_many_persons_are_an_answer_and_no_wish_for_a_person(teller: Teller, said: str) -> None:
    """The model alone takes "3个人" for a wish to speak to somebody."""
    teller.say("我在龙溪街道租的房子昨晚着火了，人都出来了，现在没地方住")
    assert teller.say("同意")[-1].asks == "household_people"
    lines = teller.say(said)
    assert lines[-1].asks not in (None, "household_people") and teller.conversation().waiting_since is None
    assert teller.conversation().facts["answers"]["household_people"]["value"] == int(said[0])


def test_a_person_is_still_wanted_in_the_middle_of_a_question(teller: Teller) -> None:
    teller.say("我在龙溪街道租的房子昨晚着火了，人都出来了，现在没地方住")
    teller.say("同意")
    teller.say("我不想跟机器说，找个人来")
    assert teller.conversation().waiting_since is not None
