"""Self-screening in the talk: only what matters is asked, not knowing is narrowed down, contradictions are asked about."""
from __future__ import annotations

import pytest
import sqlalchemy as sa

from actions.policy.queries import unanswered
from actions.storage.tables import ScreeningRecord
from bot.commands.replay import ROUTE, SCREENING, _records, _route, _screening
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine


def told(teller: Teller) -> list[str]:
    return [line.text for line in teller.lines]


def test_who_asks_for_the_allowance_is_asked_only_for_that(teller: Teller) -> None:
    teller.say("家里一直困难，想问低保")
    teller.say("同意")
    for _ in range(10):
        asked = teller.lines[-1].asks
        if asked in (None, "open_ticket"):
            break
        teller.say({"household_people": "三口人", "household_register": "重庆农村", "property_over_limit": "都没有",
                    "income_month": "不清楚"}.get(asked, "都没有"))
    facts = teller.conversation().facts
    assert {"household_register", "property_over_limit", "income_month"} <= set(teller.asks)
    assert not {"father_state", "disability_grade", "supporters"} & set(teller.asks)
    assert "income_month:band" in facts["asked"] and "income_month:threshold" in facts["asked"]
    assert facts["asked"].count("income_month") == 1
    assert any("大概是哪一档" in text for text in told(teller))
    assert any("有没有到1890元" in text for text in told(teller))      # 630 for each of three
    assert len(set(facts["asked"]) - {"open_ticket"}) <= 8     # the budget; a question not understood is repeated once


def test_why_a_question_is_asked_has_an_answer_at_every_question(teller: Teller) -> None:
    teller.say("家里一直困难，想问低保")
    teller.say("同意")
    for _ in range(4):
        before = len(teller.lines)
        teller.say("为什么问这个？")
        assert len(teller.lines) - before >= 2
        teller.say("不清楚")


def test_alone_and_later_the_child_is_asked_about_once(teller: Teller) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃")
    teller.say("同意")
    teller.say("就我一个人住")
    assert teller.lines[-1].asks == "family_can_help"
    teller.say("没得人帮，我和娃儿今晚都没地方去")
    assert teller.lines[-1].asks == "household_people" and "孩子" in teller.lines[-1].text
    teller.say("两个人，我和娃儿")
    assert teller.conversation().facts["answers"]["household_people"]["value"] in (2, "2")
    assert teller.lines[-1].asks != "household_people"


def test_the_record_is_complete_and_judges_the_same_again(teller: Teller) -> None:
    teller.say("我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃")
    for said in ("同意", "三口人，我、老婆和一个五岁的娃儿", "没得哪个帮得上", "13800005678", "都对"):
        teller.say(said)
    [ticket] = teller.tickets()
    with teller.parts.database.begin() as session:
        found = list(_records(session, None, ticket.number))
        assert {kind for kind, _ in found} == {SCREENING, ROUTE}
        for kind, row in found:
            again = _screening(teller.parts, row) if kind == SCREENING else _route(teller.parts, row, session)
            assert again == []
        record = next(row for kind, row in found if kind == SCREENING).outcome
    assert record["ruleset"] == teller.parts.knowledge.ruleset.version and record["as_of"] and record["region"]
    assert all({"value", "how", "confidence", "text", "at"} <= set(answer) for answer in record["answers"].values())
    assert all(answer["at"] for answer in record["answers"].values())
    assert {"household_people", "family_can_help"} <= {question["fact"] for question in record["questions"]}
    assert all(question["why"] and question["chosen"] for question in record["questions"])
    assert len(record["verdicts"]) == 28 and all(figure["status"] for figure in record["parameters"])


def test_a_record_is_never_changed(teller: Teller) -> None:
    teller.say("昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃")
    for said in ("同意", "一个人", "没人帮", "不留", "都对"):
        teller.say(said)
    with pytest.raises(sa.exc.DBAPIError, match="only grows"), teller.parts.database.begin() as session:
        session.execute(sa.update(ScreeningRecord).values(region="110000"))


def test_what_nobody_can_answer_is_collected_without_who_asked(teller: Teller) -> None:
    teller.say("你好")
    teller.say("低保可以折算成基金吗")
    teller.say("公租房的租金标准是多少")
    with teller.parts.database.begin() as session:
        texts = [entry.text for entry in unanswered(session, teller.parts.keys)]
    assert all("低保" not in text for text in texts)
