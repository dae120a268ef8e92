"""What must be true before somebody asks for more, pays, closes, refers or reopens."""

from __future__ import annotations

from datetime import date
from typing import Any

from actions.access.rules import RESIDENT
from actions.tickets.commands.doing import Doing, NotAllowed, NothingToDo, guard, standing
from actions.tickets.commands.telling import count_events, last_event
from actions.tickets.forms import Chosen


def _picked(doing: Doing, field: str) -> Any:
    value = doing.values.get(field)
    return value.value if isinstance(value, Chosen) else value


@standing
def told_once(doing: Doing) -> None:
    """Everything missing is told once (社会救助暂行办法, notes/policy.md 2.2): a second time only after a reopening."""
    asked = last_event(doing.session, doing.ticket, "supplement_asked", "reopened", "transferred", "returned")
    if asked is not None and asked.kind == "supplement_asked":
        raise NotAllowed("told_once")


def _paid(doing: Doing) -> bool:
    """Whether money or goods have been given since the ticket was last opened."""
    last = last_event(doing.session, doing.ticket, "paid", "reopened")
    return last is not None and last.kind == "paid"


@standing
def nothing_paid(doing: Doing) -> None:
    """What has been paid is not decided again."""
    if _paid(doing):
        raise NotAllowed("nothing_paid")


@standing
def publication_over(doing: Doing) -> None:
    """The days of publication have passed; the last one counts whole."""
    published = last_event(doing.session, doing.ticket, "published")
    until = date.fromisoformat(published.data["fields"]["until"]["value"]) if published is not None else None
    if until is not None and doing.today <= until:
        raise NotAllowed("publication_over", until=until.isoformat())


@standing
def aid_was_given(doing: Doing) -> None:
    """Paperwork is made up for aid that was given first (社会救助法 50)."""
    if not count_events(doing.session, doing.ticket, "aid_given"):
        raise NothingToDo("aid_was_given")


@guard
def aided_means_paid(doing: Doing) -> None:
    """Closed as aided when something was given, and only then."""
    aided = _picked(doing, "result") == "aided"
    if _paid(doing) and not aided:
        raise NotAllowed("paid_means_aided")
    if aided and not _paid(doing) and not count_events(doing.session, doing.ticket, "aid_given"):
        raise NotAllowed("aided_means_paid")


@guard
def consent_to_refer(doing: Doing) -> None:
    """Another body hears of the resident with their consent, or when a life is in danger (个人信息保护法 13, 23)."""
    if not doing.values["consent"] and doing.ticket.urgency != "life_danger":
        raise NotAllowed("consent_to_refer")


@standing
def resident_reopens_once(doing: Doing) -> None:
    """Who is not satisfied reopens once by themselves; after that a person decides."""
    if doing.viewer.actor == RESIDENT and count_events(doing.session, doing.ticket, "reopened", by=RESIDENT):
        raise NotAllowed("resident_reopens_once")
