"""What a resident does in the talk with a ticket there is: asks, urges, adds, withdraws, says how it was."""

from __future__ import annotations

from typing import Any

from actions.access.queries import resident_viewer
from actions.access.rules import Viewer
from actions.language.normalise import readable
from actions.steps import words
from actions.steps.asking import go_on
from actions.steps.ending import person_button
from actions.steps.knowledge import Knowledge
from actions.steps.listening import note_phone, phone_of
from actions.steps.own_deeds import (
    RECEIVED,
    REOPENED_ENOUGH,
    SUPPLEMENTING,
    WITH_A_PERSON,
    Outcome,
    all_supplemented,
    answer_survey,
    names,
    next_step,
    reopen,
    supplement,
    survey_open,
    urge,
    withdraw,
)
from actions.steps.people import WANTED, call_person
from actions.storage.tables import Ticket
from actions.tickets.commands import supplement_ticket
from actions.tickets.queries import asks_as_reporter, own_tickets, what_is_missing
from actions.tickets.survey import Survey
from actions.turn import FILES, Turn

OWN = "own_ticket"  # what these questions ask; never a fact of the interview
WITHDRAW, MISSING = "withdraw", "missing"  # facts.doing: whether they are sure; what was not done well
URGE, SURE, KEEP, ALL = "urge", "withdraw", "keep", "all"  # what a button does
URGING_INTENT, ASKING_INTENT = "complain_delay", "check_progress"
VAGUE = ("out_of_scope", "greet", "inform", "wait")  # read into a few impatient words
# while papers are waited for: what these intents say is about the papers when it speaks of papers
MAY_BRING = ("ask_documents", "inform", "correct", "affirm", "deny", "unsure", "decline", "wait", "out_of_scope",
             "check_progress", "go_back", "stop")


def viewer_of(turn: Turn, know: Knowledge) -> Viewer:
    """Who writes, as the commands of tickets want it."""
    return resident_viewer(know.roles, contact_id=turn.contact_id)


def button(know: Knowledge, title: str, ticket: Ticket | str, **deed: str) -> dict[str, Any]:
    """A button about one ticket; nobody but this conversation can press it."""
    number = ticket if isinstance(ticket, str) else ticket.number
    return {"title": know.replies.text(title) if title in know.replies else title, "value": {"ticket": number, **deed}}


def survey_buttons(survey: Survey, number: str) -> list[dict[str, Any]]:
    """The answers under the notice of closing."""
    return [{"title": one.title, "value": {"ticket": number, "survey": one.id}} for one in survey.answers.values()]


def deals_with_ticket(turn: Turn, know: Knowledge) -> bool:
    """True when this message is about a ticket there is and was dealt with here; an open interview goes on then."""
    if turn.danger == "now":
        return False
    dealt = _pressed(turn, know, turn.press) if turn.press is not None else _said(turn, know)
    if not dealt:
        return False
    _note_new_phone(turn, know)
    if turn.facts.doing is None:
        go_on(turn, know)
    turn.advanced = True
    turn.done = turn.facts.asking is None
    return True


def _note_new_phone(turn: Turn, know: Knowledge) -> None:
    """A number said beside something else belongs on the ticket all the same."""
    going = _open_ones(turn, know)
    if going and note_phone(turn, know):
        supplement_ticket(turn.session, know.keys, going[0].number, turn.seq, turn.now, phone=phone_of(turn, know))


def tell_progress(turn: Turn, know: Knowledge, urged: bool = False) -> None:
    """Step and township of this contact's newest tickets and what comes next; never name, address, cause or amount."""
    tickets = own_tickets(turn.session, viewer_of(turn, know))
    for ticket in tickets:
        if asks_as_reporter(turn.session, viewer_of(turn, know), ticket):
            turn.say(RECEIVED, buttons=[], **names(know, ticket))
            continue
        state = know.lifecycle.states[ticket.state]
        may_urge = state.open and not urged
        turn.say("progress_ticket" if state.open else "progress_ticket_over", next=next_step(know, ticket),
                 buttons=[button(know, "own_urge_title", ticket, deed=URGE)] if may_urge else [], **names(know, ticket))
        missing = what_is_missing(turn.session, ticket) if ticket.state == SUPPLEMENTING else None
        if missing is not None:
            turn.say("own_missing", missing=missing, buttons=[_all_button(know, ticket)])
    if not tickets:
        turn.say("progress_unknown", buttons=[person_button()])


def _all_button(know: Knowledge, ticket: Ticket) -> dict[str, Any]:
    return button(know, "own_material_all_title", ticket, deed=ALL)


