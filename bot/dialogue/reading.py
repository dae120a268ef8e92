"""`understand`: everything the hotline reads out of one message, as one record."""

from __future__ import annotations

from datetime import date
from typing import Any

from actions.language.facts import hear_facts
from actions.language.mask import mask_identity
from actions.places.mentions import fit_scan
from actions.places.resolver import mentions_of
from actions.steps.knowledge import Knowledge
from actions.steps.listening import plain
from bot.conversation.danger import Gates
from bot.dialogue.engine import FALLBACK, Dialogue, in_context

BEST_GUESS = "out_of_scope"
SECTION_4 = {"goodbye": "thanks"}  # what the dialogue tells apart and the list of intents does not


def understand_text(
    text: str, shown: str, dialogue: Dialogue, gates: Gates, knowledge: Knowledge, today: date, why: bool
) -> dict[str, Any]:
    """The record of DESIGN 5 without its id. `text` may be empty (nothing readable); `shown` is what was given."""
    parsed = in_context(dialogue.parse(text), asked=False)
    scan = fit_scan(dialogue.take_scan(), text, knowledge.gazetteer)
    ranking = [(entry["name"], float(entry["confidence"])) for entry in parsed["intent_ranking"]]
    intent, confidence = ranking[0] if ranking else (BEST_GUESS, 0.0)
    intent = SECTION_4.get(intent, intent)
    hits = gates.check(text)
    facts = {
        name: {"value": plain(heard.value), "heard": heard.heard, "confidence": heard.confidence}
        for name, heard in hear_facts(text, today).items()
    }
    needs = facts.get("need_tonight", {}).get("value")
    second = parsed.get("danger") or {"now": 0.0, "kind": None}
    over = any(hit.gate == f"{second['kind']}_past" for hit in hits)
    band = gates.bands.of(text, second["now"], over)
    danger = band == "raise" or any(hit.level == "now" for hit in hits)
    urgency = "life_danger" if danger else "urgent" if needs else "none"
    topic = knowledge.topics.get(intent)
    record = {
        "text": mask_identity(shown).text,
        "intent": intent,
        "confidence": round(confidence, 4),
        "unsure": parsed["intent"]["name"] == FALLBACK,
        "alternatives": [{"intent": name, "confidence": round(value, 4)} for name, value in ranking[1:4]],
        "urgency": urgency,
        "gates": [hit.gate for hit in hits],
        "second_reader": {"now": round(second["now"], 4), "kind": second["kind"], "band": band},
        "programmes": list(topic.programmes) if topic else [],
        "facts": facts,
        "places": [
            {"text": m.text, "start": m.start, "end": m.end, "role": m.role, "unit": m.unit, "unit_name": m.unit_name}
            for m in mentions_of(scan, knowledge.gazetteer, today)
        ],
        "table_version": scan.version,
        "model": dialogue.model,
    }
    if why:
        record["why"] = dialogue.why(text, intent)
    return record
