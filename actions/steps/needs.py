"""Several needs in one message: the first is served, the others are kept and offered when it is done."""

from __future__ import annotations

from typing import Any

from actions.language.thresholds import thresholds
from actions.steps import words
from actions.steps.knowledge import Knowledge
from actions.turn import Turn

MOST_OFFERED = 3
EMERGENCY = "ask_temporary_assistance"
CLOSED = "none_of_these"


def note_needs(turn: Turn, know: Knowledge) -> None:
    """Keeps every kind of help the message asks for: what it is about as a whole first, then what single sentences are.

    The whole message decides what is served first; a sentence adds a need only when it is clear by itself.
    """
    named = [turn.intent] if turn.intent in know.topics else []
    named += [name for name, confidence in turn.sentences
              if name in know.topics and confidence >= thresholds().need_from]
    turn.facts.needs = list(dict.fromkeys([*turn.facts.needs, *named]))


def serve_first(turn: Turn, ticket: bool) -> None:
    """Notes what is being talked about now. An emergency comes first: what else a long message asks for stays open."""
    topic = turn.facts.topic
    if ticket and len(turn.sentences) > 1 and EMERGENCY not in turn.facts.served:
        topic = EMERGENCY
    turn.facts.served = list(dict.fromkeys([*turn.facts.served, topic or EMERGENCY]))


def offer_rest(turn: Turn) -> None:
    """Asks whether to go on with what else was named; silent when nothing is left. Each need is offered once."""
    left = [need for need in turn.facts.needs if need not in turn.facts.served][:MOST_OFFERED]
    if not left:
        return
    turn.facts.served += left
    buttons = [title_button(need) for need in left]
    turn.say("needs_left", needs=words.join(button["title"] for button in buttons),
             buttons=[*buttons, {"title": words.text("need_none"), "value": CLOSED}])


def title_button(intent: str) -> dict[str, Any]:
    """The button that means this intent."""
    return {"title": words.text(f"intent_{intent}"), "value": intent}


def guesses(turn: Turn) -> list[str]:
    """What an unclear message may have meant, likeliest first; only what has a title."""
    if turn.confidence < thresholds().confirm_from:
        return []
    ranked = [(turn.intent, turn.confidence), *turn.alternatives]
    likely = [name for name, chance in ranked if chance >= thresholds().offer_from and words.has_title(name)]
    return likely[:MOST_OFFERED]
