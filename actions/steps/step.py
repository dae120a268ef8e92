"""What every step is: one action of Rasa that works on the current Turn and never lets an error pass as an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.steps.anywhere import CONTINUE, FINISH, heard_anywhere
from actions.steps.knowledge import keep_places_current, knowledge
from actions.steps.listening import note_point
from actions.turn import Turn, current_turn


class Step(Action, ABC):
    """A step has a name and a `do`. What `do` returns are Rasa events; what it says goes into the Turn."""

    title: str
    looks_after_danger = False  # only the interview does; every other step makes way for it

    def name(self) -> str:
        """The action's name in the domain."""
        return self.title

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[dict[str, Any]]:
        """Rasa swallows exceptions of actions and goes on; so the first one is kept in the turn, which then fails."""
        turn = current_turn()
        if turn.error is not None:
            return []
        try:
            if not turn.places_read:
                keep_places_current(turn.session)
                turn.places_read = True
                note_point(turn, knowledge())
            if not turn.replies and heard_anywhere(turn):
                return list(FINISH if turn.done else CONTINUE)
            if turn.danger == "now" and not self.looks_after_danger:
                return [{"event": "followup", "name": "interview"}]
            return self.do(turn) or []
        except Exception as error:
            turn.fail(self.title, error)
            return []

    @abstractmethod
    def do(self, turn: Turn) -> list[dict[str, Any]] | None:
        """The work of this step."""
