"""Photos, voices, places in the middle of a question: kept, said so, and the question again; nothing "not understood"."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bot.conversation.accept import AcceptTools, Incoming, accept
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine

FIRE = "昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"
SENT: dict[str, dict[str, Any]] = {
    "photo": {"photo": {"file_id": "f1", "size": 10, "type": None}},
    "voice": {"voice": {"file_id": "f2", "size": 10, "type": "audio/ogg"}},
    "document": {"document": {"file_id": "f3", "size": 10, "type": "application/pdf"}},
    "location": {"location": {"latitude": 29.7, "longitude": 106.6, "accuracy": None, "datum": "WGS-84"}},
    "contact": {"phones": ["13800138000"]},
}


def send(teller: Teller, kind: str, text: str = "") -> list[Any]:
    with teller.parts.database.begin() as session:
        accepted = accept(
            session, AcceptTools(teller.parts.gates, teller.parts.knowledge),
            Incoming(teller.channel, teller.address, uuid.uuid4().hex, text, kind, extra=SENT[kind]), teller.parts.now())
    teller.contact_id = accepted.contact_id
    return teller.settle()


@pytest.mark.parametrize("kind", sorted(SENT))
@pytest.mark.parametrize("question", ["consent", "household_people"])
def test_during_a_question(teller: Teller, kind: str, question: str) -> None:
    last = teller.say(FIRE)
    if question != "consent":
        last = teller.press("同意")
    assert last[-1].asks == question
    budget = len(teller.conversation().facts["asked"])
    for _ in range(3):  # however many photos somebody sends
        kept, again = send(teller, kind)
        assert kept.text.startswith("收到") and again.asks == question
        assert "没太听明白" not in kept.text + again.text
    facts = teller.conversation().facts
    assert len(facts["asked"]) == budget and facts["misses"] == 0


def test_a_caption_is_read_as_words(teller: Teller) -> None:
    teller.say(FIRE)
    teller.press("同意")
    answer = send(teller, "photo", "三个人")
    assert answer[0].text.startswith("收到照片") and answer[-1].asks not in ("household_people", None)


def test_a_contact_answers_the_question_for_a_phone(teller: Teller) -> None:
    teller.say(FIRE)
    teller.press("同意")
    teller.press("三个人")
    assert teller.press("没有人能帮")[-1].asks == "phone"
    assert send(teller, "contact")[-1].asks == "read_back"


@pytest.mark.parametrize("kind", ["photo", "voice", "document"])
def test_without_a_question(teller: Teller, kind: str) -> None:
    [line] = send(teller, kind)
    assert line.text.startswith("收到了") and "文字" in line.text


def test_danger_stays_first(teller: Teller) -> None:
    teller.say("我不想活了，现在站在楼顶上")
    assert send(teller, "photo")[-1].asks == "safe_now"
