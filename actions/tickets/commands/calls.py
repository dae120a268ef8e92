"""A resident wants to be phoned about a ticket: the wish, its number, and that somebody has phoned."""

from __future__ import annotations

from sqlalchemy.orm import Session

from actions.language.mask import find_phones
from actions.storage.tables import Ticket, TicketEvent
from actions.tickets.commands.doing import Doing, NothingToDo, effect, guard, standing
from actions.tickets.commands.telling import last_event
from actions.tickets.forms import FieldsWrong

CALL_PHONE = "call_phone"  # in the event's data: the number, sealed


def wanted_call(session: Session, ticket: Ticket) -> TicketEvent | None:
    """The wish to be phoned that nobody has answered yet."""
    last = last_event(session, ticket, "call_asked", "call_noted")
    return last if last is not None and last.kind == "call_asked" else None


@guard
def phone_readable(doing: Doing) -> None:
    """A number that can be dialled, one of them."""
    if len(find_phones(doing.values["phone"])) != 1:
        raise FieldsWrong({"phone": ("phone_wrong", {})})


@standing
def call_waits(doing: Doing) -> None:
    """The resident wants to be phoned, and nobody has."""
    if wanted_call(doing.session, doing.ticket) is None:
        raise NothingToDo("call_waits")


@effect
def want_call(doing: Doing) -> None:
    """The number stands beside the history, not in it: masked for all, shown for a reason. It is not the ticket's own
    number: whoever holds the query code may be somebody else."""
    doing.data["fields"].pop("phone")
    doing.data[CALL_PHONE] = doing.work.keys.seal(find_phones(doing.values["phone"])[0].number).decode()