def _open_ones(turn: Turn, know: Knowledge) -> list[Ticket]:
    """The tickets somebody still works, newest first."""
    return [one for one in own_tickets(turn.session, viewer_of(turn, know)) if one.state in know.lifecycle.open_states]


def _one(turn: Turn, know: Knowledge, number: str) -> Ticket | None:
    """The ticket a button was about, if it is still this person's."""
    return next((one for one in own_tickets(turn.session, viewer_of(turn, know), 100) if one.number == number), None)


def _tell(turn: Turn, outcome: Outcome, buttons: list[dict[str, Any]] | None = None) -> None:
    """Says what became of it; where it was not done, a person is one press away."""
    turn.say(outcome.reply, buttons=(buttons or []) if outcome.done else [person_button()], **outcome.values)


def _pressed(turn: Turn, know: Knowledge, press: dict[str, Any]) -> bool:
    value, doing = press.get("value"), turn.facts.doing
    if not isinstance(value, dict) or "ticket" not in value:
        turn.facts.doing = None
        return False
    ticket = _one(turn, know, str(value["ticket"]))
    turn.facts.doing = None
    if ticket is None:
        turn.say("progress_unknown", buttons=[person_button()])
    elif "survey" in value:
        _take_survey(turn, know, ticket, str(value["survey"]))
    elif value["deed"] == URGE:
        _urge(turn, know, [ticket])
    elif value["deed"] == ALL:
        _tell(turn, all_supplemented(turn.session, know, viewer_of(turn, know), ticket, turn.now))
    elif value["deed"] == KEEP:
        turn.say("own_withdraw_kept", buttons=[], **names(know, ticket))
    elif doing == {"asks": WITHDRAW, "ticket": ticket.number}:
        _withdraw(turn, know, ticket)
    else:  # chosen among several, or an old button: what it was about is asked again
        _ask_sure(turn, know, ticket)
    return True


def _said(turn: Turn, know: Knowledge) -> bool:
    if turn.facts.doing is not None and _answered(turn, know, turn.facts.doing):
        return True
    turn.facts.doing = None
    if turn.facts.asking is not None:
        return False
    if words.withdraws_ticket(turn.text):
        return _wants_to_withdraw(turn, know)
    going = _open_ones(turn, know)
    if going and any(message.kind in FILES for message in turn.messages):
        _keep_material(turn, know, _waiting(turn, know, going) or going[0])
        return True
    if going and _urges(turn):
        _urge(turn, know, going)
        if words.complains(turn.text):
            call_person(turn, know, URGING_INTENT)
        return True
    waiting = _waiting(turn, know, going)
    if waiting is not None:
        return _about_papers(turn, know, waiting)
    return not going and _judges(turn, know)


def _waiting(turn: Turn, know: Knowledge, tickets: list[Ticket]) -> Ticket | None:
    """The ticket that waits for papers of whoever writes; a reporter is not told that papers are waited for."""
    viewer = viewer_of(turn, know)
    waits = (one for one in tickets if one.state == SUPPLEMENTING)
    return next((one for one in waits if not asks_as_reporter(turn.session, viewer, one)), None)


def _urges(turn: Turn) -> bool:
    if turn.intent == URGING_INTENT and not turn.unsure:
        return True
    return words.urges(turn.text) and (turn.unsure or turn.intent in (URGING_INTENT, ASKING_INTENT, *VAGUE))


def _urge(turn: Turn, know: Knowledge, tickets: list[Ticket]) -> None:
    """Where it stands, and that it was passed on; or honestly that it was passed on today already."""
    viewer = viewer_of(turn, know)
    tell_progress(turn, know, urged=True)
    call = {"title": know.replies.text("own_call_title"), "value": WANTED}
    for ticket in tickets:
        outcome = urge(turn.session, know, viewer, ticket, turn.now, turn.text if turn.press is None else "")
        turn.say(outcome.reply, buttons=[person_button(), call], **outcome.values)


def _wants_to_withdraw(turn: Turn, know: Knowledge) -> bool:
    going = _open_ones(turn, know)
    if len(going) == 1:
        _ask_sure(turn, know, going[0])
    elif going:
        turn.say("own_withdraw_which", asks=OWN, buttons=[button(know, one.number, one, deed=SURE) for one in going])
    else:
        turn.say("own_withdraw_none", buttons=[person_button()])
    return True


def _ask_sure(turn: Turn, know: Knowledge, ticket: Ticket) -> None:
    if ticket.state not in know.lifecycle.commands["withdraw"].start:
        _withdraw(turn, know, ticket)  # it cannot be: why is said at once, nobody is asked for nothing
        return
    turn.facts.doing = {"asks": WITHDRAW, "ticket": ticket.number}
    turn.say("own_withdraw_sure", asks=OWN, **names(know, ticket), buttons=[
        button(know, "own_withdraw_yes", ticket, deed=SURE), button(know, "own_withdraw_no", ticket, deed=KEEP)])


