"""TurnStore: Rasa's tracker lives in the Turn, as compact JSON in the conversation's row. No I/O here."""

from __future__ import annotations

import contextvars
from collections.abc import Iterable
from typing import Any

from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
    deserialise_events,
)
from rasa.shared.core.trackers import DialogueStateTracker

TURNS_KEPT = 4

_tracker: contextvars.ContextVar[DialogueStateTracker | None] = contextvars.ContextVar("tracker", default=None)


class TurnStore(TrackerStore):
    """A tracker store that only knows the tracker of the turn being worked."""

    def __init__(self, domain: Domain | None = None) -> None:
        super().__init__(domain)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keeps the tracker for the end of the turn."""
        _tracker.set(tracker)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The tracker of this turn."""
        return _tracker.get()

    async def keys(self) -> Iterable[str]:
        """Nothing is kept beyond the turn."""
        return []


def begin(store: TurnStore, sender_id: str, dialogue: dict[str, Any] | None, model: str) -> None:
    """Puts the stored dialogue up as this turn's tracker; a fresh one when it is of another model or cannot be read."""
    events: list[Event] = []
    if dialogue is not None and dialogue.get("model") == model:
        events = deserialise_events(dialogue["events"])
    tracker = DialogueStateTracker.from_events(sender_id, events, slots=store.domain.slots, domain=store.domain)
    if not events:
        tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
        tracker.update(SessionStarted())
        tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
    _tracker.set(tracker)


def compact(model: str) -> dict[str, Any]:
    """The tracker after the turn as JSON: slots, active loop and the last four turns, however long the talk was."""
    tracker = _tracker.get()
    assert tracker is not None, "compact() comes after begin()"
    events = list(tracker.events)
    starts = [place for place, event in enumerate(events) if isinstance(event, UserUttered)]
    if len(starts) > TURNS_KEPT:
        cut = starts[-TURNS_KEPT]
        before = DialogueStateTracker.from_events("cut", events[:cut], slots=list(tracker.slots.values()))
        head: list[Event] = [SessionStarted(), ActionExecuted(ACTION_LISTEN_NAME)]
        if before.active_loop_name:
            head.append(ActiveLoop(before.active_loop_name))
        head += [SlotSet(name, slot.value) for name, slot in before.slots.items() if slot.value is not None]
        # an action_listen right before the user's message, as every policy expects
        head.append(ActionExecuted(ACTION_LISTEN_NAME))
        events = head + events[cut:]
    return {"model": model, "events": [_slim(event) for event in events]}


def _slim(event: Event) -> dict[str, Any]:
    """An event without what is never read again: the parse data and the resident's words."""
    data: dict[str, Any] = event.as_dict()
    if isinstance(event, UserUttered):
        intent = {"name": event.intent.get("name"), "confidence": event.intent.get("confidence")}
        data.update(
            text="…", parse_data={"intent": intent, "entities": [], "text": "…"}, metadata={}, input_channel=None
        )
    for key in ("timestamp", "policy", "confidence", "hide_rule_turn", "action_text", "metadata"):
        if key in data and key != "timestamp":
            data.pop(key)
    return data
