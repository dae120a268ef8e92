"""What a ticket may become, by whom, and what is asked for it: config/tickets/lifecycle.yaml, checked. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from actions.access.rules import PERMISSIONS, Role
from actions.due.clockwork import Clockwork
from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.language.replies import Replies
from actions.privacy.media import MEDIA_TYPES
from actions.tickets.departments import NO_DEPARTMENTS, Departments
from actions.tickets.reasons import Reasons, load_reasons

SAME = "same"
ALL = "all"  # every clock that runs
GROUPS = {"open": (True,), "closed": (False,), "any": (True, False)}
KINDS = ("text", "amount", "choice", "unit", "date", "file", "staff", "yes_no", "ticket", "department", "request",
         "consent")
OUTCOMES, CONSENT = "outcomes", "consent"  # what `of` of a choice, and of a request, can be
DESKS = ("unit", "district", "outside")
FILE_KINDS, MEGABYTES = ("image/jpeg", "image/png"), 5  # of a file where the table says nothing: a signature
MOST = 500  # characters of a text where the table says nothing: it is read on one screen
GIVEN = frozenset({"number", "unit_name"})  # what every reply about a ticket may name


class WrongState(Exception):
    """The ticket is no longer where this command starts; `state` says where it is."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the ticket is {state}")
        self.state = state


@dataclass(frozen=True)
class State:
    """One step of a ticket. `says` is how the resident reads it."""

    id: str
    title: str
    says: str
    open: bool
    start: bool


@dataclass(frozen=True)
class Field:
    """One thing a command asks for. `most`: characters of a text; `when`: past or future of a date; `within`: days it
    may lie ahead; `may`: what a chosen colleague must be allowed to do; `tell`: the reply to the resident names it;
    `of`: which of departments.yaml are offered; `kinds`, `megabytes`: media types and size of a file."""

    id: str
    title: str
    kind: str
    required: bool = False
    sealed: bool = False
    tell: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    help: str = ""
    most: int = MOST
    when: str | None = None
    within: int | None = None
    may: str | None = None
    of: str | None = None
    kinds: tuple[str, ...] = FILE_KINDS
    megabytes: int = MEGABYTES


@dataclass(frozen=True)
class ClockMoves:
    """What a command does to the clocks of its ticket (config/service_levels/clocks.yaml), in this order."""

    stop: tuple[str, ...] = ()
    resume: str | None = None
    start: tuple[str, ...] = ()
    pause: str | None = None
    after: str | None = None  # what starts waits for this day of the form


@dataclass(frozen=True)
class Command:
    """One thing that can be done with a ticket."""

    id: str
    title: str
    event: str
    start: frozenset[str]
    to: str
    permission: str
    tells: str | None = None
    tells_unit: str | None = None
    desks: frozenset[str] = frozenset(DESKS)
    place: bool = False
    more: bool = False
    near: frozenset[str] = frozenset()
    fields: tuple[Field, ...] = ()
    guards: tuple[str, ...] = ()
    effect: str | None = None
    clocks: ClockMoves = ClockMoves()
    gives: tuple[str, ...] = ()

    def after(self, state: str) -> str:
        """The state this command leads to. Raises WrongState where it does not start."""
        if state not in self.start:
            raise WrongState(state)
        return state if self.to == SAME else self.to

    def at_hand(self, state: str) -> bool:
        """Whether it stands among the buttons of this state, not under "more"."""
        return not self.more or state in self.near


