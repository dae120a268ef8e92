"""Who else can help: departments, what each may be asked and shown, and why: config/tickets/departments.yaml. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from actions.access.rules import DEPARTMENT, Role
from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys

# what can be shown at all; whoever adds one says in handover/queries.py where it is read
FIELDS = ("name", "phone", "identity", "event_place", "household_place", "cause")
ENDS = ("sent", "accepted", "returned", "called_back")
APART = "."  # between department and request where a form names both


@dataclass(frozen=True)
class Basis:
    """Why somebody may be told about a person; `consent`: the person is asked first (个人信息保护法 23)."""

    id: str
    title: str
    cite: str
    consent: bool


@dataclass(frozen=True)
class Wish:
    """One thing a department can be asked, or one outcome: what staff pick and what the resident reads."""

    id: str
    title: str
    says: str


@dataclass(frozen=True)
class Department:
    """One department or organisation. `fields`: the least it needs; `duty`: a source of config/screening."""

    id: str
    title: str
    name: str
    basis: Basis
    fields: tuple[str, ...]
    requests: Mapping[str, Wish]
    takes_over: bool
    accounts: bool
    check: bool = False
    duty: str | None = None
    districts: frozenset[str] = frozenset()
    until: date | None = None
    note: str = ""

    def serves(self, day: date, district: str | None = None) -> bool:
        """Whether it takes something on this day, for a ticket of this district (None: wherever)."""
        if self.until is not None and day > self.until:
            return False
        return not self.districts or district is None or district in self.districts


@dataclass(frozen=True)
class Asked:
    """A department and one thing it is asked."""

    department: Department
    request: Wish

    @property
    def id(self) -> str:
        """How a form names it."""
        return f"{self.department.id}{APART}{self.request.id}"

    @property
    def title(self) -> str:
        """How staff read it."""
        return f"{self.department.title}：{self.request.title}"


@dataclass(frozen=True)
class Departments:
    """All of them, with the words for what became of a request. `reply`: the rule an answer is due by."""

    by_id: Mapping[str, Department]
    fields: Mapping[str, str]
    outcomes: Mapping[str, Wish]
    ends: Mapping[str, str]
    reply: str
    tell_after: timedelta

    def serving(self, day: date, district: str | None) -> Iterator[Department]:
        """Those that take something on."""
        return (one for one in self.by_id.values() if one.serves(day, district))

    def requests(self, day: date, district: str | None, consent: bool = False) -> Iterator[Asked]:
        """What can be asked of whom; with `consent` only where the person is asked first."""
        for one in self.serving(day, district):
            if one.basis.consent or not consent:
                yield from (Asked(one, wish) for wish in one.requests.values())

    def spelt(self, one: Asked) -> str:
        """A department, what it is asked and what it is shown, as a form offers it: who picks it sees all three."""
        return f"{one.title}（{'、'.join(self.fields[name] for name in one.department.fields)}）"

    def titled(self, department: str) -> str:
        """What staff read; the id of one that has gone from the list."""
        found = self.by_id.get(department)
        return found.title if found is not None else department

    def asked(self, department: str, request: str) -> str:
        """What staff read of a department and a request, also where one of them has gone."""
        found = self.by_id.get(department)
        wish = found.requests.get(request) if found is not None else None
        return f"{self.titled(department)}：{wish.title if wish is not None else request}"


NO_DEPARTMENTS = Departments({}, {}, {}, {}, "", timedelta(0))


def load_departments(path: Path) -> Departments:
    """Reads departments.yaml. Raises ConfigError for wrong keys and names nobody knows."""
    data = load_yaml(path)
    require_keys(path, data, ["bases", "fields", "departments", "outcomes", "ends", "reply", "tell_after_minutes"])
    bases = {str(name): _basis(path, str(name), entry) for name, entry in data["bases"].items()}
    fields = {str(name): str(title) for name, title in data["fields"].items()}
    _known(path, data, "fields", fields, FIELDS, "field")
    departments = {str(name): _department(path, str(name), entry, bases, fields)
                   for name, entry in data["departments"].items()}
    ends = {str(name): str(says) for name, says in data["ends"].items()}
    if set(ends) != set(ENDS):
        raise ConfigError(path, line_of(data, "ends"), "the ends are not these: " + ", ".join(ENDS),
                          "write one sentence for each of them")
    minutes = data["tell_after_minutes"]
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 0 <= minutes <= 1440:
        raise ConfigError(path, line_of(data, "tell_after_minutes"), f"tell_after_minutes is {minutes!r}",
                          "write whole minutes, at most a day")
    return Departments(departments, fields, _wishes(path, data, "outcomes"), ends, str(data["reply"]),
                       timedelta(minutes=minutes))


def _known(path: Path, entry: Any, key: str, names: Collection[str], known: Collection[str], what: str) -> None:
    for name in names:
        if str(name) not in known:
            raise ConfigError(path, line_of(entry, key), f"unknown {what} {str(name)!r}", nearest(str(name), known))


def _basis(path: Path, name: str, entry: Any) -> Basis:
    require_keys(path, entry, ["title", "cite", "consent"])
    return Basis(name, str(entry["title"]), str(entry["cite"]), _yes(path, entry, "consent"))


def _yes(path: Path, entry: Any, key: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(path, line_of(entry, key), f"{key} is {value!r}", "write true or false")
    return value


def _wishes(path: Path, entry: Any, key: str) -> dict[str, Wish]:
    found = {}
    for name, one in entry[key].items():
        require_keys(path, one, ["title", "says"])
        if APART in str(name):
            raise ConfigError(path, line_of(entry[key], name), f"{name} has a {APART} in it", f"leave the {APART} out")
        found[str(name)] = Wish(str(name), str(one["title"]), str(one["says"]))
    return found


def _department(path: Path, name: str, entry: Any, bases: Mapping[str, Basis], fields: Collection[str]) -> Department:
    require_keys(path, entry, ["title", "name", "basis", "fields", "requests", "takes_over", "accounts"],
                 ["duty", "check", "districts", "until", "note"])
    _known(path, entry, "basis", [entry["basis"]], bases, "basis")
    _known(path, entry, "fields", entry["fields"], fields, "field")
    basis = bases[str(entry["basis"])]
    until = entry.get("until")
    try:
        day = None if until is None else date.fromisoformat(str(until))
    except ValueError:
        raise ConfigError(path, line_of(entry, "until"), f"{until!r} is no day", "write it like 2026-12-31") from None
    if APART in name:
        raise ConfigError(path, line_of(entry), f"{name} has a {APART} in it", f"write the id without {APART}")
    return Department(
        name, str(entry["title"]), str(entry["name"]), basis, tuple(str(one) for one in entry["fields"]),
        _wishes(path, entry, "requests"), _yes(path, entry, "takes_over"), _yes(path, entry, "accounts"),
        _yes(path, entry, "check"), None if entry.get("duty") is None else str(entry["duty"]),
        frozenset(str(one) for one in entry.get("districts", [])), day, str(entry.get("note", "")))


def check_names(path: Path, departments: Departments, sources: Collection[str], rules: Collection[str]) -> None:
    """Every article and the clock of an answer are known. Raises ConfigError."""
    for one in departments.by_id.values():
        if one.duty is not None and one.duty not in sources:
            raise ConfigError(path, None, f"{one.id}: unknown source {one.duty!r}", nearest(one.duty, sources))
    if departments.reply not in rules:
        raise ConfigError(path, None, f"unknown rule {departments.reply!r}", nearest(departments.reply, rules))


def wrong_department(departments: Departments, role: Role, department: str | None) -> str | None:
    """Why somebody of this role cannot be hired for this department, and how to mend it; None where they can."""
    if role.scope != DEPARTMENT:
        return None if department is None else f"a {role.id} belongs to no department: leave it out"
    with_accounts = [one.id for one in departments.by_id.values() if one.accounts]
    if department is None:
        return f"a {role.id} belongs to one department: name it; {nearest('', with_accounts)}"
    if department not in departments.by_id:
        return f"unknown department {department!r}: {nearest(department, with_accounts)}"
    if department not in with_accounts:
        return (f"{department} is a kind of organisation of which there are many, its people cannot sign in: give the "
                "one you mean an entry of its own in departments.yaml, with accounts: true")
    return None
