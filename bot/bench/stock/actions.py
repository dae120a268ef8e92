"""The rival's action server: validators that read the answers, and one ticket row in PostgreSQL."""
from __future__ import annotations

import os
import secrets
from typing import Any

from psycopg2.pool import ThreadedConnectionPool
from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

DIGITS = 20
KEPT = ("consent", "household_people", "family_can_help", "phone")
TABLE = """
CREATE TABLE IF NOT EXISTS stock_ticket (
    id bigserial PRIMARY KEY, number text UNIQUE NOT NULL, conversation text NOT NULL, said text NOT NULL, consent text,
    household_people text, family_can_help text, phone text, created_at timestamptz NOT NULL DEFAULT now())
"""
_pool: ThreadedConnectionPool | None = None


def pool() -> ThreadedConnectionPool:
    """Connections to the rival's PostgreSQL, opened at the first ticket; the table is made then."""
    global _pool
    if _pool is None:
        _pool = ThreadedConnectionPool(1, 4, os.environ["STOCK_DATABASE_URL"])
        connection = _pool.getconn()
        with connection, connection.cursor() as cursor:
            cursor.execute(TABLE)
        _pool.putconn(connection)
    return _pool


class ValidateHelpForm(FormValidationAction):
    """Reads the answers of the form; every answer is taken."""

    def name(self) -> str:
        """As Rasa calls it."""
        return "validate_help_form"

    def validate_phone(self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker,
                       domain: DomainDict) -> dict[str, Any]:
        """Digits only where there are any."""
        digits = "".join(letter for letter in str(value) if letter.isdigit())[:DIGITS]
        return {"phone": digits or value}

    def validate_household_people(self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker,
                                  domain: DomainDict) -> dict[str, Any]:
        """The answer as it was given."""
        return {"household_people": str(value).strip()}


class OpenTicket(Action):
    """Writes one ticket row and commits it."""

    def name(self) -> str:
        """As Rasa calls it."""
        return "action_open_ticket"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        """Writes the row; its number goes into a slot."""
        number = secrets.token_hex(5)
        said = next((event["text"] for event in tracker.events if event.get("event") == "user"), "")
        connection = pool().getconn()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO stock_ticket (number, conversation, said, {', '.join(KEPT)}) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    (number, tracker.sender_id, said, *(tracker.get_slot(name) for name in KEPT)))
        finally:
            pool().putconn(connection)
        return [SlotSet("ticket_number", number)]
