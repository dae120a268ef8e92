"""Aid first, papers after: registered at once, always two persons, never undone (社会救助法 50, 2026 意见)."""

from __future__ import annotations

from actions.storage.tables import Aid
from actions.tickets.approval.queries import aids, given_so_far
from actions.tickets.commands.doing import Doing, NotAllowed, NothingToDo, effect, guard, standing
from actions.tickets.commands.signing import yuan


@guard
def aid_within_limit(doing: Doing) -> None:
    """A township gives at once what the national rule calls small; the district may go further (社会救助暂行办法 48).

    Where no figure is known aid does not wait for one: helping first is a duty (社会救助法 50).
    """
    if doing.viewer.role.scope != "unit":
        return
    limit = doing.work.book.aid_limit(doing.ticket.unit_id, doing.ticket.programme, doing.today)
    given = given_so_far(doing.session, doing.ticket)
    if limit.yuan is not None and given + doing.values["amount"] > limit.yuan:
        raise NotAllowed("aid_over_limit", limit=yuan(limit.yuan), given=yuan(given))


@effect
def give_aid(doing: Doing) -> None:
    """Registers what was given: to whom, in which need, how much, by whom. The second person signs by themselves."""
    keys = doing.work.keys
    doing.session.add(Aid(
        ticket_id=doing.ticket.id,
        object=keys.seal(doing.values["object"]),
        circumstance=keys.seal(doing.values["circumstance"]),
        form=doing.picked("way"),
        amount=doing.values["amount"],
        given_at=doing.now,
        handler=doing.viewer.staff_id,
        recorded_at=doing.now,
    ))
    doing.ticket.aid_first = True
    doing.session.flush()


@standing
def aid_waits(doing: Doing) -> None:
    """There is aid that somebody else has given and nobody has confirmed."""
    alone = [aid for aid in aids(doing.session, doing.ticket) if aid.second is None]
    if not alone:
        raise NothingToDo("no_aid_waits")
    if all(aid.handler == doing.viewer.staff_id for aid in alone):
        raise NotAllowed("aid_second_person")


@effect
def confirm_aid(doing: Doing) -> None:
    """The second signature under everything another person has given."""
    for aid in aids(doing.session, doing.ticket):
        if aid.second is None and aid.handler != doing.viewer.staff_id:
            aid.second, aid.second_at = doing.viewer.staff_id, doing.now
    doing.session.flush()


@standing
def aid_confirmed(doing: Doing) -> None:
    """Nothing given stands on one signature when the papers are complete or the case ends."""
    if any(aid.second is None for aid in aids(doing.session, doing.ticket)):
        raise NotAllowed("aid_unconfirmed")
