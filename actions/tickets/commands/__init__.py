"""The only writer of tickets. Every command: lock, check, write state, event, notice and record in one transaction."""

from actions.tickets.commands import (  # noqa: F401 - they register guards and effects
    aiding,
    calls,
    clocks,
    deciding,
    found,
    handing,
    moving,
    persons,
    signing,
)
from actions.tickets.commands.calls import CALL_PHONE, wanted_call
from actions.tickets.commands.doing import (
    EFFECTS,
    GUARDS,
    Doing,
    NotAllowed,
    NothingToDo,
    StalePage,
    Work,
    effect,
    guard,
    load_table,
)
from actions.tickets.commands.opening import (
    Opened,
    Request,
    complete_ticket,
    note_cry,
    open_ticket,
    supplement_ticket,
)
from actions.tickets.commands.owning import perform_own
from actions.tickets.commands.parts import perform_subticket
from actions.tickets.commands.progress import ask_progress
from actions.tickets.commands.telling import last_event, tell_contact
from actions.tickets.commands.upkeep import hand_back, keep_up
from actions.tickets.commands.working import Offer, barred, colleagues, offered, offers, perform, possible
from actions.tickets.desks import Responsible
from actions.tickets.forms import FieldsWrong

__all__ = [
    "CALL_PHONE", "EFFECTS", "GUARDS", "Doing", "FieldsWrong", "NotAllowed", "NothingToDo", "Offer", "Opened",
    "Request", "Responsible", "StalePage", "Work", "ask_progress", "barred", "colleagues", "complete_ticket",
    "effect", "guard", "hand_back", "keep_up", "last_event", "load_table", "note_cry", "offered", "offers",
    "open_ticket", "perform", "perform_own", "perform_subticket", "possible", "supplement_ticket", "tell_contact",
    "wanted_call",
]
