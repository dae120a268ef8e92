"""The committed picture of the lifecycle is what the table says; another table gives another picture."""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from actions.tickets.picture import diagram, page
from actions.tickets.rules import Lifecycle
from bot.commands.tickets import PAGE


def test_the_committed_page_is_what_the_table_says(lifecycle: Lifecycle, roles: Mapping[str, Any]) -> None:
    assert PAGE.read_text("utf-8") == page(lifecycle, roles), "run `youmen tickets draw`"


def test_another_table_gives_another_page(lifecycle: Lifecycle, roles: Mapping[str, Any]) -> None:
    accept = dataclasses.replace(lifecycle.commands["accept"], to="verifying")
    other = dataclasses.replace(lifecycle, commands={**lifecycle.commands, "accept": accept})
    assert page(other, roles) != page(lifecycle, roles)
    assert "dispatched --> verifying : 受理" in diagram(other, other.commands.values())


def test_every_state_and_every_command_stands_in_it(lifecycle: Lifecycle, roles: Mapping[str, Any]) -> None:
    text = page(lifecycle, roles)
    whole = diagram(lifecycle, lifecycle.commands.values())
    for state in lifecycle.states.values():
        assert f"    {state.id} : {state.title}\n" in whole
    for command in lifecycle.commands.values():
        assert f"| {command.title} | `{command.id}` |" in text
