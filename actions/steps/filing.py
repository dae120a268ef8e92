"""Opens the ticket with everything known, its records beside it, and tells the resident number, code and township."""

from __future__ import annotations

from actions.due.clock import SHANGHAI
from actions.intake.book import Cause
from actions.intake.case import (
    helps_first,
    is_minor,
    keep_route,
    keep_screening,
    responsible_for,
    surge_of,
)
from actions.intake.commands import note_told_by_other
from actions.privacy.commands import record_consent
from actions.screening.evaluate import Screening, evaluate
from actions.steps.knowledge import Knowledge
from actions.steps.listening import today, urgency
from actions.storage.tables import Ticket
from actions.tickets.commands import Opened, Request, Responsible, complete_ticket, open_ticket, tell_contact
from actions.tickets.commands.persons import APPLICANT, PersonGiven, is_own_phone
from actions.tickets.queries import danger_ticket_of_contact, latest_of_conversation
from actions.turn import BY_PAGE, HIDDEN, Turn

TEMPORARY, OTHER = "temporary_urgent", "other"
DISCREET_GATES = ("violence", "child")


def screen(turn: Turn, know: Knowledge) -> Screening:
    """The screening of what is known now."""
    return evaluate(know.ruleset, turn.facts.answers, today(turn), know.ruleset.default_region)


def responsible(turn: Turn, know: Knowledge) -> Responsible:
    """Who answers for the case: the unit of the event, a district outside, or the district's own desk."""
    return responsible_for(turn.facts.places.get("event"), know.gazetteer)


def _discreet(turn: Turn, cause: Cause | None) -> bool:
    """Nothing is sent unasked where somebody at home may read it: violence, abuse, a child (DESIGN 2 point 9)."""
    return cause is not None and cause.discreet or any(gate.startswith(DISCREET_GATES) for gate in turn.facts.gates)


def _request(turn: Turn, know: Knowledge, screening: Screening, read_back: str) -> Request:
    """What is known now, as a ticket wants it."""
    event, household = turn.facts.places.get("event"), turn.facts.places.get("household")
    kind = turn.facts.answers.get("event_kind", {}).get("value")
    cause = know.intake.cause_of(kind if isinstance(kind, str) else None)
    first = helps_first(screening, urgency(turn))
    surge = surge_of(turn.session, cause, turn.now)
    phone = know.keys.open(turn.facts.phone.encode()) if turn.facts.phone else None
    own = phone is not None and is_own_phone(turn.facts.answers)
    return Request(
        responsible=responsible(turn, know),
        programme=cause.programme if cause else TEMPORARY,
        due=None,
        due_rule=None,
        legal_basis="consent" if turn.facts.consent == "given" else "emergency",
        event_kind=kind if isinstance(kind, str) else None,
        aid_first=first,
        urgency=urgency(turn),
        discreet=_discreet(turn, cause),
        read_back=read_back,
        facts=dict(turn.facts.answers),
        event_place=(know.keys.open(event["text"].encode()) or None) if event else None,
        event_point=know.keys.open(turn.facts.point.encode()) if turn.facts.point else None,
        household_place=know.keys.open(household["text"].encode()) if household else None,
        household_unit_name=household.get("unit_name") if household else None,
        phone=phone,
        persons=(PersonGiven(APPLICANT, phone=phone),) if own else (),
        minor=is_minor(know.intake, turn.facts.answers),
        surge_id=surge.id if surge is not None else None,
        conversation_id=turn.conversation_id,
        contact_id=turn.contact_id,
        clockwork=know.clockwork,
    )


def file_ticket(turn: Turn, know: Knowledge, read_back: str) -> Opened:
    """Opens the ticket inside the transaction of the turn, or completes the one that danger opened.

    `read_back`: confirmed, unconfirmed, or none while the interview still goes on.
    """
    screening = screen(turn, know)
    request = _request(turn, know, screening, read_back)
    going = know.lifecycle.open_states
    begun = latest_of_conversation(turn.session, turn.conversation_id, going) or danger_ticket_of_contact(
        turn.session, turn.contact_id, turn.now - know.desk.same_ticket, going)
    if begun is not None and begun.read_back == "none":
        opened = complete_ticket(turn.session, know.keys, begun.number, request, turn.now)
    else:
        opened = open_ticket(turn.session, know.keys, request, turn.now)
    _note_reporter(turn, know, opened.ticket)
    note_screening(turn, screening, opened.ticket.id)
    event = turn.facts.places.get("event")
    if event is not None:
        keep_route(turn.session, {key: value for key, value in event.items() if key != "text"},
                   (turn.facts.event_text or "").encode(), turn.now, ticket_id=opened.ticket.id,
                   conversation_id=turn.conversation_id)
    if read_back != "none":
        turn.facts.filed = opened.ticket.number
        _tell(turn, know, opened)
    return opened


