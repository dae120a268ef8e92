"""Asking for the progress of a ticket with number and query code; wrong tries are counted."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from actions.privacy.keys import Keys
from actions.storage.tables import ProgressTry, Ticket
from actions.tickets.numbers import tidy_number

PROGRESS_TRIES, PROGRESS_LOCK = 5, timedelta(hours=1)


def ask_progress(session: Session, keys: Keys, *, number: str, code: str, now: datetime) -> Ticket | None:
    """The ticket for a number with its query code; None for anything else, without telling what was wrong.

    Five wrong tries at a number lock it for an hour, whether a ticket has that number or not; so neither the answer
    nor the lock says that it exists (DESIGN 2 point 12). The caller commits also when the answer is None.
    """
    tidy = tidy_number(number) or number.strip().upper()[:40]
    slot = keys.fingerprint("progress", tidy)
    session.execute(
        insert(ProgressTry)
        .values(number_hash=slot, tries=0, changed_at=now)
        .on_conflict_do_nothing(index_elements=[ProgressTry.number_hash])
    )
    row = session.execute(
        sa.select(ProgressTry).where(ProgressTry.number_hash == slot).with_for_update(key_share=True)
    ).scalar_one()
    if row.locked_until is not None and row.locked_until > now:
        return None
    typed = "".join(letter for letter in code.upper() if letter.isalnum())
    ticket: Ticket | None = session.execute(
        sa.select(Ticket).where(Ticket.number == tidy, Ticket.query_code_hash == keys.fingerprint("query_code", typed))
    ).scalar_one_or_none()
    row.changed_at = now
    if ticket is not None:
        row.tries, row.locked_until = 0, None
        return ticket
    row.tries += 1
    if row.tries >= PROGRESS_TRIES:
        row.tries, row.locked_until = 0, now + PROGRESS_LOCK
    return None
