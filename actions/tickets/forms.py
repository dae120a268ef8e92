"""The form of a command: what was typed, checked field by field, and how it is kept and read again. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from actions.language.normalise import readable
from actions.privacy.media import ending_of, media_type
from actions.tickets.numbers import tidy_number
from actions.tickets.rules import Command, Field

AMOUNT = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
MEGABYTE = 1_000_000
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
YES, NO = "yes", "no"
LISTED = ("unit", "staff", "department", "request", "consent")  # kinds whose options stand in Lists
UNKNOWN = {"unit": "unit_unknown", "staff": "field_not_staff"}  # kind → what is said of one that is not offered


class FieldsWrong(Exception):
    """The form cannot be taken as it is. `problems`: field id → (id of a text in reasons.yaml, its parameters)."""

    def __init__(self, problems: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
        super().__init__(", ".join(f"{name}: {problem[0]}" for name, problem in problems.items()))
        self.problems = dict(problems)


class _Wrong(Exception):
    def __init__(self, problem: str, **more: Any) -> None:
        super().__init__(problem)
        self.problem, self.more = problem, more


@dataclass(frozen=True)
class Chosen:
    """Somebody or something picked from a list: what code goes by, and the name people read."""

    value: Any
    shown: str


@dataclass(frozen=True)
class Lists:
    """What can be picked today: `offers` answers a field with id → what it stands for."""

    today: date
    offers: Callable[[Field], Mapping[str, Chosen]]


@dataclass(frozen=True)
class File:
    """A file put beside a form: its media type and what is in it."""

    kind: str
    content: bytes


def check_form(
    command: Command, form: Mapping[str, str], lists: Lists, files: Mapping[str, bytes] | None = None
) -> dict[str, Any]:
    """Field id → checked value; a field left empty is absent. Raises FieldsWrong naming every wrong field at once."""
    values: dict[str, Any] = {}
    problems: dict[str, tuple[str, dict[str, Any]]] = {}
    for field in command.fields:
        typed = str(form.get(field.id, ""))
        content = (files or {}).get(field.id, b"")
        if not (content if field.kind == "file" else readable(typed)):
            if field.required:
                problems[field.id] = ("field_missing", {"title": field.title})
            continue
        try:
            values[field.id] = (
                _file(field, content) if field.kind == "file" else READ[field.kind](field, typed.strip(), lists))
        except _Wrong as wrong:
            problems[field.id] = (wrong.problem, {"title": field.title, **wrong.more})
    if problems:
        raise FieldsWrong(problems)
    return values


def _text(field: Field, typed: str, lists: Lists) -> str:
    if len(typed) > field.most:
        raise _Wrong("field_too_long", most=field.most)
    return typed


def _ticket(field: Field, typed: str, lists: Lists) -> str:
    """The number of another ticket; a guard looks whether there is one."""
    number = tidy_number(typed)
    if number is None:
        raise _Wrong("ticket_unreadable")
    return number


def _amount(field: Field, typed: str, lists: Lists) -> Decimal:
    """Yuan."""
    plain = typed.replace(",", "")
    try:
        amount = Decimal(plain) if AMOUNT.fullmatch(plain) else Decimal(0)
    except InvalidOperation:
        amount = Decimal(0)
    if amount <= 0:
        raise _Wrong("field_not_amount")
    return amount


def _choice(field: Field, typed: str, lists: Lists) -> Chosen:
    if typed not in field.options:
        raise _Wrong("field_not_chosen")
    return Chosen(typed, field.options[typed])


def _listed(field: Field, typed: str, lists: Lists) -> Chosen:
    found = lists.offers(field).get(typed)
    if found is None:
        raise _Wrong(UNKNOWN.get(field.kind, "field_not_chosen"))
    return found


def _date(field: Field, typed: str, lists: Lists) -> date:
    try:
        day = date.fromisoformat(typed) if DAY.fullmatch(typed) else None
    except ValueError:
        day = None
    if day is None:
        raise _Wrong("field_not_date")
    if field.when == "past" and day > lists.today:
        raise _Wrong("field_not_past")
    if field.when == "future" and day < lists.today:
        raise _Wrong("field_not_future")
    if field.within is not None and day > (latest := lists.today + timedelta(days=field.within)):
        raise _Wrong("field_too_far", latest=latest.isoformat())
    return day


def _yes_no(field: Field, typed: str, lists: Lists) -> bool:
    if typed not in (YES, NO):
        raise _Wrong("field_not_chosen")
    return typed == YES


def _file(field: Field, content: bytes) -> File:
    if len(content) > field.megabytes * MEGABYTE:
        raise _Wrong("field_file_large", most=field.megabytes)
    kind, _ = media_type(content)
    if kind not in field.kinds:
        raise _Wrong("field_file_kind", kinds="/".join(ending_of(one).upper() for one in field.kinds))
    return File(kind, content)


READ: Mapping[str, Callable[[Field, str, Lists], Any]] = {
    "text": _text, "amount": _amount, "choice": _choice, "date": _date, "yes_no": _yes_no, "ticket": _ticket,
    **{kind: _listed for kind in LISTED},
}


def plain_value(value: Any) -> str | bool | int:
    """A checked value as it stands in the JSON of an event; of a file its kind, its content has a row of its own."""
    if isinstance(value, File):
        return value.kind
    if isinstance(value, Chosen):
        return plain_value(getattr(value.value, "unit_id", getattr(value.value, "id", value.value)))
    return value if isinstance(value, (bool, int)) else str(value)


def shown_value(value: Any) -> str | None:
    """How a picked value reads, where that is not the value itself."""
    return value.shown if isinstance(value, Chosen) else None


def kept_fields(command: Command, values: Mapping[str, Any], seal: Callable[[str], str]) -> dict[str, dict[str, Any]]:
    """What the event keeps of a form: id → {title, kind, value or sealed, shown}; it outlives a change of the table."""
    kept = {}
    for field in command.fields:
        if field.id not in values:
            continue
        value = values[field.id]
        body: dict[str, Any] = {"sealed": seal(str(value))} if field.sealed else {"value": plain_value(value)}
        if (shown := shown_value(value)) is not None:
            body["shown"] = shown
        kept[field.id] = {"title": field.title, "kind": field.kind, **body}
    return kept
