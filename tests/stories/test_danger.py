"""While somebody may die: only safety and place, whatever else is said, until it is clear that they are safe."""

from __future__ import annotations

import pytest

from tests.stories.teller import Teller

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    "said", ["好的", "嗯", "行", "嗯嗯", "我爸出来了，我妈还在里面", "他已经离开了但是我妈困在里面", "没有"]
)
def test_an_acknowledgement_is_not_safety(teller: Teller, said: str) -> None:
    teller.say("我家着火了快来人")
    teller.say(said)
    assert teller.conversation().danger == "now"
    assert set(teller.asks) == {"safe_now"}


@pytest.mark.parametrize("said", ["安全了", "都出来了", "灭了，没事了", "我们都没事了", "救护车来了，送医院了"])
def test_safety_said_in_words_ends_it(teller: Teller, said: str) -> None:
    teller.say("我家着火了快来人")
    teller.say(said)
    assert teller.conversation().danger == "past"


@pytest.mark.parametrize("said", ["我老公正在打我", "我老公喝醉了拿刀追我", "我爸昏迷了叫不醒"])
def test_every_kind_of_danger_takes_the_same_road(teller: Teller, said: str) -> None:
    teller.say(said)
    assert teller.asks == ["safe_now"]
    teller.say("在悦来街道")
    [ticket] = teller.tickets()
    assert ticket.unit_name == "悦来街道" and ticket.urgency == "life_danger"
    assert teller.conversation().danger == "now"


def test_violence_makes_the_ticket_discreet(teller: Teller) -> None:
    teller.say("我老公正在打我，在木耳镇")
    [ticket] = teller.tickets()
    assert ticket.discreet


def test_danger_in_the_middle_of_an_interview_stops_the_form(teller: Teller) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了，没地方住")
    teller.press("同意")
    answer = teller.say("我老婆孩子都还困在里面")
    assert answer[-1].asks == "safe_now"
    facts = teller.conversation().facts["answers"]
    assert "household_people" not in facts


def test_who_asks_for_a_person_is_asked_about_danger_and_gets_the_person(teller: Teller) -> None:
    lines = teller.say("墙都烧黑了，转人工")
    assert teller.asks[-1] == "danger_doubt" and "119" in lines[0].text and "排上队" in "".join(line.text for line in lines)
    assert teller.conversation().waiting_reason == "asked"


def test_refusing_consent_after_danger_says_that_a_ticket_is_there(teller: Teller) -> None:
    teller.say("煤气漏了我头好晕，在龙塔街道")
    teller.say("安全了，都出来了")
    answer = teller.say("不同意")
    [ticket] = teller.tickets()
    said = "\n".join(line.text for line in answer)
    assert ticket.number in said and "您的情况我不登记" not in said


def test_a_ticket_of_danger_keeps_its_short_clock(teller: Teller) -> None:
    teller.say("屋里有煤气味，我妈晕倒了，快救人，我们在龙溪街道")
    due = teller.tickets()[0].due_at
    teller.say("安全了")
    for _ in range(8):
        if teller.tickets()[0].read_back != "none":
            break
        teller.say("对")
    assert teller.tickets()[0].due_at == due and f"{due.astimezone(teller.parts.now().tzinfo):%m}" in teller.said


def test_telling_more_instead_of_consenting_is_no_refusal(teller: Teller) -> None:
    teller.say("我想吃低保")
    teller.say("我家三口人，没有收入")
    answer = teller.say("我住在回兴街道")
    said = "\n".join(line.text for line in answer)
    assert "不登记" not in said.replace("什么都不登记", "")
    assert answer[-1].asks == "consent"
    assert teller.conversation().facts["answers"]


def test_where_somebody_comes_from_is_not_where_it_happened(teller: Teller) -> None:
    teller.say("我是四川来重庆打工的，工地上摔伤了腿，没钱吃饭了")
    asked = teller.press("同意")
    assert asked[-1].asks == "event_place"


def test_hospital_and_household_are_not_read_back_as_the_place(teller: Teller) -> None:
    teller.say("我儿子前天在礼嘉的工地摔下来，现在在渝北区人民医院抢救，户口在四川广安，没钱吃饭了")
    place = teller.conversation().facts["places"].get("event")
    if place is not None:
        words = teller.parts.keys.open(place["text"].encode())
        assert "医院" not in words and "广安" not in words


def test_what_no_gate_hears_the_second_reader_raises(teller: Teller) -> None:
    teller.say("门坏了出不去，我一个人瘫在床上，渴得很")
    assert teller.conversation().danger == "now" and teller.asks == ["safe_now"]
    [ticket] = teller.tickets()
    assert ticket.urgency == "life_danger" and ticket.legal_basis == "emergency"


def test_everyday_words_of_danger_are_asked_nothing(teller: Teller) -> None:
    for said in ("我卖煤气灶的，想问下个体户补贴", "急诊报销比例是多少", "我爸去年中风，现在想申请护理补贴"):
        teller.say(said)
    assert teller.conversation().danger == "none" and "danger_doubt" not in teller.asks
