"""Several needs in one message, a message that may mean two things, a matter that is another office's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stories.teller import Teller

pytestmark = pytest.mark.engine

FIRE_AND_MORE = (
    "昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃。我爸有二级肢体残疾，想问问残疾人两项补贴怎么申请。"
    "娃儿九月上大学，学费交不起，有没有助学的办法。"
)


def to_the_ticket(teller: Teller) -> None:
    answers = {"household_people": "三个人", "family_can_help": "帮不了", "phone": "不留电话"}
    for _ in range(12):
        asks = teller.lines[-1].asks
        if asks == "consent":
            teller.press("同意")
        elif asks == "read_back":
            teller.press("都对")
        elif asks is None or teller.tickets() and teller.tickets()[0].read_back != "none":
            return
        else:
            teller.say(answers.get(asks, "不清楚"))


def test_the_first_need_is_served_and_the_rest_offered_once(teller: Teller) -> None:
    teller.say(FIRE_AND_MORE)
    to_the_ticket(teller)
    assert len(teller.tickets()) == 1
    offered = teller.lines[-1]
    titles = [button["title"] for button in offered.buttons]
    assert "残疾证和残疾人补贴" in titles and "上学的钱" in titles
    teller.press("残疾证和残疾人补贴")
    for _ in range(12):  # the second talk ends in advice, added to the one ticket
        asked = teller.lines[-1].asks
        if asked is None:
            break
        teller.say("不清楚")
    assert len(teller.tickets()) == 1
    assert "补充到工单" in teller.said
    assert sum("您刚才还说到" in line.text for line in teller.lines) == 1


def test_one_need_alone_offers_nothing(teller: Teller) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃")
    to_the_ticket(teller)
    assert len(teller.tickets()) == 1 and "您刚才还说到" not in teller.said


def reading(*ranking: tuple[str, float]) -> Any:
    def parse(text: str) -> dict[str, Any]:
        return {
            "text": text,
            "intent": {"name": ranking[0][0], "confidence": ranking[0][1]},
            "entities": [],
            "intent_ranking": [{"name": name, "confidence": value} for name, value in ranking],
        }

    return parse


def test_between_two_readings_the_resident_chooses(
    teller: Teller, dialogue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "parse", reading(("ask_documents", 0.36), ("complain_delay", 0.3), ("greet", 0.2)))
    [answer] = teller.say("那个表和证明的事情又让我跑一趟")
    titles = [button["title"] for button in answer.buttons]
    assert titles == ["问要带什么材料", "办得太慢，要投诉", "都不是", "转人工"]  # a greeting is no need
    teller.press("办得太慢，要投诉")
    assert teller.conversation().waiting_reason == "complain_delay"


def test_none_of_them_asks_to_say_it_again_and_then_brings_a_person(
    teller: Teller, dialogue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "parse", reading(("ask_documents", 0.36), ("complain_delay", 0.3)))
    teller.say("那个表的事情")
    [again] = teller.press("都不是")
    assert "换个说法" in again.text and teller.conversation().waiting_since is None


def test_another_office_is_named_with_its_door(teller: Teller) -> None:
    [answer] = teller.say("小区物业乱收停车费，业委会也不管，我们业主该找谁")
    assert "住房城乡建设" in answer.text and "12345" in answer.text
    assert not teller.tickets()
