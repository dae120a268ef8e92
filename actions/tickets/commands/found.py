"""主动发现: consent and the look in the field for somebody who has not asked, and merging when they ask themselves."""

from __future__ import annotations

from actions.storage.tables import Intake, Ticket
from actions.tickets.commands.doing import Doing, NotAllowed, effect, guard
from actions.tickets.commands.telling import write_event


def _intake(doing: Doing) -> Intake | None:
    found: Intake | None = doing.session.get(Intake, doing.ticket.id)
    return found


@guard
def found_by_others(doing: Doing) -> None:
    """Only for somebody who was told of by others (社会救助法 39)."""
    intake = _intake(doing)
    if intake is None or intake.consent == "not_needed":
        raise NotAllowed("found_by_others")


@effect
def note_consent(doing: Doing) -> None:
    """What the person concerned says: apply, not apply, or not able to say."""
    intake = _intake(doing)
    assert intake is not None  # the guard has looked
    intake.consent = doing.values["consent"].value


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
