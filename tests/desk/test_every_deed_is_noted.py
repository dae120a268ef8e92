"""Whatever is posted at the desk leaves a row of its doer in the audit log; so does every file that is handed out."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute

from actions.storage.tables import Audit, Conversation, PlaceAlias, Staff, Ticket
from tests.cast import LONGXI, PASSWORD, Stage, hidden
from tests.desk.test_doors import ASKED, AUTHORISATIONS, SUPPLEMENTED, a_photo, begin, colleague, to_phone
from tests.desk.test_places import settle
from tests.intake_help import a_form

# route → why nothing is written
NOT_NOTED = {
    "/desk/beat": "the page says every half minute that it is open; nobody reads or changes anything by it",
}


class Deed(NamedTuple):
    """Who posts what; `first` is what must be done before, and is not counted."""

    login: str
    form: dict[str, Any] | Callable[[Stage, World], dict[str, Any]]
    first: Callable[[Stage, World], Any] | None = None
    signs_in: bool = False


class World(NamedTuple):
    conversation: int
    number: str
    call: int
    photo: int


def post(login: str, path: str, **form: str) -> Callable[[Stage, World], Any]:
    """Somebody does something before."""

    def do(stage: Stage, world: World) -> None:
        answer = stage.sign_in(login).do(path.format(**world._asdict()), **form)
        assert answer.status_code == 303, (path, answer.status_code)

    return do


def a_child(stage: Stage, world: World) -> None:
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Ticket).values(minor=True, conversation_id=world.conversation))


def unanswered(stage: Stage, world: World) -> None:
    with stage.parts.database.begin() as session:
        session.execute(sa.text("UPDATE authorisation_member SET answer = 'waiting', channel = NULL, answered_at = NULL"))


def somebody_else(stage: Stage, world: World) -> dict[str, str]:
    stage.sign_in("wu").do("/desk/beat")
    return {"to": str(colleague(stage, "zhou")), "why": "您接"}


def he_to_zhang(stage: Stage, world: World) -> dict[str, str]:
    with stage.parts.database.begin() as session:
        ids = dict(session.execute(sa.select(Staff.login, Staff.id)).all())
    return {"from": str(ids["he"]), "to": str(ids["zhang"]), "permission": "approve_ticket", "from_day": "2026-11-20",
            "to_day": "2026-11-21", "reason": "开会"}


def a_join(stage: Stage, world: World) -> dict[str, str]:
    """The join that stands is another ticket's contact: a new conversation."""
    stage.browser().write("我是王婶")
    with stage.parts.database.begin() as session:
        return {"conversation": str(session.execute(sa.select(sa.func.max(Conversation.id))).scalar_one()), "reason": "核对过"}


TALK, MEMBER = "/desk/conversations/{conversation}", AUTHORISATIONS + "/members/{member}"
TAKEN = post("zhou", TALK + "/take_over")
DEEDS: dict[str, Deed] = {
    "/desk/login": Deed("zhou", {}, signs_in=True),
    "/desk/logout": Deed("zhou", {}),
    "/desk/password": Deed("zhou", {"old": PASSWORD, "new": "neues-wort-7", "again": "neues-wort-7"}),
    TALK + "/take_over": Deed("zhou", {}),
    TALK + "/say": Deed("zhou", {"text": "您好"}, TAKEN),
    TALK + "/release": Deed("zhou", {}, TAKEN),
    TALK + "/close": Deed("zhou", {}, TAKEN),
    TALK + "/transfer": Deed("zhou", somebody_else, TAKEN),
    TALK + "/call_back": Deed("zhou", {"phone": "13800138000"}),
    TALK + "/call_back/{call}": Deed("zhou", {"outcome": "no_answer"}),
    TALK + "/show": Deed("chen", {"reason": "check"}, a_child),
    # any command: tests/tickets/test_allowed.py counts the rows of each
    "/desk/ticket/{number}/do/{command}": Deed("zhang", {"version": "1"}),
    AUTHORISATIONS: Deed("zhang", {"kind": "household", "scope_income": "yes", "name_1": "王婶"}),
    MEMBER: Deed("zhang", {"answer": "declined"}, unanswered),
    MEMBER + "/result": Deed("zhang", {"outcome": "agrees", "reason": "审核", "found": "一致"}),
    AUTHORISATIONS + "/results/{result}/clear": Deed("zhang", {"words": "看过存折"}),
    "/desk/powers/delegations": Deed("he", he_to_zhang),
    "/desk/powers/delegations/{delegation}/end": Deed("he", {}),
    "/desk/powers/ties": Deed("zhang", {"relation": "sibling", "phone": "13900139000"}),
    "/desk/powers/ties/{tie}/withdraw": Deed("chen", {}),
    "/desk/tickets/{number}/rule": Deed("district", {"name": "幸福新路", "number_from": "", "number_to": "", "parity": ""}),
    "/desk/places/aliases/{alias}": Deed("district", {"verdict": "reject"}),
    "/desk/places/rulings/{ruling}/withdraw": Deed("district", {}),
    "/desk/intake": Deed("zhou", lambda stage, world: {**a_form(), "external_id": "form-1"}),
    "/desk/surges": Deed("chen", {"cause": "epidemic", "until": "2026-12-01", "reason": "封控"}),
    "/desk/surges/{surge}/end": Deed("chen", {}),
    "/desk/tickets/{number}/show": Deed("zhang", {"what": "phone", "reason": "contact"}),
    "/desk/tickets/{number}/contacts": Deed("zhou", a_join),
    "/desk/tickets/{number}/contacts/{join}/end": Deed("zhou", {}),
    "/desk/tickets/find": Deed("zhou", {"sought": "13800138000"}),
    "/desk/subticket/{subticket}/do/{command}": Deed("fang", {"version": "1"}),
    "/desk/subtickets/{subticket}/show": Deed("fang", {"reason": "check"}, a_child),
    "/desk/audit/verify": Deed("auditor", {}),
    "/desk/audit/export": Deed("auditor", {}),
}


