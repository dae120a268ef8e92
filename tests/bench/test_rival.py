"""The rival is a whole Rasa project that asks the same questions and knows the same intents; nothing is trained here."""
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.bench import machine, rival
from bot.settings import PROJECT, load_settings

DOMAIN = YAML(typ="safe").load(rival.STOCK / "domain.yml")


def names(data: object, key: str) -> set[str]:
    """Every value of a key, however deep it stands."""
    if isinstance(data, dict):
        own = {data[key]} if isinstance(data.get(key), str) else set()
        return own.union(*(names(value, key) for value in data.values()))
    return set().union(*(names(value, key) for value in data)) if isinstance(data, list) else set()


def test_it_knows_our_intents() -> None:
    ours = YAML(typ="safe").load(PROJECT / "bot" / "dialogue" / "domain" / "intents.yml")["intents"]
    assert set(DOMAIN["intents"]) == set(ours) - {"press"}


def test_it_asks_as_many_questions_as_the_story_answers() -> None:
    from bot.bench.drive import story

    asked = DOMAIN["forms"]["help_form"]["required_slots"]
    assert len(asked) == len(story()) - 1
    assert all(f"utter_ask_{slot}" in DOMAIN["responses"] and slot in DOMAIN["slots"] for slot in asked)


def test_rules_and_stories_use_what_there_is() -> None:
    for file in ("rules.yml", "stories.yml"):
        data = YAML(typ="safe").load(rival.STOCK / "data" / file)
        assert names(data, "intent") <= {*DOMAIN["intents"], "nlu_fallback"}
        known = {*DOMAIN["actions"], *DOMAIN["responses"], *DOMAIN["forms"]}
        assert names(data, "action") <= known
    rules = YAML(typ="safe").load(rival.STOCK / "data" / "rules.yml")
    assert names(rules, "intent") == {*DOMAIN["intents"], "nlu_fallback"}


def test_epochs_are_put_in() -> None:
    config = rival.stock_config(7)
    epochs = {part["name"]: part.get("epochs") for part in [*config["pipeline"], *config["policies"]]}
    assert epochs["DIETClassifier"] == 7 and epochs["TEDPolicy"] == 7
    assert rival.stock_config(300)["policies"][1]["epochs"] == rival.TED_EPOCHS
    assert [part["name"] for part in config["pipeline"]][:2] == ["JiebaTokenizer", "CountVectorsFeaturizer"]


def test_a_model_belongs_to_its_epochs_and_is_found_again(tmp_path: Path) -> None:
    settings = load_settings({"YOUMEN_BUILD": str(tmp_path)})
    assert rival.any_stock(settings) is None
    few, many = rival.stock_of(settings, 1), rival.stock_of(settings, 2)
    assert few.folder != many.folder and few == rival.stock_of(settings, 1) and few.training is None
    few.folder.mkdir()
    few.archive.write_bytes(b"")
    (few.folder / "training.json").write_text(json.dumps({"epochs": 1, "seconds": 2.5}))
    assert rival.any_stock(settings) == few


def test_nothing_of_ours_reaches_its_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YOUMEN_FIELD_KEY", "0" * 64)
    monkeypatch.setenv("DATABASE_URL", "postgresql:///x")
    found = rival.rasa_environment(load_settings({"YOUMEN_BUILD": str(tmp_path)}), STOCK_DATABASE_URL="y")
    assert not [name for name in found if name.startswith("YOUMEN_") or name == "DATABASE_URL"]
    assert found["STOCK_DATABASE_URL"] == "y" and found["RASA_TELEMETRY_ENABLED"] == "false"


def test_memory_is_the_fair_share() -> None:
    assert machine.pss_in("Rss:   900 kB\nPss:   300 kB\nPss_Anon:  100 kB\n") == 300 * 1024
    assert machine.pss_in("") == 0
    assert machine.memory_mb([os.getpid()]) > 1
    assert machine.pss_of(2**22 + 1) == 0


def test_processor_time_grows_and_has_a_name() -> None:
    before = machine.cpu_seconds([os.getpid()])
    sum(range(3_000_000))
    assert machine.cpu_seconds([os.getpid()]) >= before > 0
    assert machine.name_of(["python", "-m", "bot.cli", "run", "engine"], "python") == "engine"
    assert machine.name_of(["python", "-m", "bot.cli", "up"], "python") == "supervisor"
    assert machine.name_of(["python", "-m", "rasa", "run", "actions", "--port", "1"], "python") == "actions"
    assert machine.name_of(["python", "-m", "rasa", "run", "--model", "x"], "python") == "server"
    assert machine.name_of(["postgres: walwriter"], "postgres") == "postgres"
