"""The query code is read by the resident alone: not in the table, not at the desk."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from actions.storage.tables import Message
from bot.conversation.outbox import full_text
from bot.conversation.transcript import desk_lines, resident_lines
from tests.stories.teller import Teller
from tests.stories.test_fire import tell_until_read_back

pytestmark = pytest.mark.engine


def test_the_code_is_shown_to_the_resident_only(teller: Teller) -> None:
    tell_until_read_back(teller)
    teller.press("都对")
    parts = teller.parts
    with parts.database.begin() as session:
        theirs = resident_lines(session, parts.keys, teller.contact_id)[-1].text
        ours = desk_lines(session, teller.conversation())[-1].text
        stored = session.execute(sa.select(Message).order_by(Message.id.desc()).limit(1)).scalar_one()
        assert full_text(stored, parts.keys) == theirs
    found = re.search(r"查询码：(\w{6})", theirs)
    assert found is not None
    [ticket] = teller.tickets()
    assert bytes(ticket.query_code_hash) == parts.keys.fingerprint("query_code", found.group(1))
    assert "查询码：••••••" in ours and found.group(1) not in ours and found.group(1) not in stored.text
