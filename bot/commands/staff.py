"""user: who may sign in."""

from __future__ import annotations

import click

from bot.commands.records import say, write
from bot.settings import Settings


@click.group()
def user() -> None:
    """Staff: add, list, reset, off."""


def _parts(settings: Settings):  # type: ignore[no-untyped-def]
    from bot.processes.parts import open_parts

    return open_parts(settings, name="user")


@user.command("add")
@click.argument("login")
@click.option("--name", required=True, help="Name shown on pages.")
@click.option("--role", required=True, help="Role of config/roles/roles.yaml.")
@click.option("--unit", help="Official unit name or id; officers and heads need one.")
@click.option("--department", help="Id of config/tickets/departments.yaml; people of another department need one.")
@click.pass_obj
def add(settings: Settings, login: str, name: str, role: str, unit: str | None, department: str | None) -> None:
    """Add a person; the password is drawn and printed once."""
    import sqlalchemy as sa

    from actions.access.commands import create_staff, new_password
    from actions.language.files import nearest
    from actions.storage.tables import Staff
    from actions.tickets.departments import wrong_department

    parts = _parts(settings)
    hired = {name for name, kind in parts.roles.items() if kind.scope != "own"}
    if role not in hired:
        raise click.UsageError(f"unknown role {role!r}: {nearest(role, hired)}")
    units = {u.name: u.id for u in parts.knowledge.gazetteer.units.values() if u.served}
    unit_id = units.get(unit or "", unit if unit in units.values() else None)
    if unit and unit_id is None:
        raise click.UsageError(f"unknown unit {unit!r}: {nearest(unit, units)}")
    if parts.roles[role].scope == "unit" and unit_id is None:
        raise click.UsageError(f"a {role} works for one unit: add --unit")
    if wrong := wrong_department(parts.lifecycle.departments, parts.roles[role], department):
        raise click.UsageError(wrong)
    password = new_password()
    with parts.database.begin() as session:
        if session.execute(sa.select(Staff.id).where(Staff.login == login)).first():
            raise click.UsageError(f"{login} exists: use `youmen user reset {login}`")
        create_staff(session, login=login, name=name, role=role, unit_id=unit_id, password=password, now=parts.now(),
                     department=department)
    write({"login": login, "role": role, "unit": unit_id, "department": department, "password": password})


@user.command("list")
@click.pass_obj
def list_staff(settings: Settings) -> None:
    """List staff."""
    import sqlalchemy as sa

    from actions.storage.tables import Staff

    parts = _parts(settings)
    with parts.database.begin() as session:
        for staff in session.execute(sa.select(Staff).order_by(Staff.id)).scalars():
            write(
                {
                    "login": staff.login,
                    "name": staff.name,
                    "role": staff.role,
                    "unit": staff.unit_id,
                    "department": staff.department,
                    "active": staff.active,
                }
            )


def _find(session, login: str):  # type: ignore[no-untyped-def]
    import sqlalchemy as sa

    from actions.storage.tables import Staff

    staff = session.execute(sa.select(Staff).where(Staff.login == login)).scalar_one_or_none()
    if staff is None:
        raise click.UsageError(f"no staff member {login!r}: see `youmen user list`")
    return staff


@user.command("reset")
@click.argument("login")
@click.pass_obj
def reset(settings: Settings, login: str) -> None:
    """Draw a new password, printed once; sign the person out everywhere."""
    from actions.access.commands import new_password, reset_password

    parts = _parts(settings)
    password = new_password()
    with parts.database.begin() as session:
        staff = _find(session, login)
        reset_password(session, staff.id, password, parts.now())
    write({"login": login, "password": password})


@user.command("off")
@click.argument("login")
@click.pass_obj
def off(settings: Settings, login: str) -> None:
    """Switch a person off: no sign-in, no open session; open tickets go back to the unit; what they did stays."""
    from actions.access.commands import switch_off
    from actions.tickets.commands import hand_back
    from actions.tickets.commands.upkeep import SOON, set_upkeep

    parts = _parts(settings)
    with parts.database.begin() as session:
        staff = _find(session, login)
        handed = hand_back(session, parts.work, staff.id, parts.now())
        switch_off(session, staff, parts.now())
        set_upkeep(session, parts.now() + SOON)  # what this person was at in this very moment
    for number in handed:
        write({"number": number, "event": "handed_back"})
    parts.wake.hint("tickets")
    say(f"{login} can no longer sign in; {len(handed)} open tickets went back to the unit")
