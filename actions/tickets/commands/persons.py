"""The only writer of a ticket's people: encrypted, with keyed hashes by which other tickets of them are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from actions.language.mask import find_phones, is_identity_number, tidy_identity
from actions.privacy.keys import Keys
from actions.storage.tables import TicketPerson
from actions.tickets.commands.doing import Doing, NothingToDo, effect, guard, standing
from actions.tickets.forms import FieldsWrong

APPLICANT = "applicant"
ROLES = (APPLICANT, "member", "supporter", "proxy")
SAME = (APPLICANT, "member")  # who is meant by "the same people": not who pays for them or brings their papers


@dataclass(frozen=True)
class PersonGiven:
    """One person as entered, in plain words; `phone` and `identity` are checked before."""

    role: str
    name: str | None = None
    relation: str | None = None
    phone: str | None = None
    identity: str | None = None
    minor: bool = False


def is_own_phone(answers: Mapping[str, Any]) -> bool:
    """Whether the number is that of the person to be helped: who asks for somebody else leaves their own."""
    return (answers.get("for_whom") or {}).get("value") != "other"


def phone_hash(keys: Keys, phone: str | None) -> bytes | None:
    """What two tickets of one phone share."""
    return keys.fingerprint("person_phone", phone) if phone else None


def identity_hash(keys: Keys, identity: str | None) -> bytes | None:
    """What two tickets of one identity number share."""
    return keys.fingerprint("person_identity", identity.upper()) if identity else None


def add_people(
    session: Session, keys: Keys, ticket_id: int, people: Iterable[PersonGiven], actor: str, now: datetime
) -> list[int]:
    """Writes the people of a ticket; gives their row ids."""
    rows = [
        TicketPerson(
            ticket_id=ticket_id,
            role=person.role,
            name=keys.seal_or_none(person.name),
            relation=keys.seal_or_none(person.relation),
            phone=keys.seal_or_none(person.phone),
            phone_hash=phone_hash(keys, person.phone),
            identity=keys.seal_or_none(person.identity),
            identity_hash=identity_hash(keys, person.identity),
            minor=person.minor,
            created_at=now,
            created_by=actor,
        )
        for person in people
    ]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def keep_applicant_phone(
    session: Session, keys: Keys, ticket_id: int, phone: str | None, actor: str, now: datetime
) -> None:
    """The applicant can be reached here from now on; the row is made where there is none yet."""
    if phone is None:
        return
    row = applicant_of(session, ticket_id)
    if row is None:
        add_people(session, keys, ticket_id, [PersonGiven(APPLICANT, phone=phone)], actor, now)
    else:
        row.phone, row.phone_hash = keys.seal(phone), phone_hash(keys, phone)


def applicant_of(session: Session, ticket_id: int) -> TicketPerson | None:
    """Who the ticket is for, as far as anybody said."""
    query = sa.select(TicketPerson).where(
        TicketPerson.ticket_id == ticket_id, TicketPerson.role == APPLICANT, TicketPerson.removed_at.is_(None))
    found: TicketPerson | None = session.execute(query).scalar_one_or_none()
    return found


def people_of(session: Session, ticket_id: int) -> list[TicketPerson]:
    """The people of a ticket already obtained through access, applicant first."""
    query = sa.select(TicketPerson).where(
        TicketPerson.ticket_id == ticket_id, TicketPerson.removed_at.is_(None)
    ).order_by((TicketPerson.role == APPLICANT).desc(), TicketPerson.id)
    return list(session.execute(query).scalars())


PERSONAL = ("name", "relation", "phone", "identity")


def _given(doing: Doing) -> PersonGiven:
    """The person in the form. Raises FieldsWrong for a phone or identity number that cannot be."""
    values, problems = doing.values, {}
    phones = find_phones(values.get("phone", ""))
    identity = tidy_identity(values.get("identity", "")) or None
    if values.get("phone") and len(phones) != 1:
        problems["phone"] = ("phone_wrong", {})
    if identity is not None and not is_identity_number(identity):
        problems["identity"] = ("identity_wrong", {})
    if problems:
        raise FieldsWrong(problems)
    return PersonGiven(values["role"].value, values.get("name"), values.get("relation"),
                       phones[0].number if phones else None, identity, values.get("minor", False))


@guard
def person_readable(doing: Doing) -> None:
    """Phone and identity number are what they should be."""
    _given(doing)


@effect
def add_person(doing: Doing) -> None:
    """Writes the person; there is one applicant, whose blanks are filled in. The history keeps no name or number."""
    given, keys = _given(doing), doing.work.keys
    applicant = applicant_of(doing.session, doing.ticket.id) if given.role == APPLICANT else None
    if applicant is None:
        add_people(doing.session, keys, doing.ticket.id, [given], doing.viewer.actor, doing.now)
    else:
        for name, value in (("name", given.name), ("relation", given.relation), ("phone", given.phone),
                            ("identity", given.identity)):
            if value is not None:
                setattr(applicant, name, keys.seal(value))
        applicant.phone_hash = phone_hash(keys, given.phone) or applicant.phone_hash
        applicant.identity_hash = identity_hash(keys, given.identity) or applicant.identity_hash
        applicant.minor = given.minor if "minor" in doing.values else applicant.minor
    if given.role == APPLICANT:
        doing.ticket.phone = keys.seal_or_none(given.phone) or doing.ticket.phone
        doing.ticket.minor = doing.ticket.minor or given.minor
    for name in PERSONAL:
        doing.data["fields"].pop(name, None)


def _chosen(doing: Doing) -> TicketPerson:
    typed, people = str(doing.values["person"]), people_of(doing.session, doing.ticket.id)
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed[:4]) <= len(people)):
        raise FieldsWrong({"person": ("person_unknown", {"count": len(people)})})
    return people[int(typed[:4]) - 1]


@standing
def somebody_listed(doing: Doing) -> None:
    """There is somebody who could be taken off the list."""
    if not people_of(doing.session, doing.ticket.id):
        raise NothingToDo("nobody_listed")


@guard
def person_listed(doing: Doing) -> None:
    """The list has such a person."""
    _chosen(doing)


@effect
def remove_person(doing: Doing) -> None:
    """Entered by mistake: not shown and not matched any more. The row stays."""
    row = _chosen(doing)
    row.removed_at = doing.now
    doing.data["role"] = row.role
