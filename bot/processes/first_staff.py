"""The first people who can sign in: made once from config/roles, with passwords drawn and shown at that moment only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from actions.access.commands import create_staff, new_password
from actions.access.rules import load_roles
from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.places.gazetteer import Gazetteer, load_gazetteer
from actions.storage.engine import Database
from actions.storage.tables import Staff
from actions.tickets.departments import load_departments, wrong_department
from bot.settings import Settings


@dataclass(frozen=True)
class FirstLogin:
    """A login with its password in the clear, for the terminal of whoever starts the hotline."""

    login: str
    password: str
    title: str


def unit_id_of(gazetteer: Gazetteer) -> Callable[[str], str | None]:
    """A function from an official unit name of the served area to its id."""
    names = {gazetteer.units[unit_id].name: unit_id for unit_id in gazetteer.served}
    return names.get


def make_first_staff(database: Database, settings: Settings, now: datetime) -> list[FirstLogin]:
    """Makes the first staff if there is none at all; returns their logins, else an empty list. Raises ConfigError."""
    with database.begin() as session:
        # two supervisors starting at once on one database: the second one finds staff and makes none
        session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('first_staff'))"))
        if session.execute(sa.select(Staff.id).limit(1)).first():
            return []
        path = settings.config / "roles" / "first_staff.yaml"
        roles = load_roles(settings.config / "roles" / "roles.yaml")
        hired = {name for name, role in roles.items() if role.scope != "own"}
        departments = load_departments(settings.config / "tickets" / "departments.yaml")
        find_unit = unit_id_of(load_gazetteer(settings.config / "places"))
        logins = []
        for entry in load_yaml(path):
            require_keys(path, entry, ["login", "name", "role"], ["unit_name", "department"])
            if entry["role"] not in hired:
                raise ConfigError(
                    path, line_of(entry, "role"), f"unknown role {entry['role']!r}", nearest(entry["role"], hired)
                )
            unit_id = find_unit(entry["unit_name"]) if "unit_name" in entry else None
            if "unit_name" in entry and unit_id is None:
                raise ConfigError(
                    path,
                    line_of(entry, "unit_name"),
                    f"{entry['unit_name']} is no unit of the area",
                    "write the official name of config/places",
                )
            wrong = wrong_department(departments, roles[entry["role"]], entry.get("department"))
            if wrong is not None:
                raise ConfigError(path, line_of(entry), wrong, "write the id of config/tickets/departments.yaml")
            password = new_password()
            create_staff(
                session,
                login=entry["login"],
                name=entry["name"],
                role=entry["role"],
                unit_id=unit_id,
                department=entry.get("department"),
                password=password,
                now=now,
            )
            logins.append(FirstLogin(entry["login"], password, f"{roles[entry['role']].title} {entry['name']}"))
        return logins
