"""The SIGKILL run: a whole hotline under traffic while everything it stands on is killed; judged by the apps' own books.

FAULTS_MESSAGES, FAULTS_CONVERSATIONS and FAULTS_SEED choose the size; without them it is the short form.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from statistics import median
from typing import Any

import pytest

from actions.language.files import load_yaml
from bot.settings import PROJECT
from tests.channels.bot_api import TOKEN
from tests.faults.conductor import Conductor
from tests.faults.judge import IN_FLIGHT, doubtful, judge, settle
from tests.faults.operators import Operator
from tests.faults.plan import CONCURRENT, Cast, make_plan
from tests.faults.report import figures, print_table, write_report
from tests.faults.residents import Resident, resident
from tests.faults.storm import REPLIES, SlowBotApi, Storm
from tests.live import live_hotline

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(7200)]

# seconds; asserted with a generous factor, because machines are shared
REACH = {"worker": 3, "courier": 3, "web": 3, "redis": 3, "postgres": 10, "engine": 45}
AT_ONCE, GENEROUS = 0.2, 3


@pytest.fixture(scope="module")
def storm(dialogue: Any) -> Iterator[Storm]:
    """A hotline that is up, with Telegram on; the dialogue fixture has trained its model."""
    api = SlowBotApi(duplicates=True, reorders=True)
    texts: dict[str, str] = {}
    for path in REPLIES.glob("*.yaml"):
        texts |= {name: text for name, text in load_yaml(path).items() if isinstance(text, str)}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TELEGRAM_TOKEN", TOKEN)
        environment.setenv("TELEGRAM_API_URL", api.url)
        environment.setenv("NO_PROXY", "127.0.0.1,localhost")
        environment.setenv("YOUMEN_TRUSTED_PROXIES", "127.0.0.1")
        with live_hotline() as live:
            storm = Storm(live, api, texts)
            yield storm
            storm.stop.set()
            storm.database.dispose()
    api.close()


@pytest.fixture(scope="module")
def run(storm: Storm, pytestconfig: pytest.Config) -> Any:
    """The run itself, once for all tests of this file; what it found goes to build/faults and to the screen."""
    plan = make_plan()
    began = time.monotonic()
    operator, conductor = Operator(storm, plan.seed), Conductor(storm, plan.seed)
    operator.sign_in()
    calm = _calm(storm, plan.conversations, plan.seed)
    reference = {(one.cast.story.name, one.cast.channel): one.asked for one in calm if not one.disturbed}
    hang = conductor.hang(lambda conversation: operator.act(conversation, "take_over"))
    if hang is not None:
        operator.act(hang["conversation"], "release")
    before = storm.pace.begun
    people = [resident(storm, cast, plan.seed) for cast in plan.conversations]
    storm_began = time.monotonic()
    at_the_desk = threading.Thread(target=operator.run)
    conducting = threading.Thread(target=_conduct, args=(storm, conductor, before, plan.messages, plan.faults))
    at_the_desk.start()
    conducting.start()
    try:
        with ThreadPoolExecutor(CONCURRENT) as crowd:
            list(crowd.map(lambda one: one.run(), people))
        operator.ending.set()
        at_the_desk.join()
        conducting.join()
    except BaseException:
        storm.stop.set()
        raise
    stormed = time.monotonic() - storm_began
    everybody: list[Any] = [*calm, *conductor.probes, *people]
    left = settle(storm, everybody)
    verdict = judge(storm, everybody, conductor, reference)
    verdict.counts["unclear_at_the_desk"] = sum(map(operator.sees_doubt, doubtful(storm)))
    found = {
        "plan": {
            "seed": plan.seed, "messages": plan.messages, "conversations": len(plan.conversations),
            "faults": dict(conductor.injected), "workers": 2, "cpus": os.cpu_count(), "load": os.getloadavg(),
        },
        "seconds": {"storm": round(stormed, 1), "all": round(time.monotonic() - began, 1)},
        "left": left, "hang": hang, "operator": {"acts": len(operator.seconds), "taken": len(operator.taken)},
        "recovered": {name: [round(one, 3) for one in times] for name, times in conductor.recovered.items()},
        "down": [[round(one, 3) for one in pair] for pair in conductor.down],
        "verdict": asdict(verdict), "notes": storm.notes,
        "reference": {" ".join(key): value for key, value in reference.items()},
    }
    write_report(PROJECT / "build" / "faults", found)
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print_table(figures(found))
    return found


def _conduct(storm: Storm, conductor: Conductor, before: int, messages: int, faults: tuple[str, ...]) -> None:
    try:
        conductor.run(before, messages, faults)
    except BaseException as error:
        storm.note(f"the conductor ended: {type(error).__name__}: {error}")
        storm.stop.set()
        raise


def _calm(storm: Storm, cast: tuple[Cast, ...], seed: int) -> list[Any]:
    """Each story once on each channel while nothing fails: what is asked then is what must be asked in the storm."""
    storm.pace.allow(10_000)
    first: dict[tuple[str, str], Cast] = {}
    for one in cast:
        first.setdefault((one.story.name, one.channel), one)
    quota = max(one.quota for one in cast)
    people: list[Resident] = [
        resident(storm, Cast(90_000 + one.number, one.channel, one.story, quota, None), seed)
        for one in first.values() if not one.story.burst
    ]
    with ThreadPoolExecutor(CONCURRENT) as crowd:
        list(crowd.map(lambda one: one.run(), people))
    storm.pace.reset()
    return people


def _generous(run: Any) -> float:
    """A machine with more to do than processors answers later; what is slow for another reason still shows."""
    return GENEROUS * max(1.0, run["plan"]["load"][0] / (run["plan"]["cpus"] or 1))


def test_everything_comes_to_rest(run: Any) -> None:
    assert run["left"] is None, "messages, deliveries, timers still open"
    assert run["notes"] == []


def test_nothing_is_lost_and_nothing_doubled(run: Any) -> None:
    verdict = run["verdict"]
    assert verdict["counts"]["messages"] >= run["plan"]["messages"]
    assert verdict["lost"] == [] and verdict["doubled"] == [] and verdict["unknown"] == []
    assert verdict["unanswered"] == []


def test_replies_are_sent_once(run: Any) -> None:
    verdict, faults = run["verdict"], run["plan"]["faults"]
    assert verdict["sent_twice"] == [] and verdict["never_sent"] == []
    assert verdict["counts"]["unclear_app"] <= faults.get("app_hangs_after", 0) + faults.get("app_drops_after", 0)
    assert verdict["counts"]["unclear_crash"] <= IN_FLIGHT * faults.get("courier", 0)
    counts = verdict["counts"]
    assert counts["unclear_at_the_desk"] == counts["unclear_app"] + counts["unclear_crash"]


def test_order_is_kept(run: Any) -> None:
    assert run["verdict"]["order"] == [] and run["verdict"]["page"] == []


def test_no_bot_speaks_over_a_person(run: Any) -> None:
    assert run["verdict"]["counts"]["takeovers"] >= 1
    assert run["verdict"]["bot_over_person"] == []


def test_tickets_and_dialogues_are_whole(run: Any) -> None:
    verdict = run["verdict"]
    assert verdict["counts"]["confirmed"] >= 1
    assert verdict["tickets"] == []
    assert verdict["counts"]["judged_in_step"] >= 1
    assert verdict["out_of_step"] == []


def test_every_fault_happened_and_was_survived(run: Any) -> None:
    assert set(REACH) <= set(run["plan"]["faults"])
    for name, reach in REACH.items():
        assert run["recovered"].get(name), f"{name} never came back"
        assert min(run["recovered"][name]) <= reach * _generous(run)


def test_danger_is_answered_while_the_engine_is_away(run: Any) -> None:
    assert run["down"]


def test_a_turn_that_hangs_holds_nobody_up(run: Any) -> None:
    hang = run["hang"]
    assert hang is not None and hang["code"] == 200 and hang["held"] and hang["safe"]
    assert median(hang["accept"]) <= AT_ONCE * _generous(run) and hang["take_over"] <= AT_ONCE * _generous(run)
