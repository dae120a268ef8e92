"""What is heard at any moment, whatever is being asked: consent taken back."""

from __future__ import annotations

from typing import Any

from actions.steps import words
from actions.steps.ending import person_button
from actions.steps.filing import note_consent
from actions.turn import Turn

# ends an open form and leaves its slot empty for the next time
FINISH: list[dict[str, Any]] = [
    {"event": "slot", "name": "q_answer", "value": None},
    {"event": "slot", "name": "requested_slot", "value": None},
]


def heard_anywhere(turn: Turn) -> bool:
    """True when the message was dealt with here."""
    if turn.press is not None or not words.takes_consent_back(turn.text):
        return False
    # 个人信息保护法 15: taking it back is as easy as giving it; what was filed stays with the township, by law
    note_consent(turn, "withdrawn")
    turn.facts.consent = "declined"
    turn.facts.answers, turn.facts.places = {}, {}
    turn.facts.phone = turn.facts.event_text = turn.facts.asking = None
    turn.say("privacy_withdrawn", buttons=[person_button()])
    turn.advanced = turn.done = True
    return True