def _withdraw(turn: Turn, know: Knowledge, ticket: Ticket) -> None:
    turn.facts.doing = None
    outcome = withdraw(turn.session, know, viewer_of(turn, know), ticket, turn.now)
    _tell(turn, outcome)
    if outcome.reply == WITH_A_PERSON:
        call_person(turn, know, "withdraw")


def _answered(turn: Turn, know: Knowledge, doing: dict[str, Any]) -> bool:
    """The typed answer to what was asked about a ticket. False: it is about something else."""
    ticket = _one(turn, know, doing["ticket"])
    if ticket is None or words.wants_person(turn.text):
        return False
    no = words.yes_no(turn.text) is False or words.refuses(turn.text)
    if doing["asks"] == WITHDRAW:
        sure = words.yes_no(turn.text) is True or words.withdraws_ticket(turn.text)
        turn.facts.doing = None
        if sure:
            _withdraw(turn, know, ticket)
        elif no:
            turn.say("own_withdraw_kept", buttons=[], **names(know, ticket))
        return sure or no
    if no:
        turn.facts.doing = None
        turn.say("survey_poor_not", buttons=[person_button()])
        return True
    if turn.messages[-1].kind != "text" or not readable(turn.text):
        return False
    turn.facts.doing = None
    _reopen(turn, know, ticket)
    return True


def _reopen(turn: Turn, know: Knowledge, ticket: Ticket) -> None:
    outcome = reopen(turn.session, know, viewer_of(turn, know), ticket, turn.now, turn.text)
    if outcome.reply == REOPENED_ENOUGH:
        turn.say(outcome.reply, buttons=[], **outcome.values)
        call_person(turn, know, "survey")
    else:
        _tell(turn, outcome)


def _take_survey(turn: Turn, know: Knowledge, ticket: Ticket, name: str) -> None:
    answer = know.survey.answers.get(name)
    if answer is None:  # an answer of an older table
        turn.say("not_now", buttons=[person_button()])
        return
    outcome = answer_survey(turn.session, know, viewer_of(turn, know), ticket, turn.now, answer)
    if outcome.done and answer.reopens:
        turn.facts.doing = {"asks": MISSING, "ticket": ticket.number}
        turn.say(outcome.reply, asks=OWN, buttons=[person_button()], **outcome.values)
    else:
        _tell(turn, outcome)


def _judges(turn: Turn, know: Knowledge) -> bool:
    """The answer to "how was it" typed instead of pressed."""
    answer = know.survey.typed(turn.text)
    if answer is None:
        return False  # nearly every message: no ticket is looked for
    newest = own_tickets(turn.session, viewer_of(turn, know), 1)
    if not newest or not survey_open(turn.session, know, newest[0], turn.now):
        return False
    _take_survey(turn, know, newest[0], answer.id)
    return True


def _keep_material(turn: Turn, know: Knowledge, ticket: Ticket) -> None:
    """A photo, a voice, a file: on the ticket by the number of its message, wherever the file itself is by now."""
    kinds = [message.kind for message in turn.messages if message.kind in FILES]
    said = turn.text.strip() or know.replies.text(f"own_material_{kinds[-1]}")
    _add(turn, know, ticket, said)
    if "voice" in kinds:
        turn.say("own_material_voice_unheard", buttons=[person_button()])


def _about_papers(turn: Turn, know: Knowledge, ticket: Ticket) -> bool:
    """While papers are waited for: that all is there, or what is to be known about them, goes on the ticket."""
    if words.brought_everything(turn.text):
        _tell(turn, all_supplemented(turn.session, know, viewer_of(turn, know), ticket, turn.now))
        return True
    if not words.brings_material(turn.text) or not (turn.unsure or turn.intent in MAY_BRING):
        return False
    _add(turn, know, ticket, turn.text)
    return True


def _add(turn: Turn, know: Knowledge, ticket: Ticket, said: str) -> None:
    """`sent` names the messages that came with a file: the desk opens them from the ticket."""
    sent = [message.seq for message in turn.messages if message.kind in FILES]
    waited = _waiting(turn, know, [ticket]) is not None
    outcome = supplement(turn.session, know, viewer_of(turn, know), ticket, turn.now, said,
                         data={"conversation": turn.conversation_id, "seq": turn.seq, "sent": sent})
    _tell(turn, outcome, [_all_button(know, ticket)] if waited else [])
