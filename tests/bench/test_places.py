"""bench places: what counts as right, and our own sentences keep the bounds that need no other program."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.bench import places
from bot.bench.places import OWN, Item, Said, items, judge, scores
from bot.cli import cli
from bot.processes.parts import NotReady
from bot.settings import load_settings

NOW = frozenset({"两江新区"})


@pytest.mark.parametrize("said, gold, verdict", [
    (Said("route", "龙溪街道"), "龙溪街道", "right"), (Said("confirm", "龙溪街道"), "龙溪街道", "confirm"),
    (Said("route", "龙塔街道"), "龙溪街道", "wrong"), (Said("confirm", "龙塔街道"), "龙溪街道", "wrong confirm"),
    (Said("out_of_area", district="江津区"), "龙溪街道", "wrong"), (Said("ask", candidates=("龙溪街道",)), "龙溪街道", "choice"),
    (Said("ask"), "龙溪街道", "ask"), (Said("none"), "ASK", "right"), (Said("ask"), "ASK", "right"),
    (Said("route", "龙溪街道"), "ASK", "wrong"), (Said("out_of_area", district="江津区"), "ASK", "wrong"),
    (Said("out_of_area", district="江津区"), "OUT:江津区", "right"), (Said("out_of_area"), "OUT:江津区", "unnamed"),
    (Said("out_of_area", district="武侯区"), "OUT:江津区", "other district"), (Said("ask"), "OUT:江津区", "ask"),
    (Said("route", "龙溪街道"), "OUT:江津区", "wrong"), (Said("out_of_area", district="两江新区"), "OUT:江北区*", "right"),
    (Said("out_of_area", district="两江新区"), "OUT:江北区", "other district"),
])
def test_what_counts_as_right(said: Said, gold: str, verdict: str) -> None:
    assert judge(said, gold, NOW) == verdict


def test_shares_are_of_those_the_target_speaks_of() -> None:
    sentences = [Item("a", "F1_full", "龙溪街道"), Item("b", "F9_typo", "龙溪街道"), Item("c", "F6_place", "龙溪街道"),
                 Item("d", "O1_out", "OUT:江津区"), Item("e", "N_nothing", "ASK")]
    said = [Said("route", "龙溪街道"), Said("confirm", "龙溪街道"), Said("ask"), Said("route", "龙塔街道"), Said("none")]
    found = scores(sentences, said, NOW)
    assert (found["named_right"], found["named_routed"], found["only_right"]) == (1.0, 1.0, 0.0)
    assert (found["outside_right"], found["outside_into_area"], found["nothing_right"]) == (0.0, 1.0, 1.0)
    assert (found["all_wrong_route"], found["all_ask"]) == (0.2, 0.2)


def test_our_own_sentences_cover_every_unit_and_case() -> None:
    found = items(OWN)
    units = {item.gold for item in found if not item.gold.startswith("OUT:")} - {"ASK"}
    assert len(units) == 30 and len(found) > 200
    assert {item.variant[:2] for item in found} >= {"F1", "F3", "F4", "F6", "F7", "F8", "F9", "V1", "O1", "O3", "N_"}


def test_the_bounds_that_need_no_rival_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YOUMEN_SHARED", raising=False)
    run = CliRunner().invoke(cli, ["bench", "places", "--without-stock"])
    record: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    assert run.exit_code == 0 and record["bench"] == "places" and record["rivals"] == {}
    timed = ("10,000 characters (ms)", "load (s)")  # a loaded machine says nothing about us
    assert [t for t in record["targets"] if not t["met"] and t["name"] not in timed] == []
    assert record["ours"]["index_mb"] <= 40


def test_rivals_that_are_not_there_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(places, "PROJECT", tmp_path)
    gazetteer = places.load_gazetteer(load_settings({}).config / "places")
    with pytest.raises(NotReady, match="scripts/rivals"):
        places._rival("cpca", items(OWN)[:1], gazetteer)
