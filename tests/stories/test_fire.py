"""The story everything hangs on: the flat burned, the register is elsewhere, no bed and no food tonight."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
import sqlalchemy as sa

from actions.storage.tables import Consent, Notice, RouteRecord, ScreeningRecord, TicketEvent
from actions.tickets.numbers import tidy_number
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine

FIRE = "我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"


def tell_until_read_back(teller: Teller) -> None:
    teller.say(FIRE)
    teller.press("同意")
    teller.say("三口人，我、老婆和一个五岁的娃儿")
    teller.say("没得哪个帮得上")
    teller.say("13800005678")


def test_safety_comes_first_and_from_the_system(teller: Teller) -> None:
    first = teller.say(FIRE)
    assert first[0].author == "system"
    assert "119" in first[0].text
    assert [line.author for line in first[1:]] == ["bot"] * (len(first) - 1)


def test_one_question_at_a_time_and_nothing_that_was_said(teller: Teller) -> None:
    tell_until_read_back(teller)
    assert teller.asks == ["consent", "household_people", "family_can_help", "phone", "read_back"]
    # the place, the kind of event, the date and the needs were told in the first sentence
    assert not {"event_place", "event_kind", "event_date", "need_tonight"} & set(teller.asks)


def test_what_may_fit_is_said_with_its_article(teller: Teller) -> None:
    tell_until_read_back(teller)
    assert "可能适用：临时救助（急难型）" in teller.said
    assert "可能适用：先行救助" in teller.said
    assert "社会救助法第二十九条" in teller.said and "社会救助法第五十条" in teller.said
    assert "不符合" not in teller.said


def test_read_back_names_facts_and_township(teller: Teller) -> None:
    tell_until_read_back(teller)
    read = teller.lines[-1].text
    for part in (
        "火灾",
        "吃的",
        "住的",
        "3人",
        "出事地点：龙溪街道",
        "户口所在地：石船镇",
        "138****5678",
        "由龙溪街道",
    ):
        assert part in read, part
    assert "13800005678" not in teller.said


def test_the_ticket_goes_where_it_burned_not_where_the_register_is(teller: Teller) -> None:
    tell_until_read_back(teller)
    assert teller.tickets() == []  # nothing is filed before the resident has confirmed
    answer = teller.press("都对")
    [ticket] = teller.tickets()
    assert (ticket.unit_name, ticket.district, ticket.desk) == ("龙溪街道", "两江新区", "unit")
    assert ticket.household_unit_name == "石船镇"
    assert ticket.aid_first and ticket.urgency == "urgent" and ticket.legal_basis == "consent"
    assert ticket.read_back == "confirmed"
    # 2026-11-20 in Chongqing, three whole days, the first one tomorrow
    assert ticket.due_at == datetime(2026, 11, 23, 15, 59, 59, tzinfo=timezone.utc)
    assert tidy_number(ticket.number) == ticket.number
    assert ticket.number in answer[-1].text and "查询码" in answer[-1].text
    assert teller.asks.count("read_back") == 1 and len(teller.asks) <= 6


def test_records_stand_beside_the_ticket(teller: Teller) -> None:
    tell_until_read_back(teller)
    teller.press("都对")
    [ticket] = teller.tickets()
    [consent] = teller.rows(sa.select(Consent))
    assert (consent.answer, consent.version) == ("given", teller.parts.knowledge.replies.text("privacy_version"))
    [screening] = teller.rows(sa.select(ScreeningRecord))
    assert screening.ticket_id == ticket.id and screening.ruleset == teller.parts.knowledge.ruleset.version
    [route] = teller.rows(sa.select(RouteRecord))
    assert route.outcome["unit_name"] == "龙溪街道"
    assert teller.parts.keys.open(bytes(route.text)) == FIRE
    [event] = teller.rows(sa.select(TicketEvent))
    assert event.kind == "opened"
    [notice] = teller.rows(sa.select(Notice))
    assert notice.recipient == "unit:" + ticket.unit_id


def test_one_correction_moves_the_route_and_keeps_the_rest(teller: Teller) -> None:
    tell_until_read_back(teller)
    again = teller.say("不对，是龙塔街道")
    assert "由龙塔街道" in again[-1].text and "3人" in again[-1].text
    teller.say("对头")
    [ticket] = teller.tickets()
    assert ticket.unit_name == "龙塔街道"
    assert ticket.facts["household_people"]["value"] == 3
    assert len(teller.asks) <= 6


def test_a_wrong_button_can_be_corrected_later(teller: Teller) -> None:
    teller.say(FIRE)
    teller.press("同意")
    teller.press("两个人")
    teller.press("三个人")  # the button of the question before
    teller.press("没有人能帮")
    teller.say("不留电话")
    teller.say("对")
    assert teller.tickets()[0].facts["household_people"]["value"] == 3


def test_without_consent_advice_numbers_and_a_person_but_nothing_kept(teller: Teller) -> None:
    teller.say(FIRE)
    answer = "\n".join(line.text for line in teller.press("不同意"))
    assert "临时救助" in answer and "龙溪街道" in answer and "12345" in answer and "转人工" in answer
    assert teller.tickets() == []
    facts = teller.conversation().facts
    assert facts["answers"] == {} and facts["places"] == {} and facts["phone"] is None
    [consent] = teller.rows(sa.select(Consent))
    assert consent.answer == "declined"
    waiting = teller.press("转人工")
    assert waiting and teller.conversation().waiting_since is not None


def test_who_does_not_know_about_consent_tonight_is_not_left_alone(teller: Teller) -> None:
    teller.say(FIRE)
    teller.say("不清楚")
    for _ in range(5):
        if teller.tickets():
            break
        teller.say("不清楚")
    [ticket] = teller.tickets()
    assert ticket.legal_basis == "emergency" and ticket.unit_name == "龙溪街道"
    assert ticket.read_back == "unconfirmed"
    assert len(teller.asks) <= 6


def test_more_news_after_the_ticket_is_added_not_filed_twice(teller: Teller) -> None:
    tell_until_read_back(teller)
    teller.press("都对")
    [asked] = teller.say("孩子的药也烧没了，今晚没药吃怎么办")[-1:]
    assert asked.asks == "danger_doubt"  # it may be urgent: one question first, and nothing that was said is lost
    answer = teller.press("没有危险")
    [ticket] = teller.tickets()
    assert ticket.number in "\n".join(line.text for line in answer)
    kinds = [event.kind for event in teller.rows(sa.select(TicketEvent).order_by(TicketEvent.id))]
    assert kinds == ["opened", "supplemented"]


def test_a_person_is_always_within_reach(teller: Teller) -> None:
    teller.say(FIRE)
    teller.say("转人工")
    conversation = teller.conversation()
    assert conversation.mode == "bot" and conversation.waiting_since is not None
    # until somebody comes the bot goes on helping
    answer = teller.press("同意")
    assert answer[-1].asks == "household_people"


def test_consent_can_be_taken_back_at_any_moment(teller: Teller) -> None:
    teller.say(FIRE)
    teller.press("同意")
    answer = teller.say("撤回同意")
    assert "撤回" in answer[-1].text
    assert teller.conversation().facts["answers"] == {} and teller.conversation().facts["asking"] is None
    assert [row.answer for row in teller.rows(sa.select(Consent).order_by(Consent.id))] == ["given", "withdrawn"]
    assert teller.say("你好")[-1].asks is None


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ("不对，是四口人", "4人"),
        ("人数不对，五个人", "5人"),
        ("电话错了，是13900005678", "139****5678"),
        ("户口不在石船，在龙兴镇", "户口所在地：龙兴镇"),
        ("我们是四口人，电话是13900005678", "4人"),
    ],
)
def test_each_correction_is_taken_and_the_rest_is_kept(teller: Teller, said: str, holds: str) -> None:
    tell_until_read_back(teller)
    again = teller.say(said)
    assert teller.tickets() == []
    assert holds in again[-1].text and "火灾" in again[-1].text and "没有家人亲友能接济" in again[-1].text
    teller.say("对头")
    [ticket] = teller.tickets()
    assert all(answer["confidence"] > 0.6 for name, answer in ticket.facts.items() if name != "age")
    assert ticket.unit_name == "龙溪街道"


def test_two_corrections_in_one_sentence(teller: Teller) -> None:
    tell_until_read_back(teller)
    again = teller.say("我们是四口人，电话是13900005678，地方是回兴街道")
    for part in ("4人", "139****5678", "由回兴街道"):
        assert part in again[-1].text


def test_what_was_noted_can_be_denied(teller: Teller) -> None:
    tell_until_read_back(teller)
    again = teller.say("不是火灾，是爆水管")
    assert again[-1].asks in ("event_kind", "read_back") and teller.tickets() == []
    assert "遇到的事：火灾" not in again[-1].text


def test_a_wrong_phone_never_files(teller: Teller) -> None:
    tell_until_read_back(teller)
    teller.say("电话号码不对头哦")
    assert teller.tickets() == []


def test_a_refusal_at_the_end_files_nothing(teller: Teller) -> None:
    tell_until_read_back(teller)
    answer = teller.say("我不想登记了")
    assert teller.tickets() == [] and "先不登记" in answer[-1].text


def test_a_phone_said_at_the_beginning_is_not_asked(teller: Teller) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了没地方住，我的电话13812345678")
    teller.press("同意")
    teller.say("三个人")
    teller.say("没有人能帮")
    assert "phone" not in teller.asks and "138****5678" in teller.lines[-1].text


def test_a_phone_with_a_digit_missing_is_asked_again(teller: Teller) -> None:
    teller.say(FIRE)
    teller.press("同意")
    teller.say("三个人")
    teller.say("没有人能帮")
    again = teller.say("1390000567")
    assert again[-1].asks == "phone" and "少了" in again[-1].text
    teller.say("13900005678")
    teller.say("对")
    assert teller.parts.keys.open(bytes(teller.tickets()[0].phone)) == "13900005678"


def test_a_new_phone_after_the_ticket_reaches_it(teller: Teller) -> None:
    tell_until_read_back(teller)
    teller.press("都对")
    teller.say("我电话换了，现在是13700001111")
    assert teller.parts.keys.open(bytes(teller.tickets()[0].phone)) == "13700001111"