@dataclass(frozen=True)
class Lifecycle:
    """States, the commands between them, the titles of events that no command writes, and why something cannot be.

    Of tickets also: the departments that can help, and the table of what they are asked (`subtickets`)."""

    states: Mapping[str, State]
    commands: Mapping[str, Command]
    events: Mapping[str, str]
    reasons: Reasons = Reasons({})
    departments: Departments = NO_DEPARTMENTS
    subtickets: Lifecycle | None = None

    @property
    def parts(self) -> Lifecycle:
        """The table of sub-tickets. Raises LookupError where this table has none."""
        if self.subtickets is None:
            raise LookupError("this table knows no sub-tickets")
        return self.subtickets

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """State → what staff read."""
        return {state.id: state.title for state in self.states.values()}

    @cached_property
    def event_titles(self) -> Mapping[str, str]:
        """Kind of event → what staff read."""
        return {**self.events, **{command.event: command.title for command in self.commands.values()}}

    @cached_property
    def field_order(self) -> Mapping[str, Sequence[str]]:
        """Kind of event → its fields as the form asks for them; JSON in the database keeps no order."""
        return {command.event: [one.id for one in command.fields] for command in self.commands.values()}

    @cached_property
    def open_states(self) -> frozenset[str]:
        """The states in which somebody still owes work."""
        return frozenset(state.id for state in self.states.values() if state.open)

    def after(self, command: str, state: str) -> str:
        """The state after `command`. Raises WrongState."""
        return self.commands[command].after(state)

    def open_to(self, state: str, desk: str | None = None) -> list[Command]:
        """Commands that start at `state`, while `desk` (None: whichever) answers for the ticket."""
        return [command for command in self.commands.values()
                if state in command.start and (desk is None or desk in command.desks)]


@dataclass(frozen=True)
class Known:
    """The names a table may use; None where they are not checked."""

    roles: Mapping[str, Role] | None = None
    guards: Collection[str] | None = None
    effects: Collection[str] | None = None
    replies: Replies | None = None
    clockwork: Clockwork | None = None
    departments: Departments = NO_DEPARTMENTS


def load_lifecycle(path: Path, known: Known = Known()) -> Lifecycle:
    """Reads config/tickets/lifecycle.yaml, and reasons.yaml beside it.

    Raises ConfigError for wrong keys, names nobody knows, states nobody reaches or leaves.
    """
    data = load_yaml(path)
    require_keys(path, data, ["states", "commands"], ["events"])
    states = {str(name): _state(path, str(name), entry) for name, entry in data["states"].items()}
    commands = {str(name): _command(path, str(name), entry, states, known.departments)
                for name, entry in data["commands"].items()}
    events = {str(kind): str(title) for kind, title in (data.get("events") or {}).items()}
    lifecycle = Lifecycle(states, commands, events, load_reasons(path.with_name("reasons.yaml")), known.departments)
    _check_ways(path, data, lifecycle)
    if known.clockwork is not None:
        _check_opening(path, lifecycle, known.clockwork)
    for name, command in commands.items():
        _check_names(path, data["commands"][name], command, known)
    if known.replies is not None:
        _check_progress(path, data, states, known.replies)
    return lifecycle


def _state(path: Path, name: str, entry: Any) -> State:
    require_keys(path, entry, ["title", "open"], ["says", "start"])
    for key in ("open", "start"):
        if not isinstance(entry.get(key, False), bool):
            raise ConfigError(path, line_of(entry, key), f"{key} is {entry[key]!r}", "write true or false")
    title = str(entry["title"])
    return State(name, title, str(entry.get("says", title)), entry["open"], entry.get("start", False))


