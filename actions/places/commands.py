"""The only writer of what the desk decides about places: overrides from settled disputes, and aliases."""
from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.access.queries import access_ticket, visible_tickets
from actions.access.rules import Refused, Viewer
from actions.places.extent import PARITIES
from actions.places.gazetteer import OVERRIDE, Gazetteer
from actions.places.rulings import ALIAS, spot_of
from actions.privacy.commands import record_audit
from actions.privacy.keys import Keys
from actions.storage.tables import PlaceAlias, PlaceRuling, Ticket, TicketEvent

DECIDE = "decide_places"


class WrongRuling(Exception):
    """The ruling cannot be; `what` is an id of the page's words: no_name, numbers, unit."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def record_override(
    session: Session, viewer: Viewer, gazetteer: Gazetteer, *, name: str, unit: str, number_from: int | None = None,
    number_to: int | None = None, parity: str = "", valid_from: date, ticket_number: str | None = None, now: datetime,
) -> Any:
    """A settled dispute becomes a rule: these numbers of this road belong to this unit from this day on.

    Raises Refused, WrongRuling.
    """
    viewer.require(DECIDE)
    name = "".join(name.split())
    if len(name) < 2 or gazetteer.words.get(name, None) is not None and gazetteer.words[name].group:
        raise WrongRuling("no_name")
    if unit not in gazetteer.served:
        raise WrongRuling("unit")
    if parity not in PARITIES or (number_from is not None and number_to is not None and number_to < number_from):
        raise WrongRuling("numbers")
    ticket = access_ticket(session, viewer, ticket_number) if ticket_number else None
    row = PlaceRuling(
        kind=OVERRIDE, name=name, unit_id=unit, number_from=number_from, number_to=number_to, parity=parity,
        valid_from=valid_from, ticket_id=ticket.id if ticket else None, staff_id=viewer.staff_id, created_at=now,
    )
    session.add(row)
    session.flush()
    record_audit(session, actor=viewer.actor, action="place_ruled", object_=f"place_ruling:{row.id}", now=now)
    return row


def withdraw_ruling(session: Session, viewer: Viewer, *, ruling: int, day: date, now: datetime) -> None:
    """Ends a ruling on `day`; the row itself stays, so that old routes can be replayed. Raises Refused."""
    viewer.require(DECIDE)
    row = session.execute(sa.select(PlaceRuling).where(PlaceRuling.id == ruling)).scalar_one_or_none()
    gone = session.execute(sa.select(PlaceRuling.id).where(PlaceRuling.withdraws == ruling)).scalar()
    if row is None or row.kind == "withdrawal" or gone is not None:
        raise Refused("no such ruling")
    session.add(PlaceRuling(kind="withdrawal", withdraws=ruling, parity="", valid_from=max(day, row.valid_from),
                            staff_id=viewer.staff_id, created_at=now))
    object_ = f"place_ruling:{ruling}"
    record_audit(session, actor=viewer.actor, action="place_ruling_withdrawn", object_=object_, now=now)


def propose_aliases(session: Session, viewer: Viewer, keys: Keys, gazetteer: Gazetteer, now: datetime) -> int:
    """Takes names nobody knew from tickets that a unit has accepted since; returns how many were new.

    Only the name of a road or estate is kept, never a number or a person; a unit's acceptance is what confirms it.
    Raises Refused.
    """
    viewer.require(DECIDE)
    known = session.execute(sa.select(sa.func.max(PlaceAlias.last_event_id))).scalar() or 0
    tickets = visible_tickets(viewer).where(Ticket.desk == "unit").subquery()
    rows = session.execute(
        sa.select(TicketEvent.id, tickets.c.unit_id, tickets.c.event_place)
        .join(tickets, tickets.c.id == TicketEvent.ticket_id)
        .where(TicketEvent.kind == "accepted", TicketEvent.id > known).order_by(TicketEvent.id)
    ).all()
    fresh = 0
    for event_id, unit, sealed in rows:
        spot = spot_of(keys.open_or_none(sealed) or "", gazetteer)
        if spot is None or spot.name in gazetteer.words:
            continue
        done = session.execute(
            insert(PlaceAlias)
            .values(name=spot.name, unit_id=unit, seen=1, state="proposed", last_event_id=event_id, created_at=now)
            .on_conflict_do_update(
                index_elements=[PlaceAlias.name, PlaceAlias.unit_id],
                set_={"seen": PlaceAlias.seen + 1, "last_event_id": event_id})
            .returning(PlaceAlias.seen)
        ).scalar_one()
        fresh += done == 1
    return fresh


def decide_alias(session: Session, viewer: Viewer, *, alias: int, approve: bool, day: date, now: datetime) -> None:
    """A person approves or rejects a name; an approved one counts from now on, always read back. Raises Refused."""
    viewer.require(DECIDE)
    row = session.execute(
        sa.select(PlaceAlias).where(PlaceAlias.id == alias, PlaceAlias.state == "proposed").with_for_update()
    ).scalar_one_or_none()
    if row is None:
        raise Refused("no such alias waits")
    row.state, row.decided_by, row.decided_at = "approved" if approve else "rejected", viewer.staff_id, now
    if approve:
        session.add(PlaceRuling(kind=ALIAS, name=row.name, unit_id=row.unit_id, parity="", valid_from=day,
                                staff_id=viewer.staff_id, created_at=now))
    object_ = f"place_alias:{alias}"
    record_audit(session, actor=viewer.actor, action=f"place_alias_{row.state}", object_=object_, now=now)
