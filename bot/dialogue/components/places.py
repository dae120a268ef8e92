"""Reads the places of a message with their roles: the gazetteer's own reader as a component of Rasa, nothing learned.

It needs no clock: units are named by the tables as they stand last, and whoever has a day reads what was taken apart
here once more for that day (`take`). The tables are read when the first message comes and lie in no model: other days,
numbers, districts or cue words need no training (a new name does: it is a word of the tokenizer).
"""

from __future__ import annotations

import os
from datetime import date
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_ROLE,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message

from actions.places.gazetteer import Gazetteer, load_gazetteer
from actions.places.mentions import Scan, scan
from actions.places.resolver import mentions_of
from actions.steps.knowledge import installed

PLACE, EVIDENCE = "place", "evidence"
LATEST = date.max  # the day no line has ended before it began


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class PlaceReader(GraphComponent, EntityExtractorMixin):
    """Adds an entity `place` for each place: start, end, role, and as evidence the units it may mean, with tiers."""

    def __init__(self) -> None:
        self._files: Gazetteer | None = None
        self._last: Scan | None = None

    @classmethod
    def create(cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
               execution_context: ExecutionContext) -> PlaceReader:
        """The same for every model."""
        return cls()

    def take(self) -> Scan | None:
        """What the last message was taken apart into, once: its words do not stay here."""
        last, self._last = self._last, None
        return last

    def process(self, messages: list[Message]) -> list[Message]:
        """Reads each message."""
        for message in messages:
            if message.get(TEXT):
                places = self.add_extractor_name(self._entities(message.get(TEXT)))
                message.set(ENTITIES, [*message.get(ENTITIES, []), *places], add_to_output=True)
        return messages

    def _entities(self, text: str) -> list[dict[str, Any]]:
        gazetteer = self._gazetteer()
        self._last = scan(text, gazetteer)
        return [
            {
                ENTITY_ATTRIBUTE_TYPE: PLACE,
                ENTITY_ATTRIBUTE_START: mention.start,
                ENTITY_ATTRIBUTE_END: mention.end,
                ENTITY_ATTRIBUTE_VALUE: mention.text,
                ENTITY_ATTRIBUTE_ROLE: mention.role,
                EVIDENCE: [{"unit": unit, "tier": tier} for unit, tier in mention.evidence],
            }
            for mention in mentions_of(self._last, gazetteer, LATEST)
        ]

    def _gazetteer(self) -> Gazetteer:
        """The one the steps decide with, so that they can go on from here; outside the hotline that of the files."""
        knowledge = installed()
        if knowledge is not None:
            return knowledge.gazetteer
        if self._files is None:
            from bot.settings import load_settings

            self._files = load_gazetteer(load_settings(os.environ).config / "places")
        return self._files