def _named(path: Path, entry: Any, key: str, names: Iterable[str], known: Collection[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(path, line_of(entry, key), f"unknown {what} {name!r}", nearest(name, known))


def _list(path: Path, entry: Any, key: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    if not isinstance(value, list):
        raise ConfigError(path, line_of(entry, key), f"{key} is {value!r}", "write a list: [one, another]")
    return tuple(str(one) for one in value)


def _start(path: Path, entry: Any, states: Mapping[str, State]) -> frozenset[str]:
    names = _states(path, entry, "from", states)
    if not names:
        raise ConfigError(path, line_of(entry, "from"), "the command starts nowhere", "name the states it starts at")
    return names


def _states(path: Path, entry: Any, key: str, states: Mapping[str, State]) -> frozenset[str]:
    """States by name, or a group of them; empty where the key is not there."""
    said = entry.get(key)
    if isinstance(said, str):
        _named(path, entry, key, [said], GROUPS, "group of states")
        return frozenset(state.id for state in states.values() if state.open in GROUPS[said])
    names = _list(path, entry, key)
    _named(path, entry, key, names, states, "state")
    return frozenset(names)


def _command(path: Path, name: str, entry: Any, states: Mapping[str, State], departments: Departments) -> Command:
    require_keys(path, entry, ["title", "event", "from", "to", "permission"],
                 ["tells", "tells_unit", "desks", "place", "more", "at_hand", "fields", "guards", "effect", "gives",
                  "clocks"])
    _named(path, entry, "to", [entry["to"]], {*states, SAME}, "state")
    _named(path, entry, "permission", [entry["permission"]], PERMISSIONS, "permission")
    desks = _list(path, entry, "desks") or DESKS
    _named(path, entry, "desks", desks, DESKS, "desk")
    fields = tuple(_field(path, one, departments) for one in entry.get("fields", []))
    if len({one.id for one in fields}) < len(fields):
        raise ConfigError(path, line_of(entry, "fields"), "two fields have the same id", "rename one of them")
    return Command(
        name, str(entry["title"]), str(entry["event"]), _start(path, entry, states), str(entry["to"]),
        str(entry["permission"]), entry.get("tells"), entry.get("tells_unit"), frozenset(desks),
        entry.get("place") is True, entry.get("more") is True, _states(path, entry, "at_hand", states), fields,
        _list(path, entry, "guards"), entry.get("effect"), _clocks(path, entry), _list(path, entry, "gives"),
    )


def _clocks(path: Path, entry: Any) -> ClockMoves:
    if "clocks" not in entry:
        return ClockMoves()
    said = entry["clocks"]
    require_keys(path, said, [], ["stop", "resume", "start", "pause", "after"])
    stop = (ALL,) if said.get("stop") == ALL else _list(path, said, "stop")
    return ClockMoves(stop, said.get("resume"), _list(path, said, "start"), said.get("pause"), said.get("after"))


def _field(path: Path, entry: Any, departments: Departments) -> Field:
    require_keys(path, entry, ["id", "title", "kind"],
                 ["required", "sealed", "tell", "options", "help", "most", "when", "within", "may", "of", "kinds",
                  "megabytes"])
    kind = str(entry["kind"])
    _named(path, entry, "kind", [kind], KINDS, "kind of field")
    options = {str(name): str(title) for name, title in (entry.get("options") or {}).items()}
    if "of" in entry:
        _named(path, entry, "of", [entry["of"]], {"choice": [OUTCOMES], "request": [CONSENT]}.get(kind, []), "list")
    if entry.get("of") == OUTCOMES:
        options = {name: outcome.title for name, outcome in departments.outcomes.items()}
    if (kind == "choice") != bool(options):
        raise ConfigError(path, line_of(entry, "kind"), f"a {kind} with{'' if options else 'out'} options",
                          "a choice, and nothing else, lists options: {id: title}")
    if entry.get("sealed") and (entry.get("tell") or kind != "text"):
        raise ConfigError(path, line_of(entry, "sealed"), "only a text that nobody is told can be sealed",
                          "take `sealed` or `tell` away")
    if "when" in entry:
        _named(path, entry, "when", [entry["when"]], ("past", "future"), "time")
    if "may" in entry:
        _named(path, entry, "may", [entry["may"]], PERMISSIONS, "permission")
    kinds = _list(path, entry, "kinds") or FILE_KINDS
    _named(path, entry, "kinds", kinds, MEDIA_TYPES, "media type")
    return Field(
        str(entry["id"]), str(entry["title"]), kind, entry.get("required") is True, entry.get("sealed") is True,
        entry.get("tell") is True, options, str(entry.get("help", "")), _whole(path, entry, "most", MOST),
        entry.get("when"), _whole(path, entry, "within", 1) if "within" in entry else None, entry.get("may"),
        entry.get("of"), kinds, _whole(path, entry, "megabytes", MEGABYTES),
    )


def _whole(path: Path, entry: Any, key: str, usual: int) -> int:
    value = entry.get(key, usual)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(path, line_of(entry, key), f"{key} is {value!r}", "write a whole number above 0")
    return value


def _reached(lifecycle: Lifecycle, first: Collection[str]) -> set[str]:
    """The states some chain of commands leads to from `first`."""
    found, new = set(first), set(first)
    while new:
        new = {command.after(state) for state in new for command in lifecycle.open_to(state)} - found
        found |= new
    return found


def _check_ways(path: Path, data: Any, lifecycle: Lifecycle) -> None:
    starts = [state.id for state in lifecycle.states.values() if state.start]
    if not starts:
        raise ConfigError(path, line_of(data, "states"), "no ticket can begin", "mark a state with start: true")
    reached = _reached(lifecycle, starts)
    for state in lifecycle.states.values():
        line = line_of(data["states"], state.id)
        if state.id not in reached:
            raise ConfigError(path, line, f"no command leads to {state.id}", "let one, or delete the state")
        if state.open and all(lifecycle.states[name].open for name in _reached(lifecycle, [state.id])):
            raise ConfigError(path, line, f"from {state.id} no way leads to an end though it is open",
                              "let a command leave it, or say open: false")
    kinds: dict[str, str] = {}
    for name, command in lifecycle.commands.items():
        if command.event in kinds or command.event in lifecycle.events:
            raise ConfigError(path, line_of(data["commands"][name], "event"), f"two things write {command.event!r}",
                              "give the event of this command a name of its own")
        kinds[command.event] = name


def _check_names(path: Path, entry: Any, command: Command, known: Known) -> None:
    days = [one.id for one in command.fields if one.kind == "date" and one.required]
    after = [command.clocks.after] if command.clocks.after is not None else []
    _named(path, entry.get("clocks") or {}, "after", after, days, "day this command asks for")
    if known.guards is not None:
        _named(path, entry, "guards", command.guards, known.guards, "guard")
    if known.effects is not None and command.effect is not None:
        _named(path, entry, "effect", [command.effect], known.effects, "effect")
    if known.clockwork is not None:
        _check_clocks(path, entry, command, known.clockwork)
    if known.roles is not None and not any(command.permission in role.may for role in known.roles.values()):
        raise ConfigError(path, line_of(entry, "permission"), f"nobody may {command.permission}",
                          f"give it to a role of config/roles, or delete {command.id}")
    if known.replies is None:
        return
    told = GIVEN | {one.id for one in command.fields if one.tell} | set(command.gives)
    for key, reply, given in (("tells", command.tells, told), ("tells_unit", command.tells_unit, GIVEN)):
        if reply is None:
            continue
        _named(path, entry, key, [reply], known.replies.ids(), "reply")
        lacking = known.replies.get(reply).needs - given
        if lacking:
            raise ConfigError(path, line_of(entry, key), f"{reply} needs {', '.join(sorted(lacking))}",
                              "mark a required field of that id with tell: true, or change the reply")


def _check_opening(path: Path, lifecycle: Lifecycle, clockwork: Clockwork) -> None:
    starts = [state.id for state in lifecycle.states.values() if state.start]
    for clock in clockwork.plan.clocks.values():
        for state in clock.opens:
            if state not in starts:
                raise ConfigError(path.parent.parent / "service_levels" / "clocks.yaml", None,
                                  f"{clock.id} opens in {state!r}, where no ticket begins", nearest(state, starts))
    for state in starts:
        if not any(clockwork.plan.clocks[name].leads for name in clockwork.plan.opening(state)):
            raise ConfigError(path, None, f"a ticket opened as {state} has no clock that leads",
                              "let a clock of clocks.yaml that leads open there")


def _check_clocks(path: Path, entry: Any, command: Command, clockwork: Clockwork) -> None:
    said, plan = entry.get("clocks") or {}, clockwork.plan
    for key, clocks in (("stop", command.clocks.stop), ("start", command.clocks.start)):
        _named(path, said, key, [name for name in clocks if name != ALL], plan.clocks, "clock")
    for key, reason in (("resume", command.clocks.resume), ("pause", command.clocks.pause)):
        _named(path, said, key, [reason] if reason else [], clockwork.rules.reasons, "reason to pause")


def _check_progress(path: Path, data: Any, states: Mapping[str, State], replies: Replies) -> None:
    for state in states:
        for reply in (f"progress_next_{state}", f"progress_next_{state}_discreet"):
            if reply not in replies:
                raise ConfigError(path, line_of(data["states"], state), f"nothing says what comes after {state}",
                                  f"write {reply} in config/replies")
