"""Reads what the desk has decided about places, and what waits for a decision."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.access.rules import Viewer
from actions.places.rulings import Ruling
from actions.storage.tables import PlaceAlias, PlaceRuling


def last_ruling(session: Session) -> int:
    """The number of the newest ruling; 0 when there is none. One look at an index."""
    return int(session.execute(sa.select(sa.func.max(PlaceRuling.id))).scalar() or 0)


def rulings(session: Session, up_to: int | None = None) -> list[Ruling]:
    """The rulings as they stood when `up_to` was the newest one (None: as they stand), with their days."""
    query = sa.select(PlaceRuling).order_by(PlaceRuling.id)
    if up_to is not None:
        query = query.where(PlaceRuling.id <= up_to)
    rows = session.execute(query).scalars().all()
    ended = {row.withdraws: row.valid_from for row in rows if row.kind == "withdrawal"}
    return [
        Ruling(row.id, row.kind, row.name, row.unit_id, row.number_from, row.number_to, row.parity, row.valid_from,
               ended.get(row.id))
        for row in rows if row.kind != "withdrawal" and ended.get(row.id) != row.valid_from
    ]


def waiting_aliases(session: Session, viewer: Viewer) -> list[Any]:
    """Names heard on accepted tickets that nobody has decided about, the most frequent first. Raises Refused."""
    viewer.require("decide_places")
    query = sa.select(PlaceAlias).where(PlaceAlias.state == "proposed").order_by(PlaceAlias.seen.desc(), PlaceAlias.id)
    return list(session.execute(query).scalars())
