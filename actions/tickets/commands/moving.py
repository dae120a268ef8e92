"""A ticket changes hands: dispatched, returned, assigned, transferred, sent up and down. The clock goes on."""

from __future__ import annotations

from typing import Any

from actions.storage.tables import Ticket
from actions.tickets.commands.doing import Doing, NotAllowed, effect, guard, standing
from actions.tickets.commands.telling import count_events
from actions.tickets.desks import Responsible, district_desk
from actions.tickets.forms import FieldsWrong


def _where(desk: Any) -> dict[str, Any]:
    return {"desk": desk.desk, "unit": desk.unit_id, "unit_name": desk.unit_name, "district": desk.district}


def _chosen(doing: Doing) -> Responsible | None:
    chosen = doing.values.get("unit")
    return None if chosen is None else chosen.value


def _lay(doing: Doing, to: Responsible) -> None:
    """Gives the ticket to another desk, where nobody has accepted it yet."""
    ticket: Ticket = doing.ticket
    doing.data.update({"from": _where(ticket), "to": _where(to)})
    ticket.desk, ticket.unit_id, ticket.unit_name, ticket.district = to.desk, to.unit_id, to.unit_name, to.district
    ticket.accepted_at = ticket.accepted_by = None
    ticket.sent_up = False


@guard
def another_unit(doing: Doing) -> None:
    """The unit chosen is not the one that has the ticket."""
    to = _chosen(doing)
    if to is not None and to.unit_id == doing.ticket.unit_id:
        raise FieldsWrong({"unit": ("same_unit", {})})


@standing
def not_settled(doing: Doing) -> None:
    """The district has not yet decided whose ticket it is."""
    if count_events(doing.session, doing.ticket, "assigned"):
        raise NotAllowed("settled")


@effect
def move(doing: Doing) -> None:
    """To the unit chosen."""
    to = _chosen(doing)
    assert to is not None, "the table requires a unit"
    _lay(doing, to)


@effect
def give_back(doing: Doing) -> None:
    """The first return goes to the proposed unit, else to the district desk; the second one always to the district
    desk, so that no ticket wanders."""
    proposed = _chosen(doing)
    again = count_events(doing.session, doing.ticket, "returned") > 0
    _lay(doing, district_desk(doing.work.gazetteer) if again or proposed is None else proposed)
    doing.data["proposed"] = None if proposed is None else _where(proposed)


@effect
def take_on(doing: Doing) -> None:
    """Somebody of the desk answers for it by name from now on."""
    doing.ticket.accepted_at, doing.ticket.accepted_by = doing.now, doing.viewer.staff_id


@effect
def begin_again(doing: Doing) -> None:
    """A reopened ticket waits to be accepted once more, by the desk it lay on."""
    doing.ticket.accepted_at = doing.ticket.accepted_by = None
    doing.ticket.sent_up = False


@standing
def own_level(doing: Doing) -> None:
    """The township decides until it has sent the ticket up; from then on, and on its own desk, the district does."""
    up = doing.ticket.sent_up or doing.ticket.desk != "unit"
    if up == (doing.viewer.role.scope == "unit"):
        raise NotAllowed("own_level_unit" if up else "own_level_district")


@effect
def send_up(doing: Doing) -> None:
    """The district decides; the unit keeps the ticket."""
    doing.ticket.sent_up = True


@effect
def send_down(doing: Doing) -> None:
    """Back to whoever works it; the next decision begins at the township again."""
    doing.ticket.sent_up = False
