"""Reads what a form or another system sent: every field checked, every mistake named. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actions.intake.book import EVENT_KIND, IntakeBook
from actions.language.files import nearest
from actions.language.mask import find_phones, is_identity_number, mask_identity
from actions.screening.model import RuleSet
from actions.screening.values import ScreenInputError, settle
from actions.tickets.commands.persons import APPLICANT, ROLES, PersonGiven

FIELDS = frozenset(
    "source external_id cause event_place household_place unit name phone identity minor discreet told reference "
    "reporter facts persons".split())
PERSON_FIELDS = frozenset("role name relation phone identity minor".split())
REPORTER_FIELDS = frozenset("name phone".split())
PEOPLE = 20


@dataclass(frozen=True)
class Problem:
    """One field that cannot be taken. `what`: missing, unknown, kind, too_long, phone, identity, fact or here."""

    field: str
    what: str
    mend: str


class IntakeWrong(Exception):
    """Nothing was taken in; `problems` names every field."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(", ".join(f"{problem.field}: {problem.what}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Told:
    """A checked request for help, whoever brings it. Everything personal is plain here and encrypted in the rows."""

    source: str
    external_id: str
    cause: str
    event_place: str | None = None
    household_place: str | None = None
    unit: str | None = None
    discreet: bool = False
    told: str | None = None
    reference: str | None = None
    reporter_name: str | None = None
    reporter_phone: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    persons: tuple[PersonGiven, ...] = ()

    @property
    def applicant(self) -> PersonGiven | None:
        """Who is to be helped."""
        return next((person for person in self.persons if person.role == APPLICANT), None)


class _Reader:
    """Takes fields out of what was sent, and collects the problems."""

    def __init__(self, book: IntakeBook) -> None:
        self.book = book
        self.problems: list[Problem] = []

    def problem(self, name: str, what: str, mend: str) -> None:
        self.problems.append(Problem(name, what, mend))

    def text(self, data: Mapping[str, Any], key: str, length: str, prefix: str = "") -> str | None:
        """The field as text without spaces around; None for nothing."""
        value, name = data.get(key), prefix + key
        if value is None:
            return None
        if not isinstance(value, str):
            self.problem(name, "kind", "write text")
            return None
        most = self.book.longest[length]
        if len(value.strip()) > most:
            self.problem(name, "too_long", f"write at most {most} characters")
        return value.strip() or None

    def flag(self, data: Mapping[str, Any], key: str, prefix: str = "") -> bool:
        """The field as yes or no; nothing is no."""
        value = data.get(key)
        if value is not None and not isinstance(value, bool):
            self.problem(prefix + key, "kind", "write true or false")
        return value is True

    def phone(self, data: Mapping[str, Any], prefix: str = "") -> str | None:
        """One phone number, its digits."""
        typed = self.text(data, "phone", "short", prefix)
        if typed is None:
            return None
        found = find_phones(typed)
        if len(found) != 1:
            self.problem(f"{prefix}phone", "phone", "write one mobile number, or a landline with its area code")
            return None
        return found[0].number

    def identity(self, data: Mapping[str, Any], prefix: str = "") -> str | None:
        """An identity number whose check character fits."""
        typed = self.text(data, "identity", "short", prefix)
        if typed is None:
            return None
        plain = "".join(typed.split()).upper()
        if not is_identity_number(plain):
            self.problem(f"{prefix}identity", "identity", "the check character does not fit: read it again")
            return None
        return plain

    def known(self, data: Mapping[str, Any], allowed: frozenset[str], prefix: str = "") -> None:
        for key in data:
            if key not in allowed:
                self.problem(f"{prefix}{key}", "unknown", nearest(str(key), allowed))

    def person(self, data: Any, number: int) -> PersonGiven | None:
        prefix = f"persons[{number}]."
        if not isinstance(data, Mapping):
            self.problem(prefix[:-1], "kind", "write an object")
            return None
        self.known(data, PERSON_FIELDS, prefix)
        role = data.get("role", "member")
        if role not in ROLES or role == APPLICANT:
            self.problem(f"{prefix}role", "unknown", "known are: " + ", ".join(ROLES[1:]))
            return None
        return PersonGiven(role, self.text(data, "name", "short", prefix), self.text(data, "relation", "short", prefix),
                           self.phone(data, prefix), self.identity(data, prefix), self.flag(data, "minor", prefix))


