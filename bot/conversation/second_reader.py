"""What becomes of what the second reader of danger heard: alarm, one question, or nothing. The gates do without it."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.steps import words
from actions.steps.knowledge import knowledge
from actions.steps.people import call_person
from actions.turn import Turn
from bot.conversation.danger import Gates

QUESTION = "danger_doubt"


def judge(gates: Gates, turn: Turn, reading: Mapping[str, Any]) -> bool:
    """True: the turn thinks no further, because it raises the alarm or asks whether somebody is in danger.

    Where danger is known already nothing is added; a kind that was asked about once is not asked about again.
    """
    if turn.danger == "now" or turn.raises_danger:
        return False
    kind = str(reading["kind"])
    over = any(gate == f"{kind}_past" for message in turn.messages for gate, _ in message.danger)
    band = gates.bands.of(turn.text, float(reading["now"]), over)
    if band == "raise":
        turn.alarm = kind
        return True
    if band != "ask" or kind in turn.facts.doubted:
        return False
    turn.facts.doubted.append(kind)
    turn.facts.doubt = {"kind": kind, "seqs": [message.seq for message in turn.messages]}
    if not over:  # else the gate has said a line of this kind already
        turn.say(gates.hit(kind, "now", "").reply, buttons=[])
    if words.wants_person(turn.text):
        call_person(turn, knowledge(), "asked")  # the question is no reason to let the wish for a person fall
    turn.say(QUESTION, asks=QUESTION)
    return True


def answer_of(turn: Turn) -> bool | None:
    """What was answered to the question: danger, none, or (None) something else."""
    press = turn.press
    if press is not None:
        return bool(press["value"]) if press.get("asks") == QUESTION else None
    return words.yes_no(turn.text)
