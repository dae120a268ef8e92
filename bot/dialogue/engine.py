"""Runs a turn through Rasa: understand the text, let the rules choose, keep the tracker in the Turn."""

from __future__ import annotations

import asyncio
import tarfile
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.lock_store import InMemoryLockStore

from actions.language.normalise import normalise, readable
from actions.language.thresholds import thresholds
from actions.places.mentions import Scan
from actions.turn import Turn
from bot.dialogue.inprocess import InProcessActions, trust_own_results
from bot.dialogue.model import ModelDamaged, ModelFiles, ModelMissing
from bot.dialogue.store import TurnStore, begin, compact

FALLBACK = "nlu_fallback"
PLAIN = 0.5  # "yes, right" stays what it is even where nothing was asked
# intents that answer a question: without one before it a message is never read so
ANSWERS_ONLY = frozenset(
    {"inform", "affirm", "deny", "unsure", "correct", "go_back", "wait", "decline", "ask_why", "stop"}
)
HEAD, TAIL = 2_000, 1_000  # a longer message is read by its first 2,000 and last 1,000 characters


class NoAnswer(Exception):
    """A turn ended without a word for the resident."""


def readable_part(text: str) -> str:
    """What the model reads of a message: normalised, its middle left out when it is long, never a Rasa command."""
    plain = normalise(text).text
    if len(plain) > HEAD + TAIL:
        plain = plain[:HEAD] + "\n" + plain[-TAIL:]
    # "/intent{…}" typed by a resident would be executed as a perfect understanding
    return plain.lstrip("/ ")


def in_context(parsed: dict[str, Any], asked: bool) -> dict[str, Any]:
    """The understanding as it holds here: without an open question, intents that only answer one fall away.

    What is not sure enough to act on is the fallback; the ranking stays for the buttons that ask what was meant.
    """
    ranking = [dict(entry) for entry in parsed.get("intent_ranking", []) if entry["name"] != FALLBACK]
    plain = bool(ranking) and ranking[0]["name"] in ANSWERS_ONLY and ranking[0]["confidence"] >= PLAIN
    if not asked and not plain:
        left = [entry for entry in ranking if entry["name"] not in ANSWERS_ONLY]
        total = sum(entry["confidence"] for entry in left)
        lost = sum(entry["confidence"] for entry in ranking) - total
        if total > 0:
            for entry in left:
                entry["confidence"] /= max(1.0 - lost, total)
            ranking = left
    if not ranking:
        return {**parsed, "intent": {"name": FALLBACK, "confidence": 0.0}, "intent_ranking": []}
    first = dict(ranking[0])
    # an open question narrows what may be meant: its taker decides, and asks again where nothing fits
    least = thresholds().confirm_from if asked else thresholds().answer_from
    if first["confidence"] < least:
        first = {"name": FALLBACK, "confidence": first["confidence"]}
    return {**parsed, "intent_ranking": ranking, "intent": first}


class Dialogue:
    """The loaded model. One per process; `think` works one turn at a time."""

    def __init__(self, files: ModelFiles) -> None:
        """Raises ModelMissing, ModelDamaged."""
        if not files.archive.exists():
            raise ModelMissing(str(files.archive))
        trust_own_results()
        self.model = files.fingerprint
        self._store = TurnStore()
        self._loop = asyncio.new_event_loop()
        try:
            self._agent = Agent.load(
                files.archive,
                tracker_store=self._store,
                lock_store=InMemoryLockStore(),
                action_endpoint=InProcessActions(),
            )
        except (tarfile.TarError, EOFError, OSError, KeyError, ValueError) as error:
            raise ModelDamaged(f"{files.archive}: {type(error).__name__}") from None
        except Exception as error:
            if type(error).__module__.startswith("rasa."):
                raise ModelDamaged(f"{files.archive}: {type(error).__name__}") from None
            raise
        if self._agent.domain is not None:
            self._store.domain = self._agent.domain
        self._places = self._component("take")

    def parse(self, text: str) -> dict[str, Any]:
        """Rasa's understanding of one text: {intent, intent_ranking, entities}; unreadable text is a fallback.

        The entities are the places, their offsets those of `text` in the result; `take_scan` has them for another day.
        """
        part = readable_part(text)
        if not readable(part):
            return {"text": part, "intent": {"name": FALLBACK, "confidence": 0.0}, "intent_ranking": [], "entities": []}
        assert self._agent.processor is not None
        message = UserMessage(part, CollectingOutputChannel(), "parse")
        parsed: dict[str, Any] = self._loop.run_until_complete(self._agent.processor.parse_message(message))
        if not parsed["intent"].get("name"):  # not one of its characters is known
            parsed["intent"] = {"name": FALLBACK, "confidence": 0.0}
        parsed["text"] = part
        return parsed

    def take_scan(self) -> Scan | None:
        """The text parsed last as the reader of places has taken it apart; None where there was nothing to read."""
        return self._places.take() if self._places is not None else None

    def think(self, turn: Turn) -> None:
        """Fills the turn's replies, facts and dialogue. Errors of steps are left in turn.error."""
        if turn.press is not None:
            parsed: dict[str, Any] = {
                "text": turn.text,
                "intent": {"name": "press", "confidence": 1.0},
                "intent_ranking": [],
                "entities": [],
            }
        else:
            parsed = in_context(self.parse(turn.text), turn.facts.asking is not None)
            turn.scan = self.take_scan()
            if turn.second_look(parsed.get("danger")):
                return
        ranking = [(entry["name"], float(entry["confidence"])) for entry in parsed["intent_ranking"]]
        turn.unsure = parsed["intent"]["name"] == FALLBACK
        turn.intent = ranking[0][0] if turn.unsure and ranking else str(parsed["intent"]["name"])
        turn.confidence = ranking[0][1] if ranking else float(parsed["intent"]["confidence"])
        turn.alternatives = ranking[1:4]
        turn.sentences = [(entry["name"], float(entry["confidence"])) for entry in parsed.get("sentences", [])]
        sender = f"conversation-{turn.conversation_id}"
        self._loop.run_until_complete(self._run(turn, sender, parsed))
        if turn.error is None and not turn.replies:
            turn.fail("dialogue", NoAnswer())  # Rasa may swallow what went wrong; silence reads as refusal

    async def _run(self, turn: Turn, sender: str, parsed: dict[str, Any]) -> None:
        # one task: begin, Rasa's work and compact share its context
        begin(self._store, sender, turn.dialogue, self.model)
        await self._agent.handle_message(
            UserMessage(parsed["text"] or "…", CollectingOutputChannel(), sender, parse_data=parsed)
        )
        turn.dialogue = compact(self.model)

    def why(self, text: str, intent: str) -> list[dict[str, Any]]:
        """The words and characters that speak most for an intent."""
        reader = self._component("why")
        return reader.why(readable_part(text), intent) if reader is not None else []

    def _component(self, does: str) -> Any:
        """The component of the loaded pipeline that has this method."""
        assert self._agent.processor is not None
        for node in self._agent.processor.graph_runner._instantiated_nodes.values():  # type: ignore[attr-defined]
            component = getattr(node, "_component", None)
            if component is not None and hasattr(component, does):
                return component
        return None
