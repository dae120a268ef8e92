"""Another area is data: a county that does not exist runs the fire story and a deadline without a line of Python."""
from __future__ import annotations

import json
import shutil
import uuid
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from actions.access.rules import load_roles
from actions.language.files import ConfigError
from actions.places.check import check
from actions.places.gazetteer import load_gazetteer
from actions.places.record import replay_route
from actions.places.resolver import resolve
from actions.steps.knowledge import Knowledge, install, load_knowledge
from actions.storage.tables import RouteRecord
from bot.areas import merged_config
from bot.cli import cli
from bot.conversation.accept import AcceptTools, Incoming, accept
from bot.conversation.wake import Wake
from bot.processes.first_staff import unit_id_of
from bot.processes.parts import Parts
from bot.processes.private import Hotline
from bot.settings import PROJECT, Settings, load_settings
from tests.stories.teller import Teller

AREA = Path(__file__).parent / "qinghe"
TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    build = tmp_path_factory.mktemp("build")
    return load_settings({"YOUMEN_AREA": str(AREA), "YOUMEN_BUILD": str(build)})


@pytest.fixture(scope="module")
def here(settings: Settings, keys: Any) -> Knowledge:
    return load_knowledge(settings.config, keys)


# --- data ------------------------------------------------------------------------------------------------------


def test_its_tables_have_no_fault_and_nothing_of_the_other_area(settings: Settings, here: Knowledge) -> None:
    assert check(settings.config / "places") == []
    assert {unit.name for unit in here.gazetteer.units.values()} == {"白鹭镇", "柳塘街道", "石桥乡", "东门街道"}
    assert resolve("我在龙溪街道，屋烧了", here.gazetteer, TODAY).unit is None
    assert load_gazetteer().version != here.gazetteer.version


def test_its_townships_decide_up_to_their_own_confirmed_limit(here: Knowledge) -> None:
    limit = here.book.limit(next(iter(here.gazetteer.units)), "temporary_urgent", TODAY)
    assert (limit.yuan, limit.confirmed) == (3000, True) and limit.covers(Decimal(3000)) and not limit.covers(Decimal("3000.01"))


@pytest.mark.parametrize("text, decision, unit, district", [
    ("我户口在白鹭镇，在柳塘街道租的房子着火了", "route", "柳塘街道", "青禾县"),
    ("长堤路33号着火", "confirm", "白鹭镇", "青禾县"),            # odd numbers
    ("长堤路34号着火", "confirm", "柳塘街道", "青禾县"),          # even numbers on the other side
    ("鹭溪镇涨水", "confirm", "白鹭镇", "青禾县"),                # a former name
    ("白露镇着火", "confirm", "白鹭镇", "青禾县"),                # the same sound
    ("临洲区东门街道着火", "out_of_area", None, "临洲区"),
    ("我在成都市武侯区出了车祸", "out_of_area", None, "武侯区"),
])
def test_its_places(here: Knowledge, text: str, decision: str, unit: str | None, district: str) -> None:
    found = resolve(text, here.gazetteer, TODAY)
    assert (found.decision, found.unit_name, found.district) == (decision, unit, district)


def test_a_road_without_number_and_a_station_are_asked(here: Knowledge) -> None:
    for text, units in (("长堤路着火", {"白鹭镇", "柳塘街道"}), ("青禾汽车站", {"柳塘街道", "石桥乡"})):
        assert {c.unit_name for c in resolve(text, here.gazetteer, TODAY).candidates} == units


def test_a_unit_that_changed_its_county_goes_by_the_day(here: Knowledge) -> None:
    assert resolve("柳塘街道着火", here.gazetteer, date(2023, 12, 31)).district == "临洲区"
    assert resolve("柳塘街道着火", here.gazetteer, date(2024, 1, 1)).district == "青禾县"


def test_its_contacts_standards_replies_and_staff(settings: Settings, here: Knowledge) -> None:
    contact = here.gazetteer.contact("云麓市", "临洲区", TODAY)
    assert (contact.label, contact.status) == ("临洲区救助站", "pending")
    assert here.gazetteer.contact("成都市", "武侯区", TODAY).label == "成都市便民热线"
    assert here.ruleset.default_region == "990101"
    assert "青禾县" in here.replies.text("place.ask_unit") and "ticket_opened" in here.replies
    assert here.gazetteer.desks.of("u-shiqiao", TODAY) == "district"
    assert unit_id_of(here.gazetteer)("柳塘街道") == "u-liutang"
    assert load_roles(settings.config / "roles" / "roles.yaml")["officer"].title == "镇街经办人"  # the common one


