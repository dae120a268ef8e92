"""One command under way: what guards and effects are given, where they register, and how a command is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from actions.access.rules import Role, Viewer
from actions.due.clock import SHANGHAI
from actions.due.clockwork import Clockwork
from actions.language.replies import Replies
from actions.places.gazetteer import Gazetteer
from actions.privacy.keys import Keys
from actions.storage.tables import Subticket, Ticket, TicketEvent
from actions.tickets.approval.book import Book
from actions.tickets.approval.rules import check_grounds
from actions.tickets.departments import load_departments
from actions.tickets.forms import Chosen
from actions.tickets.rules import Command, Known, Lifecycle, load_lifecycle


class StalePage(Exception):
    """Somebody changed the ticket since the page was read. `seen` is the version the page was made from."""

    def __init__(self, seen: int) -> None:
        super().__init__(f"the page was made from version {seen}")
        self.seen = seen


class NotAllowed(Exception):
    """The ticket as it stands does not allow this. `reason` is the id of a text in reasons.yaml."""

    def __init__(self, reason: str, **parameters: Any) -> None:
        super().__init__(reason)
        self.reason, self.parameters = reason, parameters


class NothingToDo(NotAllowed):
    """There is nothing this command could be done to, as when no aid waits for a second signature: pages that offer
    commands are silent about it."""


@dataclass(frozen=True)
class Work:
    """What commands need beside the row; loaded once. A room that hangs more on the table adds its field here."""

    lifecycle: Lifecycle
    keys: Keys
    gazetteer: Gazetteer
    roles: Mapping[str, Role]
    clockwork: Clockwork
    book: Book


@dataclass
class Doing:
    """One command under way. `ticket` is locked, as are the `others` its form names, by number; `values` is the checked
    form; `event` is there once it is written.

    A guard only looks; an effect changes rows beyond the state and may add to `data`, which the event keeps.
    """

    session: Session
    work: Work
    viewer: Viewer
    ticket: Ticket
    command: Command
    values: dict[str, Any]
    now: datetime
    data: dict[str, Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)  # what an effect gives the reply to the resident
    once: dict[str, str] = field(default_factory=dict)  # what the doer is shown now and nobody ever again
    event: TicketEvent | None = None
    before: str = ""  # the state it started at
    others: Mapping[str, Ticket] = field(default_factory=dict)
    subticket: Subticket | None = None  # of a command that is about one: locked, behind its ticket

    def picked(self, field: str) -> Any:
        """The value of a field, of a choice its id; None for one left empty."""
        value = self.values.get(field)
        return value.value if isinstance(value, Chosen) else value

    @property
    def today(self) -> date:
        """The day in Chongqing."""
        return self.now.astimezone(SHANGHAI).date()


Step = Callable[[Doing], None]
Registered = TypeVar("Registered", bound=Step)
GUARDS: dict[str, Step] = {}
STANDING: set[str] = set()  # guards that look at ticket and viewer only, so that pages can ask them before any form
EFFECTS: dict[str, Step] = {}


def _registered(table: dict[str, Step], step: Registered) -> Registered:
    name = step.__name__
    if name in table:
        raise ValueError(f"two functions are registered as {name}")
    table[name] = step
    return step


def guard(step: Registered) -> Registered:
    """Registers a guard under its name. It raises NotAllowed or FieldsWrong, and changes nothing."""
    return _registered(GUARDS, step)


def standing(step: Registered) -> Registered:
    """Registers a guard that reads no value of the form: what it refuses is not offered in the first place."""
    STANDING.add(step.__name__)
    return guard(step)


def effect(step: Registered) -> Registered:
    """Registers an effect under its name."""
    return _registered(EFFECTS, step)


def load_table(config: Path, roles: Mapping[str, Role], replies: Replies, clockwork: Clockwork) -> Lifecycle:
    """The lifecycle of a config folder, with every name in it checked. Raises ConfigError."""
    folder = config / "tickets"
    departments = load_departments(folder / "departments.yaml")
    known = Known(roles, GUARDS, EFFECTS, replies, clockwork, departments)
    lifecycle = load_lifecycle(folder / "lifecycle.yaml", known)
    parts = load_lifecycle(folder / "subtickets.yaml", Known(roles, GUARDS, EFFECTS, departments=departments))
    offered = {one.id: one.options for one in lifecycle.commands["refuse"].fields}["ground"]
    check_grounds(folder / "approval.yaml", offered)
    return replace(lifecycle, subtickets=parts)
