"""What every way in decides alike: who answers for a case and what stays on record of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.due.clockwork import Clockwork
from actions.intake.book import Cause, IntakeBook
from actions.places.gazetteer import Gazetteer
from actions.privacy.keys import Keys
from actions.screening.evaluate import Screening
from actions.screening.model import RuleSet
from actions.screening.record import decision_record
from actions.storage.tables import RouteRecord, ScreeningRecord, Surge
from actions.tickets.commands import Responsible

AID_FIRST = "aid_first"
ROUTED = ("route", "confirm")
OUTSIDE = "out_of_area"


class Knows(Protocol):
    """What the intake looks things up in; the Knowledge of the steps is one."""

    @property
    def gazetteer(self) -> Gazetteer: ...
    @property
    def ruleset(self) -> RuleSet: ...
    @property
    def clockwork(self) -> Clockwork: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def intake(self) -> IntakeBook: ...


def responsible_for(place: Mapping[str, Any] | None, gazetteer: Gazetteer) -> Responsible:
    """Who answers: the unit of the event, a district outside, or the district's own desk (社会救助法 37(2))."""
    if place is not None and place["decision"] in ROUTED and place["unit"]:
        return Responsible("unit", place["unit"], place["unit_name"], place["district"])
    if place is not None and place["decision"] == OUTSIDE:
        return Responsible("outside", None, place["unit_name"], place["district"] or place["city"])
    return Responsible("district", None, None, gazetteer.area_name)


def helps_first(screening: Screening, urgency: str) -> bool:
    """Whether aid comes before paper (社会救助法 50)."""
    return urgency != "none" or screening.verdict(AID_FIRST).verdict == "likely"


def is_minor(book: IntakeBook, answers: Mapping[str, Any]) -> bool:
    """Whether the person concerned is known to be a child (未成年人保护法 2)."""
    age = answers.get("age", {})
    value = age.get("value") if isinstance(age, Mapping) else age
    return isinstance(value, int) and not isinstance(value, bool) and value < book.adult_from


def surge_of(session: Session, cause: Cause | None, now: datetime) -> Surge | None:
    """The surge that is on for this cause."""
    if cause is None or not cause.surge:
        return None
    found: Surge | None = session.execute(
        sa.select(Surge).where(
            Surge.cause == cause.id, Surge.starts_at <= now, Surge.ends_at > now, Surge.ended_at.is_(None)
        ).order_by(Surge.id.desc()).limit(1)
    ).scalar_one_or_none()
    return found


def keep_screening(
    session: Session, screening: Screening, answers: Mapping[str, Any], now: datetime, *, ticket_id: int | None,
    conversation_id: int | None = None, questions: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Writes the decision record: append-only, complete enough to be judged again (`youmen replay`)."""
    session.add(
        ScreeningRecord(
            conversation_id=conversation_id,
            ticket_id=ticket_id,
            ruleset=screening.ruleset.version,
            as_of=screening.as_of,
            region=screening.region,
            answers=dict(answers),
            outcome=decision_record(screening, questions),
            created_at=now,
        )
    )


def keep_route(
    session: Session, outcome: Mapping[str, Any], text: bytes, now: datetime, *, ticket_id: int,
    conversation_id: int | None = None,
) -> None:
    """Writes which words the route was read from (sealed) and what came out."""
    session.add(
        RouteRecord(
            conversation_id=conversation_id,
            ticket_id=ticket_id,
            table_version=outcome["table_version"],
            as_of=datetime.fromisoformat(outcome["as_of"]).date(),
            text=text,
            outcome=dict(outcome),
            created_at=now,
        )
    )
