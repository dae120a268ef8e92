"""The component that gives Rasa the places: roles and exact spans, no weight in the rules, no trace in what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

import actions.places.mentions as mentions
import actions.steps.knowledge as steps_knowledge
import bot.dialogue.components.places as component
from actions.places.resolver import mentions_with_roles
from actions.steps.knowledge import install
from actions.storage.tables import Conversation
from bot.dialogue.engine import HEAD
from bot.dialogue.reading import understand_text
from tests.stories.teller import Teller

pytestmark = pytest.mark.engine
TODAY = date(2026, 11, 20)


@pytest.mark.parametrize("text, places", [
    ("我在龙溪街道租的房子着火了", [("龙溪街道", "event")]),
    ("我户口在石船镇", [("石船镇", "household")]),
    ("我住在翠云街道", [("翠云街道", "residence")]),
    ("我爸在重庆市人民医院住院，户口在统景镇", [("重庆市人民医院", "hospital"), ("统景镇", "household")]),
    ("我户口在石船镇，昨晚我在龙溪街道租的房子着火了", [("石船镇", "household"), ("龙溪街道", "event")]),
    ("重庆市渝北区回兴街道昨晚着火了", [("重庆市渝北区回兴街道", "event")]),
    ("昨天从成都市武侯区过来的", [("成都市武侯区", "other")]),
    ("木耳炒肉好吃，王家老汉也说好", []),
    ("你好", []),
])
def test_places_with_their_roles_and_exact_spans(
    dialogue: Any, knowledge: Any, text: str, places: list[tuple[str, str]]
) -> None:
    install(knowledge)
    parsed = dialogue.parse(text)
    found = [entity for entity in parsed["entities"] if entity["entity"] == "place"]
    assert [(entity["value"], entity["role"]) for entity in found] == places
    for entity in found:
        assert parsed["text"][entity["start"] : entity["end"]] == entity["value"]
        assert entity["extractor"] == "PlaceReader"


def test_the_evidence_is_units_with_their_tier(dialogue: Any, knowledge: Any) -> None:
    install(knowledge)
    [named] = dialogue.parse("我在龙溪街道租的房子着火了")["entities"]
    assert named["evidence"] == [{"unit": "u-longxi", "tier": 4.0}]
    [district] = dialogue.parse("我在渝北区")["entities"]
    assert district["evidence"] == []  # the name of a set of units is evidence for none of them
    assert json.dumps(dialogue.parse("我在龙溪街道租的房子着火了"))  # what Rasa prints stays plain data


def test_no_intent_makes_a_place_a_feature_of_the_rules(dialogue: Any) -> None:
    domain = dialogue._agent.domain
    assert domain.entities == ["place"] and set(domain.entity_properties.roles["place"]) == {
        "event", "household", "residence", "hospital", "other"}
    weighed = {name for name, has in domain.intent_properties.items() if has["used_entities"]}
    assert weighed == set()


def test_a_rule_fires_whether_a_place_is_named_or_not(teller: Teller) -> None:
    plain = teller.say("谢谢你")
    named = teller.say("谢谢你，龙溪街道的同志")
    assert [line.text for line in named] == [line.text for line in plain]


def test_nothing_of_a_place_stays_in_the_dialogue_that_is_kept(teller: Teller) -> None:
    teller.say("我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住")
    teller.press("同意")
    with teller.parts.database.begin() as session:
        row = session.execute(sa.select(Conversation)).scalar_one()
        kept = json.dumps(row.dialogue, ensure_ascii=False)
    assert "user" in kept and "石船" not in kept and "龙溪" not in kept and "u-longxi" not in kept
    assert all(event["parse_data"]["entities"] == [] for event in row.dialogue["events"] if event["event"] == "user")


def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is taken apart from now on."""
    seen: list[str] = []
    real = mentions.scan

    def counted(text: str, gazetteer: Any) -> Any:
        seen.append(text)
        return real(text, gazetteer)

    for room in (mentions, component):
        monkeypatch.setattr(room, "scan", counted)
    return seen


def test_a_turn_takes_its_words_apart_once(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "我户口在石船镇，\u3000昨晚我在龙溪街道租的房子着火了，没地方住"  # written form and original differ
    seen = scans(monkeypatch)
    teller.say(text)
    assert len(seen) == 1
    know, facts = teller.parts.knowledge, teller.conversation().facts
    event, household = facts["places"]["event"], facts["places"]["household"]
    assert (event["unit_name"], household["unit_name"]) == ("龙溪街道", "石船镇")
    # the words kept for the replay are the resident's, and the spans those of the words
    assert know.keys.open(facts["event_text"].encode()) == text
    assert know.keys.open(event["text"].encode()) == "龙溪街道"
    teller.press("同意")
    del seen[:]
    teller.say("三口人")
    assert seen.count("三口人") <= 1


def test_other_tables_than_the_component_had_are_read_anew(knowledge: Any) -> None:
    text = "我在龙溪街道租的房子着火了"
    found = mentions.scan(text, knowledge.gazetteer)
    later = replace(knowledge.gazetteer, version="later+1")
    assert mentions.fit_scan(found, text, knowledge.gazetteer) is found
    assert mentions.fit_scan(found, text, later) is not found
    assert mentions.fit_scan(found, text + "。", knowledge.gazetteer).original == text + "。"


def test_the_component_keeps_no_words(dialogue: Any, knowledge: Any) -> None:
    install(knowledge)
    dialogue.parse("我在龙溪街道")
    assert dialogue.take_scan().original == "我在龙溪街道"
    assert dialogue.take_scan() is None


def test_outside_the_hotline_it_reads_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps_knowledge, "_installed", None)
    reader = component.PlaceReader()
    [entity] = reader._entities("我在龙溪街道租的房子着火了")
    assert entity["role"] == "event" and reader._gazetteer() is reader._gazetteer()


@pytest.mark.parametrize("text", [
    "我户口在石船镇，昨晚我在龙溪街道租的房子着火了",
    "\n  我户口在石船镇，  昨晚我在　龙溪街道租的房子着火了１２３",
    "/我在龙溪街道",
    "我在龙溪街道。" + "没有吃的，" * HEAD + "户口在统景镇",  # longer than what the model reads
])
def test_understand_shows_the_places_of_the_text_as_it_was_given(
    dialogue: Any, knowledge: Any, gates: Any, text: str
) -> None:
    install(knowledge)
    record = understand_text(text, text, dialogue, gates, knowledge, TODAY, False)
    wanted = [(m.text, m.start, m.end, m.role, m.unit) for m in mentions_with_roles(text, knowledge.gazetteer, TODAY)]
    assert wanted and wanted == [(p["text"], p["start"], p["end"], p["role"], p["unit"]) for p in record["places"]]
    assert all(text[place["start"] : place["end"]] == place["text"] for place in record["places"])
    assert record["table_version"] == knowledge.gazetteer.version