def test_its_clock_and_its_day_off(settings: Settings) -> None:
    """Seven working days here, five there; and 24 November is a holiday of the county."""
    arguments = ["due", "--rule", "temporary_aid", "--from", "2026-11-20T10:00:00+08:00"]

    def due(environment: dict[str, str], *more: str) -> dict[str, Any]:
        run = CliRunner().invoke(cli, [*arguments, *more], env=environment)
        assert run.exit_code == 0, run.output
        return json.loads(run.stdout)

    there = due({"YOUMEN_AREA": str(AREA), "YOUMEN_BUILD": str(settings.build)})
    # 21, 22 weekend; 23 Mon one, 24 holiday, 25, 26, 27 two to four, 28, 29 weekend, 30 Mon five
    assert there["due"] == "2026-11-30T23:59:59+08:00"
    assert [s["date"] for s in there["steps"] if s["kind"] == "holiday"] == ["2026-11-24"]
    assert due({"YOUMEN_AREA": ""})["due"] == "2026-12-01T23:59:59+08:00"
    # one unit promises four days; by its name or its id
    for unit in ("石桥乡", "u-shiqiao"):
        assert due({"YOUMEN_AREA": str(AREA), "YOUMEN_BUILD": str(settings.build)}, "--unit", unit)["due"][:10] == "2026-11-27"
    assert due({"YOUMEN_AREA": str(AREA), "YOUMEN_BUILD": str(settings.build)}, "--unit", "白鹭镇")["due"] == there["due"]
    wrong = CliRunner().invoke(cli, [*arguments, "--unit", "龙溪街"], env={"YOUMEN_AREA": ""})
    assert wrong.exit_code == 2 and "龙溪街道" in wrong.output


# --- the story -------------------------------------------------------------------------------------------------


@pytest.fixture
def teller(database: Any, keys: Any, gates: Any, lifecycle: Any, clock: Any, dialogue: Any, settings: Settings,
           here: Knowledge) -> Any:
    install(here)
    parts = Parts(
        settings=settings, database=database, keys=keys, knowledge=here, gates=gates,
        roles=dict(load_roles(settings.config / "roles" / "roles.yaml")), lifecycle=lifecycle, wake=Wake(None),
        redis_url=None, now=clock)
    return Teller(Hotline(parts, clock, dialogue.think))


@pytest.mark.engine
def test_the_fire_story_runs_there(teller: Teller) -> None:
    teller.say("我户口在白鹭镇，昨晚我在柳塘街道租的房子着火了，现在没地方住也没饭吃")
    teller.press("同意")
    teller.say("三口人")
    teller.say("没得哪个帮得上")
    teller.say("13800005678")
    assert "出事地点：柳塘街道" in teller.lines[-1].text and "户口所在地：白鹭镇" in teller.lines[-1].text
    teller.press("都对")
    [ticket] = teller.tickets()
    assert (ticket.unit_id, ticket.unit_name, ticket.district) == ("u-liutang", "柳塘街道", "青禾县")
    assert ticket.household_unit_name == "白鹭镇"


@pytest.mark.engine
def test_no_place_said_it_asks_in_its_own_words(teller: Teller) -> None:
    teller.say("家里着火了，啥都没了，今晚没地方住")
    asked = teller.press("同意")
    assert asked[-1].text == "事情发生在青禾县的哪个乡镇？"


def send_location(teller: Teller, latitude: float, longitude: float, datum: str, accuracy: float | None = None) -> None:
    point = {"latitude": latitude, "longitude": longitude, "datum": datum, "accuracy": accuracy}
    with teller.parts.database.begin() as session:
        accepted = accept(session, AcceptTools(teller.parts.gates, teller.parts.knowledge),
                          Incoming(teller.channel, teller.address, uuid.uuid4().hex, "", kind="location",
                                   extra={"location": point}), teller.parts.now())
    teller.contact_id = accepted.contact_id
    teller.settle()


