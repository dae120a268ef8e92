"""A resident's own commands on a ticket, from whichever door, and the reply that says what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from actions.access.rules import Viewer
from actions.language.replies import Replies
from actions.steps.knowledge import Knowledge
from actions.storage.tables import Ticket, TicketEvent
from actions.tickets.commands import FieldsWrong, NotAllowed, last_event, perform_own
from actions.tickets.queries import asks_as_reporter
from actions.tickets.rules import WrongState
from actions.tickets.survey import Answer

SUPPLEMENTING = "supplementing"
REOPENED_ENOUGH, WITH_A_PERSON = "own_reopened_before", "own_withdraw_with_a_person"
# (command, guard or state in the way) → what the resident reads; anything else: that it is too late for this
IN_THE_WAY = {
    ("urge", "urged_once_a_day"): "own_urged_today",
    ("withdraw", "withdraw_with_a_person"): WITH_A_PERSON,
    ("withdraw", "paying"): "own_withdraw_paying",
    ("reopen", "resident_reopens_once"): REOPENED_ENOUGH,
}
TOO_LATE = "own_over"
RECEIVED, NOTED = "reporter_received", "reporter_noted"
BY_REPORTER = ("supplement", "urge")  # what somebody may still do who told of another person


@dataclass(frozen=True)
class Outcome:
    """`done`: it was done. `reply`: what the resident reads, an id of config/replies, and what is filled in."""

    done: bool
    reply: str
    values: Mapping[str, str] = field(default_factory=dict)

    def text(self, replies: Replies) -> str:
        """The words."""
        return replies.text(self.reply, **self.values)


def names(know: Knowledge, ticket: Ticket) -> dict[str, str]:
    """What a reply about a ticket may name."""
    return {"number": ticket.number, "unit_name": ticket.unit_name or ticket.district or know.gazetteer.area_name,
            "state": know.lifecycle.states[ticket.state].says}


def next_step(know: Knowledge, ticket: Ticket) -> str:
    """What comes next, in words; where nothing is sent unasked, no news are announced (DESIGN 2 point 9)."""
    return know.replies.text(f"progress_next_{ticket.state}{'_discreet' if ticket.discreet else ''}")


def do_own(
    session: Session,
    know: Knowledge,
    viewer: Viewer,
    ticket: Ticket,
    command: str,
    now: datetime,
    *,
    well: str,
    form: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Outcome:
    """Does it, or says kindly why not: `well` is the reply when it was done. Raises Refused, FieldsWrong.

    Nobody is told "no": what cannot be done by oneself is a person's to do, and the reply says so.
    """
    reporter = asks_as_reporter(session, viewer, ticket)
    if reporter and command not in BY_REPORTER:
        return Outcome(False, RECEIVED, names(know, ticket))
    longest = {one.id: one.most for one in know.lifecycle.commands[command].fields}
    # what is longer stands whole in the talk; nobody is sent back for having told too much
    form = {name: text[:longest[name]] for name, text in (form or {}).items()}
    try:
        after = perform_own(session, know.work, viewer, number=ticket.number, command=command, now=now, form=form,
                            files=files, data=data)
    except (NotAllowed, WrongState) as refused:
        if reporter:
            return Outcome(False, RECEIVED, names(know, ticket))
        if isinstance(refused, WrongState):
            session.refresh(ticket)
            return Outcome(False, IN_THE_WAY.get((command, refused.state), TOO_LATE), names(know, ticket))
        return Outcome(False, IN_THE_WAY.get((command, refused.reason), TOO_LATE), names(know, ticket))
    return Outcome(True, NOTED if reporter else well, names(know, after))


def urge(session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, now: datetime, words: str = "") -> Outcome:
    """Asks the township to move on; once a day."""
    return do_own(session, know, viewer, ticket, "urge", now, well="own_urged", form={"words": words})


def ask_call(
    session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, now: datetime, phone: str, when: str
) -> Outcome:
    """Asks to be phoned; a later number is the one that counts. Raises FieldsWrong for one that cannot be dialled."""
    return do_own(session, know, viewer, ticket, "ask_call", now, well="own_call_noted",
                  form={"phone": phone, "when": when})


def withdraw(session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, now: datetime) -> Outcome:
    """Gives the request up."""
    return do_own(session, know, viewer, ticket, "withdraw", now, well="ticket_withdrawn")


def supplement(
    session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, now: datetime, words: str,
    files: Mapping[str, bytes] | None = None, data: Mapping[str, Any] | None = None,
) -> Outcome:
    """Puts something on the ticket."""
    well = "own_material" if ticket.state == SUPPLEMENTING else "own_material_more"
    return do_own(session, know, viewer, ticket, "supplement", now, well=well, form={"words": words}, files=files,
                  data=data)


def all_supplemented(session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, now: datetime) -> Outcome:
    """Says that everything asked for is there: the township goes on, and its clock with it."""
    return do_own(session, know, viewer, ticket, "receive_supplement", now, well="own_material_all",
                  form={"received": know.replies.text("own_material_all_words")})


def end_sharing(
    session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, now: datetime, consent: str
) -> Outcome:
    """Takes back that somebody else may be told; a button pressed twice is answered the same."""
    try:
        return do_own(session, know, viewer, ticket, "end_sharing", now, well="own_sharing_ended",
                      form={"consent": consent})
    except FieldsWrong:  # taken back before
        return Outcome(False, "own_sharing_ended", names(know, ticket))


def answer_survey(
    session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, now: datetime, answer: Answer
) -> Outcome:
    """Keeps how it was; the same answer given again is thanked for and not kept twice."""
    if asks_as_reporter(session, viewer, ticket):
        return Outcome(False, RECEIVED, names(know, ticket))
    if ticket.state in know.lifecycle.open_states:
        return Outcome(False, TOO_LATE, names(know, ticket))
    if not survey_open(session, know, ticket, now):
        return Outcome(False, "survey_over", names(know, ticket))
    command = know.lifecycle.commands[know.survey.command]
    last = last_event(session, ticket, command.event, by=viewer.actor)
    kept = last.data["fields"].get(know.survey.field, {}).get("value") if last is not None else None
    if kept == answer.means and not _since_closed(session, know, ticket, last):
        return Outcome(True, answer.says, names(know, ticket))
    return do_own(session, know, viewer, ticket, command.id, now, well=answer.says,
                  form={know.survey.field: answer.means})


def _closing(session: Session, know: Knowledge, ticket: Ticket) -> TicketEvent | None:
    """The last closing of the kind that asks how it was."""
    kinds = [command.event for command in know.lifecycle.commands.values() if command.tells == know.survey.notice]
    return last_event(session, ticket, *kinds)


def _since_closed(session: Session, know: Knowledge, ticket: Ticket, event: TicketEvent) -> bool:
    """Whether it was closed once more after this event."""
    closing = _closing(session, know, ticket)
    return closing is not None and closing.id > event.id


def survey_open(session: Session, know: Knowledge, ticket: Ticket, now: datetime) -> bool:
    """Whether this ticket may be judged now: it was closed not too long ago. Nobody is asked about a discreet one."""
    if ticket.discreet or ticket.state not in know.lifecycle.commands[know.survey.command].start:
        return False
    closing = _closing(session, know, ticket)
    return closing is not None and now - closing.at <= know.survey.open_for


def reopen(session: Session, know: Knowledge, viewer: Viewer, ticket: Ticket, now: datetime, reason: str) -> Outcome:
    """Has the ticket worked again, once; the second time a person decides."""
    return do_own(session, know, viewer, ticket, "reopen", now, well="ticket_reopened", form={"reason": reason})
