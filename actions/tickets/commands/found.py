"""主动发现: consent and the look in the field for somebody who has not asked, and merging when they ask themselves."""

from __future__ import annotations

import sqlalchemy as sa

from actions.storage.tables import Contact, ContactJoin, Intake, Ticket
from actions.tickets.commands.doing import Doing, NotAllowed, NothingToDo, effect, guard, standing
from actions.tickets.commands.telling import write_event
from actions.tickets.numbers import new_query_code
from actions.tickets.queries import BOT, code_of_the_person
from actions.turn import HIDDEN

GIVEN = "given"
OWN_PAGES = ("web", "terminal")  # an app hosted elsewhere is never told a query code


def _intake(doing: Doing) -> Intake | None:
    found: Intake | None = doing.session.get(Intake, doing.ticket.id)
    return found


@standing
def found_by_others(doing: Doing) -> None:
    """Only for somebody who was told of by others (社会救助法 39)."""
    intake = _intake(doing)
    if intake is None or intake.consent == "not_needed":
        raise NothingToDo("found_by_others")


@effect
def note_consent(doing: Doing) -> None:
    """What the person concerned says: apply, not apply, or not able to say. Who agrees no more has no code either."""
    intake = _intake(doing)
    assert intake is not None  # the guard has looked
    intake.consent = doing.values["consent"].value
    if intake.consent != GIVEN and code_of_the_person(doing.session, doing.ticket):
        _new_code(doing)  # known to nobody
        doing.data["code_ended"] = True


@standing
def consent_given(doing: Doing) -> None:
    """The person concerned has agreed (个人信息保护法 13, 14): before that nothing of the case is theirs to ask for."""
    intake = _intake(doing)
    if intake is None or intake.consent != GIVEN:
        raise NotAllowed("consent_first")


@standing
def contact_of_the_person(doing: Doing) -> None:
    """News of the ticket go to a page of ours that staff have made sure is the person's; never to who told of them."""
    ticket = doing.ticket
    joined = sa.select(ContactJoin.id).join(Contact, Contact.id == ContactJoin.contact_id).where(
        ContactJoin.ticket_id == ticket.id, ContactJoin.contact_id == ticket.contact_id, ContactJoin.how == "staff",
        ContactJoin.ended_at.is_(None), Contact.channel.in_(OWN_PAGES), Contact.forgotten_at.is_(None))
    if ticket.discreet or ticket.source == BOT or doing.session.execute(joined).first() is None:
        raise NotAllowed("contact_first")


def _new_code(doing: Doing) -> str:
    code = new_query_code()
    doing.ticket.query_code_hash = doing.work.keys.fingerprint("query_code", code)
    return code


@effect
def give_code(doing: Doing) -> None:
    """A query code for the person concerned, shown once to who reads it out; older ones open nothing any more."""
    doing.once["query_code"] = _new_code(doing)


@effect
def send_code(doing: Doing) -> None:
    """The same, told to the person's own page only: staff read dots, and it is stored sealed."""
    doing.said.update(code=HIDDEN, sealed=doing.work.keys.seal(_new_code(doing)).decode())


@effect
def note_finding(doing: Doing) -> None:
    """What was found in the field."""
    intake = _intake(doing)
    assert intake is not None
    intake.finding = doing.values["finding"].value


def _target(doing: Doing) -> Ticket:
    """The other ticket, which was locked with this one. Raises NotAllowed alike for none, another unit's, a closed one
    and this one."""
    other = doing.others.get(doing.values["into"])
    if other is None or other.state not in doing.work.lifecycle.open_states:
        raise NotAllowed("merge_target")
    return other


@guard
def merge_target(doing: Doing) -> None:
    """There is an open ticket to go on with, and this person may see it."""
    _target(doing)


@effect
def merge_into(doing: Doing) -> None:
    """The other ticket goes on; this one ends and says where. The other learns a number, never who told."""
    other, intake = _target(doing), _intake(doing)
    assert intake is not None
    intake.merged_into = other.id
    doing.data["into"] = other.number
    other.version += 1
    write_event(doing.session, other, "merged_in", doing.viewer.actor, doing.now, {"from": doing.ticket.number})