@pytest.mark.engine
def test_a_location_within_a_boundary_is_read_back(teller: Teller) -> None:
    teller.say("家里着火了，啥都没了，今晚没地方住")
    teller.press("同意")
    send_location(teller, 30.0500, 118.1020, "GCJ-02")  # 白鹭镇; the same numbers in WGS-84 lie in 柳塘街道
    assert "看起来在白鹭镇" in teller.said and teller.asks[-1] != "event_place"
    for answer in ("三口人", "没得哪个帮得上", "不留"):
        teller.say(answer)
    assert "出事地点：白鹭镇" in teller.lines[-1].text
    teller.press("都对")
    [ticket] = teller.tickets()
    assert ticket.unit_name == "白鹭镇"
    assert json.loads(teller.parts.keys.open(ticket.event_point))["datum"] == "GCJ-02"  # kept as it was sent
    [record] = teller.rows(sa.select(RouteRecord).where(RouteRecord.ticket_id == ticket.id))
    assert (record.outcome["by"], record.outcome["decision"]) == ("point", "confirm")
    know, words = teller.parts.knowledge, teller.parts.keys.open(record.text)
    assert b"30.05" not in bytes(record.text)
    assert replay_route(words, record.outcome, know.gazetteer, lambda last: [], record.as_of) == []


@pytest.mark.engine
def test_words_beat_the_place_of_a_phone(teller: Teller) -> None:
    send_location(teller, 30.05, 118.05, "WGS-84")  # before a word is said
    assert teller.conversation().facts["places"]["event"]["unit_name"] == "白鹭镇" and "看起来在白鹭镇" in teller.said
    teller.say("昨晚在柳塘街道租的房子着火了，今晚没地方住")
    assert teller.conversation().facts["places"]["event"]["unit_name"] == "柳塘街道"


@pytest.mark.engine
def test_a_location_never_moves_a_place_that_was_told(teller: Teller) -> None:
    teller.say("在柳塘街道租的房子着火了，今晚没地方住")
    teller.press("同意")
    send_location(teller, 30.05, 118.05, "WGS-84")
    assert teller.conversation().facts["places"]["event"]["unit_name"] == "柳塘街道"
    assert "看起来在" not in teller.said


@pytest.mark.engine
def test_a_location_near_an_edge_becomes_buttons(teller: Teller) -> None:
    teller.say("家里着火了，啥都没了，今晚没地方住")
    teller.press("同意")
    send_location(teller, 30.05, 118.0995, "WGS-84", 100.0)
    assert [button["title"] for button in teller.lines[-1].buttons][:2] == ["白鹭镇", "柳塘街道"]
    teller.press("柳塘街道")
    event = teller.conversation().facts["places"]["event"]
    assert (event["unit_name"], event["by"]) == ("柳塘街道", "words")
    assert teller.parts.keys.open(event["text"].encode()) == "柳塘街道"


@pytest.mark.engine
def test_a_location_outside_all_boundaries_says_nothing(teller: Teller) -> None:
    teller.say("家里着火了，啥都没了，今晚没地方住")
    teller.press("同意")
    send_location(teller, 30.05, 118.25, "WGS-84")
    assert teller.asks[-1] == "event_place" and "event" not in teller.conversation().facts["places"]


# --- laying it over ---------------------------------------------------------------------------------------------


def test_an_area_that_is_not_there_says_how_to_name_one(tmp_path: Path) -> None:
    run = CliRunner().invoke(cli, ["route"], env={"YOUMEN_AREA": "nowhere", "YOUMEN_BUILD": str(tmp_path)})
    assert isinstance(run.exception, ConfigError) and "YOUMEN_AREA" in str(run.exception)


def test_a_replaced_folder_holds_nothing_of_the_common_one(tmp_path: Path) -> None:
    area = tmp_path / "area"
    shutil.copytree(AREA, area)
    (area / "calendar" / "2026.csv").unlink()
    merged = merged_config(PROJECT / "config", area, tmp_path / "build")
    assert [path.name for path in (merged / "calendar").iterdir()] == ["words.yaml"]
    assert (merged / "danger" / "fire.yaml").resolve() == (PROJECT / "config" / "danger" / "fire.yaml").resolve()
    assert merged_config.__wrapped__(PROJECT / "config", area, tmp_path / "build") == merged


def test_sharing_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    area = tmp_path / "area"
    area.mkdir()
    (area / "area.yaml").write_text("name: a\nreplaces: []\nshares: [places/nothing.csv]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"area.yaml:3: config has no places/nothing.csv"):
        merged_config(PROJECT / "config", area, tmp_path / "build")