def check(data: Mapping[str, Any], door: str, book: IntakeBook, ruleset: RuleSet) -> Told:
    """The request, checked. Raises IntakeWrong with every problem.

    Only source, id and cause must be there: nobody is sent away for what is not known yet (社会救助法 70(1)).
    """
    read = _Reader(book)
    read.known(data, FIELDS)
    source = book.sources.get(str(data.get("source") or ""))
    if source is None or source.door != door:
        read.problem("source", "unknown", "known here are: " + ", ".join(one.id for one in book.at_door(door)))
    external = read.text(data, "external_id", "external_id")
    if external is None:
        read.problem("external_id", "missing", "send your own id of this request: sent again, it is one ticket")
    cause = book.causes.get(str(data.get("cause") or ""))
    if cause is None:
        read.problem("cause", "unknown", nearest(str(data.get("cause") or ""), book.causes))
    persons = _persons(read, data)
    told = Told(
        source=source.id if source else "", external_id=external or "", cause=cause.id if cause else "",
        event_place=read.text(data, "event_place", "place"),
        household_place=read.text(data, "household_place", "place"),
        unit=read.text(data, "unit", "short"), discreet=read.flag(data, "discreet"),
        told=_without_numbers(read.text(data, "told", "told")), reference=read.text(data, "reference", "reference"),
        answers=_answers(read, data, ruleset, cause.event_kind if cause else None), persons=persons,
        **_reporter(read, data, source.reporter if source else "shown"))
    if read.problems:
        raise IntakeWrong(read.problems)
    return told


def _without_numbers(text: str | None) -> str | None:
    """Identity numbers and cards have their own field; in a letter nobody needs them (notes policy 4, P5)."""
    return None if text is None else mask_identity(text).text


def _reporter(read: _Reader, data: Mapping[str, Any], allowed: str) -> dict[str, str | None]:
    given = data.get("reporter")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        read.problem("reporter", "kind", "write an object")
        return {}
    read.known(given, REPORTER_FIELDS, "reporter.")
    name, phone = read.text(given, "name", "short", "reporter."), read.phone(given, "reporter.")
    if allowed == "none" and (name or phone):
        read.problem("reporter", "here", "this source has no reporter: write the person concerned, or another source")
        return {}
    return {"reporter_name": name, "reporter_phone": phone}


def _persons(read: _Reader, data: Mapping[str, Any]) -> tuple[PersonGiven, ...]:
    applicant = PersonGiven(APPLICANT, read.text(data, "name", "short"), None, read.phone(data), read.identity(data),
                            read.flag(data, "minor"))
    given = data.get("persons") or []
    if not isinstance(given, list) or len(given) > PEOPLE:
        read.problem("persons", "kind", f"write a list of at most {PEOPLE} objects")
        given = []
    others = [person for number, one in enumerate(given) if (person := read.person(one, number)) is not None]
    said = applicant.name or applicant.phone or applicant.identity or applicant.minor
    return tuple([applicant] * bool(said) + others)


def _answers(read: _Reader, data: Mapping[str, Any], ruleset: RuleSet, kind: str | None) -> dict[str, Any]:
    given = data.get("facts") or {}
    if not isinstance(given, Mapping):
        read.problem("facts", "kind", "write an object: fact and value")
        return {}
    answers = {}
    for name, value in {**given, **({EVENT_KIND: kind} if kind else {})}.items():
        try:
            shown = settle(ruleset, {name: value}).shown
        except ScreenInputError as wrong:
            read.problem(f"facts.{name}", "fact", wrong.mend)
            continue
        if name in shown:
            answers[str(name)] = {"value": json.loads(json.dumps(shown[name], default=str)), "how": "entered",
                                  "confidence": 1.0}
    return answers