def begun(stage: Stage) -> World:
    conversation, number = begin(stage)
    with stage.parts.database.begin() as session:
        session.execute(sa.text("SELECT setval('check_result_id_seq', 1)"))
    return World(conversation, number, to_phone(stage, conversation), a_photo(stage, conversation))


def noted(stage: Stage, login: str) -> list[str]:
    """What this person did, by the log; looking at pages is not doing."""
    with stage.parts.database.begin() as session:
        who = session.execute(sa.select(Staff.id).where(Staff.login == login)).scalar_one()
        actions = session.execute(sa.select(Audit.action).where(Audit.actor == f"staff:{who}").order_by(Audit.id)).scalars()
        return [action for action in actions if not action.endswith("_read") or action == "masked_read"]


def address(path: str, world: World) -> str:
    return path.format(**world._asdict(), message=world.photo, command="accept", member=1, result=1, delegation=1, tie=1, alias=1,
                       ruling=1, surge=1, join=1, event=SUPPLEMENTED, seq=900, field="picture", subticket=ASKED)


def test_every_post_is_thought_of(stage: Stage) -> None:
    """A new route must be tried here, or stand among those of which nothing is noted, with the reason."""
    posts = {route.path for route in stage.app.routes if isinstance(route, APIRoute) and route.path.startswith("/desk")
             and route.methods - {"GET", "HEAD"}}
    assert posts == set(DEEDS) | set(NOT_NOTED)
    assert not set(DEEDS) & set(NOT_NOTED) and all(len(why) > 20 for why in NOT_NOTED.values())


@pytest.mark.parametrize("path", sorted(DEEDS))
def test_a_deed_is_noted(stage: Stage, path: str) -> None:
    deed, world = DEEDS[path], begun(stage)
    if path == "/desk/tickets/{number}/rule":
        world = world._replace(number=settle(stage))
    if deed.first is not None:
        deed.first(stage, world)
    form = deed.form(stage, world) if callable(deed.form) else deed.form
    before = noted(stage, deed.login)
    browser = stage.sign_in(deed.login)
    if not deed.signs_in:
        before = noted(stage, deed.login)
        answer = browser.do(address(path, world), **form)
        assert answer.status_code in (200, 303), (path, answer.status_code, answer.text[-800:])
    after = noted(stage, deed.login)
    assert len(after) > len(before), f"{path} leaves nothing in the audit log"


@pytest.mark.parametrize("path, login", [
    (TALK + "/attachments/{message}", "zhou"), (TALK + "/attachments/{message}/content", "zhou"),
    ("/desk/ticket/{number}/sent/{event}/{seq}", "zhang"), ("/desk/ticket/{number}/sent/{event}/{seq}/content", "zhang"),
    ("/desk/ticket/{number}/file/1/{field}", "zhang"),
])
def test_a_file_handed_out_is_noted(stage: Stage, path: str, login: str) -> None:
    world, browser = begun(stage), stage.sign_in(login)
    assert browser.get(address(path, world)).status_code == 200
    with stage.parts.database.begin() as session:
        looks = session.execute(sa.select(Audit.action, Audit.object).where(Audit.action.in_(["attachment_read", "ticket_file_read"]))).all()
    assert [tuple(row) for row in looks] == [("ticket_file_read", "ticket_file:1") if "/file/" in path else ("attachment_read", f"message:{world.photo}")]


def test_a_file_put_beside_a_command_is_noted_with_it(stage: Stage) -> None:
    world, zhou = begun(stage), stage.sign_in("zhou")
    url = f"/desk/ticket/{world.number}/do/supplement"
    form = {"csrf": zhou.csrf, "version": hidden(zhou.get(url).text, "version"), "words": "房屋照片"}
    answer = zhou.post(url, form, files={"file": ("x.png", b"\x89PNG\r\n\x1a\n", "image/png")})
    assert answer.status_code == 303 and "ticket_supplemented" in noted(stage, "zhou")


def test_what_was_refused_or_stale_is_no_deed(stage: Stage) -> None:
    """Only what was done counts as done: the row stands and falls with the deed."""
    world, zhang = begun(stage), stage.sign_in("zhang")
    before = noted(stage, "zhang")
    assert zhang.do(f"/desk/ticket/{world.number}/do/accept", version="7").status_code == 409
    assert zhang.do(f"/desk/tickets/{world.number}/show", what="phone", reason="").status_code == 422
    assert noted(stage, "zhang") == before
    with stage.parts.database.begin() as session:
        assert session.execute(sa.select(Ticket.unit_id).where(Ticket.number == world.number)).scalar_one() == LONGXI
        assert session.execute(sa.select(PlaceAlias.state)).scalar_one() == "proposed"