def _note_reporter(turn: Turn, know: Knowledge, ticket: Ticket) -> None:
    """Somebody tells of another person: consent and a look in the field are open (社会救助法 39), and whoever writes
    here is told of no step of that person's case."""
    if turn.facts.answers.get("for_whom", {}).get("value") == OTHER:
        note_told_by_other(turn.session, know.keys, ticket, turn.conversation_id, turn.now)


def _confirmed(ticket: Ticket, know: Knowledge) -> bool:
    """Whether the figure of the ticket's deadline is confirmed here."""
    return know.clockwork.status(ticket.due_rule, ticket.unit_id, ticket.created_at) == "confirmed"


def _due_line(turn: Turn, ticket: Ticket, know: Knowledge) -> str:
    """Until when it is to be done; where nobody knows the figure, that somebody still has to say so."""
    if ticket.due_state == "stopped":
        return turn.replies_book.text("ticket_due_unknown")
    kind = "ticket_due" if _confirmed(ticket, know) else "ticket_due_pending"
    return turn.replies_book.text(kind, due=ticket.due_at.astimezone(SHANGHAI))


def _next_line(turn: Turn, ticket: Ticket) -> str:
    """What happens next. Where nothing is sent unasked (DESIGN 2 point 9), no news are announced either."""
    kind = "_district" if ticket.desk == "district" else ""
    if ticket.discreet:
        kind = "_discreet"
    elif ticket.desk == "unit" and urgency(turn) != "none":
        kind = "_aid_first"
    return turn.replies_book.text(f"ticket_next{kind}")


def note_screening(turn: Turn, screening: Screening, ticket_id: int | None) -> None:
    """Writes the decision record: append-only, complete enough to be judged again (`youmen replay`)."""
    keep_screening(turn.session, screening, turn.facts.answers, turn.now, ticket_id=ticket_id,
                   conversation_id=turn.conversation_id, questions=turn.facts.questions)


def _tell(turn: Turn, know: Knowledge, opened: Opened) -> None:
    """Number, code, township and limit as they stand on the ticket: an earlier opening keeps its clock and its unit."""
    ticket = opened.ticket
    due_line = _due_line(turn, ticket, know)
    code = HIDDEN  # staff never read it: anybody with number and code sees the progress
    if ticket.desk == "unit":
        turn.say(
            "ticket_opened",
            number=ticket.number,
            code=code,
            unit_name=ticket.unit_name,
            district=ticket.district,
            due_line=due_line,
            next_line=_next_line(turn, ticket),
        )
    elif ticket.desk == "outside":
        place = turn.facts.places["event"]
        contact = know.gazetteer.contact(place["city"], ticket.district, today(turn))
        turn.say(
            "ticket_opened_outside",
            number=ticket.number,
            code=code,
            due_line=due_line,
            district=full_district(turn, know),
            label=contact.label,
            phone=contact.phone,
        )
    else:
        turn.say("ticket_opened_district", number=ticket.number, code=code, due_line=due_line,
                 next_line=_next_line(turn, ticket))
    turn.replies[-1].hidden = opened.query_code
    if any(BY_PAGE in message.secrets for message in turn.messages):
        # said on our own page, which ends: the app the person came from is told the number, never the code
        tell_contact(turn.session, ticket, opened.event, "ticket_filed_on_page", turn.now, number=ticket.number)


def full_district(turn: Turn, know: Knowledge) -> str:
    """The receiving district with its city where that is another one."""
    place = turn.facts.places["event"]
    city, district = place["city"] or "", place["district"] or ""
    return district if not city or city == know.gazetteer.city or district == city else city + district


def note_consent(turn: Turn, answer: str) -> None:
    """Records what the resident answered to the notice shown (个人信息保护法 14)."""
    record_consent(
        turn.session,
        contact_id=turn.contact_id,
        conversation_id=turn.conversation_id,
        notice="privacy_notice",
        version=turn.replies_book.text("privacy_version"),
        channel=turn.channel,
        answer=answer,
        now=turn.now,
    )
