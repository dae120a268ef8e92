"""A person is wanted: who can come and when, honestly, and the offer to be phoned: the number, then the time."""

from __future__ import annotations

from actions.access.queries import operators_at_desk
from actions.call_backs.commands import ask_call_back
from actions.call_backs.queries import has_open
from actions.due.clock import SHANGHAI
from actions.due.desk import is_open, opens_at
from actions.steps import words
from actions.steps.asking import go_on
from actions.steps.knowledge import Knowledge
from actions.steps.listening import note_age, note_phone, phone_of
from actions.turn import Turn

WANTED = "call_back"  # the value of the button that asks for it
PHONE, TIME = "call_back_phone", "call_back_time"  # what these questions ask; never facts of the interview


def call_person(turn: Turn, know: Knowledge, reason: str) -> None:
    """Puts the resident into the desk's queue and says who can come: nobody is told to wait for an empty desk."""
    note_age(turn, know)  # before anybody else reads on: a child's talk is kept back at the desk
    turn.ask_for_person(reason)
    tell_who_comes(turn, know)


def tell_who_comes(turn: Turn, know: Knowledge, coming: str = "person_coming") -> None:
    """`coming` is what is said while somebody is at the desk."""
    if operators_at_desk(turn.session, turn.now - know.desk.lease):
        turn.say(coming, buttons=[])
        return
    buttons = [] if has_open(turn.session, turn.contact_id) else None  # None: the offer of the text itself
    if is_open(turn.now, know.clocks.office_hours, know.calendar):
        turn.say("person_absent", buttons=buttons)
        return
    opens = opens_at(turn.now, know.clocks.office_hours, know.calendar)
    sure = know.desk.status == "confirmed" and not opens.provisional
    when = turn.replies_book.text("office_opens" if sure else "office_opens_pending",
                                  opens=opens.due.astimezone(SHANGHAI))
    turn.say("person_off_hours", buttons=buttons, opens=when)


def arranges_call_back(turn: Turn, know: Knowledge) -> bool:
    """True when this message is about being phoned and was dealt with here; an open interview goes on afterwards."""
    if turn.danger == "now":
        return False
    press = turn.press
    if press is not None and press.get("value") == WANTED or press is None and words.asks_call_back(turn.text):
        _ask_phone(turn, know)
    elif turn.facts.call_back is None or not _take(turn, know):
        return False
    turn.advanced = True
    turn.done = turn.facts.asking is None
    return True


def _ask_phone(turn: Turn, know: Knowledge) -> None:
    if note_phone(turn, know) and turn.press is None:  # the number stood in the wish itself
        _ask_time(turn)
        return
    turn.facts.call_back = {"asks": PHONE}
    known = phone_of(turn, know)
    if known is None:
        turn.say(PHONE, asks=PHONE, buttons=[])
    else:
        title = turn.replies_book.text("call_back_phone_known_title")
        turn.say("call_back_phone_known", asks=PHONE, buttons=[{"title": title, "value": True}],
                 phone=words.masked_phone(known))


def _ask_time(turn: Turn) -> None:
    turn.facts.call_back = {"asks": TIME}
    turn.say(TIME, asks=TIME)


def _take(turn: Turn, know: Knowledge) -> bool:
    """The answer to one of the two questions. False: it is about something else, which is heard as usual."""
    asks, press = (turn.facts.call_back or {})["asks"], turn.press
    if press is not None and press.get("asks") != asks:
        turn.facts.call_back = None
        return False
    if press is None and (words.yes_no(turn.text) is False or words.refuses(turn.text)):
        turn.facts.call_back = None
        turn.say("call_back_not_wanted", buttons=[])
        go_on(turn, know)
        return True
    return _take_phone(turn, know) if asks == PHONE else _take_time(turn, know)


def _take_phone(turn: Turn, know: Knowledge) -> bool:
    given = note_phone(turn, know)
    agreed = turn.press is not None or words.yes_no(turn.text) is True
    if given or agreed and turn.facts.phone is not None:
        _ask_time(turn)
        return True
    tried = (turn.facts.call_back or {}).get("tried", 0)
    if any(letter.isdigit() for letter in turn.text) and tried == 0:
        turn.facts.call_back = {"asks": PHONE, "tried": 1}
        turn.say("call_back_phone_short", asks=PHONE, buttons=[])
        return True
    turn.facts.call_back = None
    return False


def _take_time(turn: Turn, know: Knowledge) -> bool:
    wish, phone = turn.text.strip(), phone_of(turn, know)
    turn.facts.call_back = None
    if phone is None or not wish or turn.messages[-1].kind not in ("text", "press") or len(wish) > words.LONG_WISH:
        return False
    ask_call_back(turn.session, know.keys, contact_id=turn.contact_id, conversation_id=turn.conversation_id,
                  phone=phone, wish=wish, now=turn.now)
    turn.say("call_back_noted", buttons=[], phone=words.masked_phone(phone), wish=wish)
    go_on(turn, know)
    return True
