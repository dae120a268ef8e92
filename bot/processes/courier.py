"""The courier: what happens without a request. Posts notices, runs timers, delivers. Any number may run."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from types import FrameType

import structlog
from sqlalchemy.exc import DBAPIError

from actions.tickets.commands.upkeep import set_upkeep
from bot.conversation.deliver import Sender, deliver_one
from bot.conversation.post import post_one, run_timer
from bot.conversation.wake import OUT
from bot.processes.deliverers import Deliverers
from bot.processes.keeper import Keeper
from bot.processes.parts import Parts

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
BATCH = 200


def work_round(parts: Parts, senders: Mapping[str, Sender]) -> int:
    """Does everything that can be done now; returns how much that was."""
    know, done = parts.knowledge, 0
    hints: set[str] = set()
    while done < BATCH and run_timer(parts.database, know, parts.now(), hints.add, parts.work):
        done += 1
    posted = 0
    while done < BATCH and (outcome := post_one(parts.database, know, parts.now(), hints.add)):
        done += 1
        if outcome == "held":
            break
        posted += 1
    while done < BATCH and deliver_one(parts.database, senders, parts.keys, parts.now):
        done += 1
    if posted or hints:
        parts.wake.hint("queue", "tickets", *sorted(hints))
    return done


def wake_upkeep(parts: Parts) -> None:
    """The upkeep of tickets begins with the first round: calendar, rules or units may have changed while nobody ran."""
    try:
        with parts.database.begin() as session:
            set_upkeep(session, parts.now())
    except DBAPIError as error:  # the rounds will say so until it is back; the timer of the last day still stands
        log.warning("database_unreachable", error=type(error.orig).__name__ if error.orig else "?")


def run_courier(parts: Parts, senders: Mapping[str, Sender]) -> None:
    """Works until told to stop."""
    stop = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    deliverers = Deliverers(parts, senders)
    deliverers.start()
    keeper = Keeper(parts)
    keeper.start()
    wake_upkeep(parts)
    log.info("courier_ready", channels=sorted(senders))
    while not stop:
        try:
            done = work_round(parts, {})
            deliverers.look()
            if done:
                continue
        except DBAPIError as error:
            log.warning("database_unreachable", error=type(error.orig).__name__ if error.orig else "?")
        parts.wake.wait(OUT, SWEEP_SECONDS)
    keeper.stop()
    deliverers.stop()
