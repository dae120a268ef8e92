"""tickets: draws the lifecycle as a page of docs/, from the table everything else reads."""
from __future__ import annotations

import sys
from pathlib import Path

import click

from bot.commands.records import write
from bot.settings import PROJECT, Settings

PAGE = PROJECT / "docs" / "tickets" / "lifecycle.md"


@click.group()
def tickets() -> None:
    """The lifecycle of tickets, as config/tickets/lifecycle.yaml says."""


def drawn(config: Path) -> str:
    """The page, from the table of a config folder. Raises ConfigError."""
    from actions.access.rules import load_roles
    from actions.due.clockwork import load_clockwork
    from actions.language.replies import load_replies
    from actions.tickets.commands import load_table
    from actions.tickets.picture import page

    roles = load_roles(config / "roles" / "roles.yaml")
    replies = load_replies([config / "replies", config / "replies" / "area"])
    return page(load_table(config, roles, replies, load_clockwork(config)), roles)


@tickets.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the page is not what the table says.")
@click.pass_obj
def draw(settings: Settings, check: bool) -> None:
    """Write docs/tickets/lifecycle.md: the picture, and who may do what."""
    text = drawn(settings.config)
    same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if not check and not same:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    write({"page": str(PAGE.relative_to(PROJECT)), "same": same})
    sys.exit(1 if check and not same else 0)
