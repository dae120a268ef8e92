"""Who may go where: every role at every route, and what a browser that is not ours can do."""
from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute

from actions.access import commands
from actions.call_backs.commands import ask_call_back
from actions.storage.tables import (
    Attachment,
    Audit,
    Authorisation,
    AuthorisationMember,
    CheckResult,
    ContactJoin,
    Conversation,
    Delegation,
    Message,
    Person,
    PlaceAlias,
    PlaceRuling,
    Relative,
    Staff,
    StaffSession,
    Subticket,
    Surge,
    Ticket,
    TicketEvent,
    TicketFile,
)
from actions.tickets.numbers import check_character
from bot.desk.guard import needs
from tests.cast import PASSWORD, STAFF, Browser, Stage, hidden

ASKED = "XB261120-33333-" + check_character("33333")  # what 住建 was asked
NOBODY, ALL = frozenset[str](), frozenset(STAFF)
READS_TALK = frozenset({"zhou", "wu", "chen", "auditor"})
SPEAKS = frozenset({"zhou", "wu"})
READS_TICKETS = ALL - {"admin", "fang"}
OWN_UNIT = READS_TICKETS - {"li"}  # the ticket is 龙溪's, 李干事 works for 龙塔
ACCEPTS = frozenset({"zhang", "he", "district"})
DECIDES = frozenset({"district", "chen"})
TIED = frozenset({"zhang", "li", "he", "district", "chen"})
AUTHORISATIONS = "/desk/tickets/{number}/authorisations"
PUBLIC = "public"
TAKES_IN = frozenset({"zhou", "wu", "zhang", "li", "he", "district"})
SWITCHES, SHOWS = frozenset({"chen"}), frozenset({"zhang", "he", "district", "chen"})
SEES_PARTS = frozenset({"zhang", "li", "he", "district", "chen", "auditor", "fang"})
SUPPLEMENTED = 900  # an event that names a photo of the talk

# (method, route) → who gets further than the door; by hand, from config/roles and DESIGN 2
EXPECTED: dict[tuple[str, str], Any] = {
    ("GET", "/"): PUBLIC, ("POST", "/chat/messages"): PUBLIC, ("GET", "/chat/messages"): PUBLIC,
    ("GET", "/page/{token}"): PUBLIC, ("POST", "/page/{token}"): PUBLIC,
    ("GET", "/progress"): PUBLIC, ("POST", "/progress"): PUBLIC, ("POST", "/progress/do"): PUBLIC,
    ("POST", "/chat/files"): PUBLIC,
    ("GET", "/chat/stream"): PUBLIC, ("POST", "/chat/device"): PUBLIC, ("POST", "/chat/leave"): PUBLIC,
    ("GET", "/away"): PUBLIC, ("GET", "/healthz"): PUBLIC, ("GET", "/readyz"): PUBLIC,
    ("GET", "/desk/login"): PUBLIC, ("POST", "/desk/login"): PUBLIC,
    ("GET", "/desk"): ALL, ("POST", "/desk/logout"): ALL, ("GET", "/desk/password"): ALL, ("POST", "/desk/password"): ALL,
    ("GET", "/desk/conversations"): READS_TALK, ("GET", "/desk/conversations/{conversation}"): READS_TALK,
    ("POST", "/desk/conversations/{conversation}/take_over"): SPEAKS,
    ("POST", "/desk/conversations/{conversation}/say"): SPEAKS,
    ("POST", "/desk/conversations/{conversation}/release"): SPEAKS,
    ("POST", "/desk/conversations/{conversation}/close"): SPEAKS,
    ("POST", "/desk/conversations/{conversation}/transfer"): SPEAKS,
    ("POST", "/desk/conversations/{conversation}/call_back"): SPEAKS,
    ("POST", "/desk/conversations/{conversation}/call_back/{call}"): SPEAKS,
    ("POST", "/desk/beat"): SPEAKS,
    ("POST", "/desk/conversations/{conversation}/show"): frozenset({"chen"}),
    ("GET", "/desk/conversations/{conversation}/attachments/{message}"): READS_TALK,
    ("GET", "/desk/conversations/{conversation}/attachments/{message}/content"): READS_TALK,
    ("GET", "/desk/tickets"): READS_TICKETS, ("POST", "/desk/tickets/find"): READS_TICKETS, ("GET", "/desk/tickets/{number}"): OWN_UNIT,
    # any command: who may which stands in tests/tickets/allowed.csv
    ("GET", "/desk/ticket/{number}/do/{command}"): ACCEPTS, ("POST", "/desk/ticket/{number}/do/{command}"): ACCEPTS,
    ("GET", "/desk/ticket/{number}/file/{event}/{field}"): OWN_UNIT - SPEAKS,
    ("GET", "/desk/stuck"): READS_TICKETS, ("GET", "/desk/tickets/{number}/clocks"): OWN_UNIT,
    ("GET", "/desk/ticket/{number}/sent/{event}/{seq}"): OWN_UNIT - SPEAKS,
    ("GET", "/desk/ticket/{number}/sent/{event}/{seq}/content"): OWN_UNIT - SPEAKS,
    ("GET", "/desk/tickets/{number}/place"): OWN_UNIT, ("POST", "/desk/tickets/{number}/rule"): DECIDES,
    ("GET", "/desk/places"): DECIDES, ("POST", "/desk/places/aliases/{alias}"): DECIDES,
    ("POST", "/desk/places/rulings/{ruling}/withdraw"): DECIDES,
    ("GET", "/desk/powers"): READS_TICKETS, ("POST", "/desk/powers/delegations"): TIED, ("POST", "/desk/powers/ties"): TIED,
    # 何主任 has delegated to 张干事; whoever has no part in it and does not oversee finds nothing
    ("POST", "/desk/powers/delegations/{delegation}/end"): frozenset({"zhang", "he", "chen"}),
    ("POST", "/desk/powers/ties/{tie}/withdraw"): frozenset({"chen"}),
    ("GET", "/desk/checks"): ACCEPTS | {"li"}, ("GET", "/desk/tickets/{number}/refusal"): NOBODY,  # nothing was refused
    ("GET", AUTHORISATIONS): ACCEPTS, ("POST", AUTHORISATIONS): ACCEPTS,
    ("POST", AUTHORISATIONS + "/members/{member}"): ACCEPTS, ("POST", AUTHORISATIONS + "/members/{member}/result"): ACCEPTS,
    ("POST", AUTHORISATIONS + "/results/{result}/clear"): ACCEPTS,
    # 住建 was asked for its part: 方工 sees that and nothing else; whoever may which command stands in tests/tickets/handover
    ("GET", "/desk/subtickets"): SEES_PARTS, ("GET", "/desk/subtickets/{subticket}"): SEES_PARTS - {"li"},
    ("GET", "/desk/subticket/{subticket}/do/{command}"): frozenset({"fang"}),
    ("POST", "/desk/subticket/{subticket}/do/{command}"): frozenset({"fang"}),
    ("POST", "/desk/subtickets/{subticket}/show"): NOBODY,  # nothing is held back
    ("GET", "/desk/intake"): TAKES_IN, ("POST", "/desk/intake"): TAKES_IN,
    ("GET", "/desk/surges"): SWITCHES, ("POST", "/desk/surges"): SWITCHES, ("POST", "/desk/surges/{surge}/end"): SWITCHES,
    ("POST", "/desk/tickets/{number}/show"): SHOWS, ("POST", "/desk/tickets/{number}/contacts"): SPEAKS,
    ("POST", "/desk/tickets/{number}/contacts/{join}/end"): SPEAKS,
    ("GET", "/desk/audit"): frozenset({"auditor"}), ("POST", "/desk/audit/verify"): frozenset({"auditor"}),
    ("POST", "/desk/audit/export"): frozenset({"auditor"}),
    # a key, not a person: tests/intake/test_api.py
    ("POST", "/api/tickets"): PUBLIC, ("GET", "/api/tickets/{external_id}"): PUBLIC,
}
STREAMS = {("GET", "/desk/stream")}  # never ends: tested by itself


def routes(stage: Stage) -> set[tuple[str, str]]:
    return {(method, route.path) for route in stage.app.routes if isinstance(route, APIRoute) for method in route.methods}


def test_every_route_is_in_the_table(stage: Stage) -> None:
    """A new route must be thought about here first."""
    assert routes(stage) - STREAMS == set(EXPECTED)


def test_only_pages_are_served(stage: Stage) -> None:
    for url in ("/docs", "/openapi.json", "/redoc", "/desk/nothing", "/static/desk/../frame.py", "/static/chat/"):
        assert stage.browser().get(url).status_code == 404, url


def begin(stage: Stage) -> tuple[int, str]:
    stage.browser().write("转人工")
    ticket = stage.ticket()
    with stage.parts.database.begin() as session:
        staff = session.execute(sa.select(Staff.id).limit(1)).scalar_one()
        event = session.execute(sa.select(TicketEvent.id).limit(1)).scalar_one()
        session.add(PlaceRuling(id=1, kind="alias", name="某小区", unit_id="u-longxi", valid_from=stage.clock().date(),
                                staff_id=staff, created_at=stage.clock()))
        session.add(PlaceAlias(id=1, name="另一小区", unit_id="u-longxi", seen=1, state="proposed", last_event_id=event,
                               created_at=stage.clock()))
        session.add(TicketFile(event_id=event, field="picture", kind="image/png", size=1, created_at=stage.clock(),
                               content=stage.parts.keys.seal_bytes(b"\x89PNG")))
        session.execute(sa.text("SELECT setval('place_ruling_id_seq', 1), setval('place_alias_id_seq', 1)"))
        begin_decisions(session, ticket.id, stage.clock())
        session.add(Subticket(number=ASKED, ticket_id=ticket.id, department="housing", request="safety", state="sent", version=1,
                              owner="department", owner_since=stage.clock(), words=stage.parts.keys.seal("看看房子"), fields=["name"],
                              basis="duty", cite="-", sent_by=staff, sent_at=stage.clock()))
        session.add(Surge(cause="disaster", reason="暴雨", starts_at=stage.clock(), ends_at=stage.clock() + timedelta(days=1),
                          staff_id=staff, created_at=stage.clock()))
        person = Person(created_at=stage.clock())
        session.add(person)
        session.flush()
        conversation, contact = session.execute(sa.select(Conversation.id, Conversation.contact_id)).one()
        session.add(ContactJoin(contact_id=contact, person_id=person.id, ticket_id=ticket.id, how="staff",
                                joined_at=stage.clock(), joined_by="staff:0"))
        return conversation, ticket.number


def begin_decisions(session: Any, ticket: int, now: Any) -> None:
    """Row 1 of a delegation, a tie, an authorisation with one person and one difference."""
    ids = dict(session.execute(sa.select(Staff.login, Staff.id)).all())
    session.add(Delegation(id=1, from_staff=ids["he"], to_staff=ids["zhang"], permission="approve_ticket", starts_at=now,
                           ends_at=now + timedelta(days=1), reason="休假", recorded_by=ids["he"], recorded_at=now))
    session.add(Relative(id=1, staff_id=ids["zhang"], relation="sibling", phone_hash=b"-", declared_by=ids["zhang"],
                         declared_at=now))
    session.add(Authorisation(id=1, ticket_id=ticket, kind="household", scope=["income"], asked_by=ids["zhang"], asked_at=now))
    session.flush()
    session.add(AuthorisationMember(id=1, authorisation_id=1, role="applicant", name=b"-", answer="given", channel="paper",
                                    answered_at=now, noted_by=ids["zhang"]))
    session.flush()
    session.add(CheckResult(id=1, member_id=1, outcome="differs", reason=b"-", found=b"-", attached_by=ids["zhang"],
                            attached_at=now))
    session.execute(sa.text("SELECT setval('delegation_id_seq', 1), setval('relative_id_seq', 1), "
                            "setval('authorisation_id_seq', 1), setval('authorisation_member_id_seq', 1)"))


def to_phone(stage: Stage, conversation: int) -> int:
    with stage.parts.database.begin() as session:
        contact = session.execute(sa.select(Conversation.contact_id)).scalar_one()
        return ask_call_back(session, stage.parts.keys, contact_id=contact, conversation_id=conversation,
                             phone="13800138000", wish="下午", now=stage.clock())


def a_photo(stage: Stage, conversation: int) -> int:
    """A photo of 王婶 that has been fetched; the id of its message."""
    with stage.parts.database.begin() as session:
        contact = session.execute(sa.select(Conversation.contact_id)).scalar_one()
        message = Message(conversation_id=conversation, contact_id=contact, seq=900, author="resident", kind="photo",
                          text="", waiting=False, handed_over=False, created_at=stage.clock())
        session.add(message)
        session.flush()
        session.add(Attachment(message_id=message.id, channel="telegram", state="kept", due_at=stage.clock(), tries=0,
                               content=stage.parts.keys.seal_bytes(b"\xff\xd8\xff..."), changed_at=stage.clock()))
        ticket = session.execute(sa.select(Ticket.id)).scalar_one()
        session.add(TicketEvent(id=SUPPLEMENTED, ticket_id=ticket, kind="supplemented", actor="resident", at=stage.clock(),
                                data={"conversation": conversation, "seq": 900, "sent": [900]}))
        return int(message.id)


def events(path: str) -> int:
    """The event a route is asked about: the first one, or the one that came with a message of 王婶."""
    return SUPPLEMENTED if "/sent/" in path else 1


def colleague(stage: Stage, login: str) -> int:
    """Another operator, who is not at the desk."""
    with stage.parts.database.begin() as session:
        other = "wu" if login != "wu" else "zhou"
        return int(session.execute(sa.select(Staff.id).where(Staff.login == other)).scalar_one())


@pytest.mark.parametrize("login", sorted(ALL))
def test_role_at_every_route(stage: Stage, login: str) -> None:
    conversation, number = begin(stage)
    call, photo = to_phone(stage, conversation), a_photo(stage, conversation)
    ticket_version = {"version": "1"}
    order = sorted(EXPECTED, key=lambda key: key[1] == "/desk/logout")
    for method, path in order:
        allowed = EXPECTED[method, path]
        if allowed == PUBLIC:
            continue
        browser = stage.sign_in(login)
        url = path.format(conversation=conversation, number=number, call=call, message=photo, alias=1, ruling=1, surge=1, join=1,
                          command="accept", event=events(path), field="picture", seq=900, delegation=1, tie=1, member=1, result=1, subticket=ASKED)
        more = {"to": colleague(stage, login), "outcome": "no_answer", "what": "phone", **ticket_version}
        answer = browser.get(url) if method == "GET" else browser.do(url, text="您好", **more)
        if login in allowed:
            assert answer.status_code in (200, 303, 409, 422), (method, path, answer.status_code)
            assert "/desk/login" not in answer.headers.get("location", "") or path == "/desk/logout"
        else:
            assert answer.status_code == 404, (method, path, answer.status_code)
            assert "没有找到这个页面" in answer.text


def test_without_signing_in_everything_leads_to_the_sign_in_page(stage: Stage) -> None:
    conversation, number = begin(stage)
    for method, path in EXPECTED:
        if EXPECTED[method, path] == PUBLIC:
            continue
        browser, url = stage.browser(), path.format(conversation=conversation, number=number, call=1, message=1, alias=1, ruling=1, surge=1,
                                                       join=1, command="accept", event=events(path), field="picture", seq=900, delegation=1, tie=1,
                                                       member=1, result=1, subticket=ASKED)
        answer = browser.get(url) if method == "GET" else browser.post(url, {})
        assert answer.status_code == 303 and answer.headers["location"].startswith("/desk/login?next=/desk"), path
    assert stage.browser().get("/desk/stream").status_code == 401
    assert stage.browser().get("/desk/conversations?pane=list").status_code == 401


def test_route_that_declares_nothing_is_closed(stage: Stage) -> None:
    from fastapi import Depends

    from bot.desk.guard import door

    @stage.app.get("/desk/forgotten", dependencies=[Depends(door)])
    def forgotten() -> str:
        return "secret"

    assert stage.sign_in("zhou").get("/desk/forgotten").status_code == 404


@pytest.mark.parametrize("csrf", [None, "", "wrong", "\u9519"])
def test_post_without_the_right_csrf_value_does_nothing(stage: Stage, csrf: str | None) -> None:
    conversation, number = begin(stage)
    zhou, zhang = stage.sign_in("zhou"), stage.sign_in("zhang")
    data = {} if csrf is None else {"csrf": csrf}
    for browser, url in [
        (zhou, f"/desk/conversations/{conversation}/take_over"), (zhou, f"/desk/conversations/{conversation}/say"),
        (zhou, f"/desk/conversations/{conversation}/release"), (zhou, f"/desk/conversations/{conversation}/close"),
        (zhou, "/desk/logout"), (zhou, "/desk/password"), (zhang, f"/desk/ticket/{number}/do/accept"),
    ]:
        assert browser.post(url, {**data, "text": "您好", "version": "1"}).status_code == 403, url
    with stage.parts.database.begin() as session:
        assert session.execute(sa.select(Conversation.mode)).scalar_one() == "bot"
        assert session.execute(sa.select(Ticket.state)).scalar_one() == "dispatched"


def test_somebody_elses_csrf_value_is_wrong(stage: Stage) -> None:
    conversation, _ = begin(stage)
    zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
    assert zhou.post(f"/desk/conversations/{conversation}/take_over", {"csrf": wu.csrf}).status_code == 403


def test_foreign_origin_cannot_post_even_with_csrf(stage: Stage) -> None:
    conversation, _ = begin(stage)
    zhou = stage.sign_in("zhou")
    answer = zhou.post(f"/desk/conversations/{conversation}/take_over", {"csrf": zhou.csrf}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


class TestSigningIn:
    def form(self, browser: Browser) -> str:
        return hidden(browser.get("/desk/login").text, "form")

    def test_cookie_flags(self, stage: Stage) -> None:
        browser = stage.browser()
        answer = browser.post("/desk/login", {"form": self.form(browser), "login": "zhou", "password": PASSWORD})
        cookie = next(v for k, v in answer.headers.multi_items() if k == "set-cookie" and v.startswith("ym_desk="))
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/desk" in cookie
        assert "Max-Age=43200" in cookie
        token = cookie.split(";")[0].split("=", 1)[1]
        with stage.parts.database.begin() as session:
            assert token.encode() not in bytes(session.execute(sa.select(StaffSession.token_hash)).scalars().first())

    def test_another_site_cannot_sign_somebody_in(self, stage: Stage) -> None:
        for data in ({}, {"form": "guess"}):
            answer = stage.browser().post("/desk/login", {"login": "zhou", "password": PASSWORD, **data})
            assert answer.status_code == 403 and "页面放得太久了" in answer.text

    def test_wrong_password_and_unknown_login_get_the_same_answer(self, stage: Stage) -> None:
        browser = stage.browser()
        form = self.form(browser)
        wrong = browser.post("/desk/login", {"form": form, "login": "zhou", "password": "x"})
        unknown = browser.post("/desk/login", {"form": form, "login": "nobody", "password": "x"})
        assert wrong.status_code == unknown.status_code == 403
        assert wrong.text.replace("zhou", "?") == unknown.text.replace("nobody", "?")

    def test_five_wrong_tries_lock_for_an_hour_and_say_until_when(self, stage: Stage) -> None:
        browser = stage.browser()
        form = self.form(browser)
        for _ in range(5):
            browser.post("/desk/login", {"form": form, "login": "zhou", "password": "x"})
        locked = browser.post("/desk/login", {"form": form, "login": "zhou", "password": PASSWORD})
        assert locked.status_code == 403 and "已锁定" in locked.text and "11:00" in locked.text
        stage.clock.advance(hours=1, seconds=1)
        assert browser.post("/desk/login", {"form": form, "login": "zhou", "password": PASSWORD}).status_code == 303

    def test_unknown_login_is_locked_exactly_like_a_known_one(self, stage: Stage) -> None:
        browser = stage.browser()
        form = self.form(browser)
        seen: dict[str, list[tuple[int, str]]] = {}
        for login in ("zhou", "nobody"):
            tries = [browser.post("/desk/login", {"form": form, "login": login, "password": "x"}) for _ in range(7)]
            seen[login] = [(answer.status_code, answer.text.replace(login, "?")) for answer in tries]
        assert seen["zhou"] == seen["nobody"]
        assert ["已锁定" in text for _, text in seen["nobody"]] == [False] * 5 + [True] * 2
        stage.clock.advance(hours=1, seconds=1)
        again = browser.post("/desk/login", {"form": form, "login": "nobody", "password": "x"})
        assert "已锁定" not in again.text and "用户名或密码不对" in again.text

    def test_more_than_two_at_once_are_told_to_wait(self, stage: Stage) -> None:
        browser = stage.browser()
        data = {"form": self.form(browser), "login": "zhou", "password": PASSWORD}
        desk = stage.app.state.desk
        with desk.hashing(), desk.hashing():
            answer = browser.post("/desk/login", data)
            assert answer.status_code == 503 and "系统现在有点忙" in answer.text
        assert browser.post("/desk/login", data).status_code == 303

    def test_hashing_holds_no_transaction(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        held: list[int] = []
        pool, real = stage.parts.database.engine.pool, commands.fits
        monkeypatch.setattr(commands, "fits", lambda *a: (held.append(pool.checkedout()), real(*a))[1])
        stage.sign_in("zhou")
        assert held == [0]

    def test_tries_at_the_same_moment_are_all_counted(self, stage: Stage) -> None:
        """All read the row before any is counted; the lock must hold all the same."""
        now, database = stage.clock(), stage.parts.database
        with database.begin() as session:
            account = commands.find_account(session, "zhou", now)
        assert account is not None
        for _ in range(5):
            with database.begin() as session:
                assert commands.finish_sign_in(session, account, False, now) is None
        with database.begin() as session, pytest.raises(commands.SignInRefused):
            commands.finish_sign_in(session, account, True, now)

    def test_password_changed_while_it_was_weighed_opens_nothing(self, stage: Stage) -> None:
        now, database = stage.clock(), stage.parts.database
        with database.begin() as session:
            account = commands.find_account(session, "zhou", now)
            assert account is not None
            commands.set_password_hash(session, account.staff_id, commands.hash_password("another-secret"), now)
        with database.begin() as session:
            assert commands.finish_sign_in(session, account, True, now) is None

    @pytest.mark.parametrize("wish, goes", [
        ("/desk/tickets", "/desk/tickets"), ("https://evil.example", "/desk"), ("//evil.example", "/desk"),
        ("/desk/../evil", "/desk"), ("/desk\\@evil", "/desk"), ("/", "/desk"), ("/desk/login", "/desk"),
    ])
    def test_goes_on_inside_the_desk_only(self, stage: Stage, wish: str, goes: str) -> None:
        browser = stage.browser()
        answer = browser.post("/desk/login", {"form": self.form(browser), "login": "zhou", "password": PASSWORD, "next": wish})
        assert answer.headers["location"] == goes

    @pytest.mark.parametrize("login", ["zhou\x00", "' OR 1=1 --", "<script>", "a" * 5000])
    def test_odd_logins(self, stage: Stage, login: str) -> None:
        browser = stage.browser()
        answer = browser.post("/desk/login", {"form": self.form(browser), "login": login, "password": "x"})
        assert answer.status_code == 403 and "<script>" not in answer.text.replace("<script src", "")

    def test_signing_out_ends_the_session_in_the_database(self, stage: Stage) -> None:
        zhou = stage.sign_in("zhou")
        cookies = dict(zhou.client.cookies)
        assert zhou.do("/desk/logout").status_code == 303
        again = stage.browser()
        again.client.cookies.update(cookies)
        assert again.get("/desk").headers["location"].startswith("/desk/login")

    def test_session_ends_after_twelve_hours_or_when_switched_off(self, stage: Stage) -> None:
        zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
        with stage.parts.database.begin() as session:
            session.execute(sa.update(Staff).where(Staff.login == "wu").values(active=False))
        assert wu.get("/desk/conversations").status_code == 303
        assert zhou.get("/desk/conversations").status_code == 200
        stage.clock.advance(hours=12, seconds=1)
        assert zhou.get("/desk/conversations").status_code == 303


class TestFirstPassword:
    def new(self, stage: Stage) -> Browser:
        with stage.parts.database.begin() as session:
            session.execute(sa.update(Staff).where(Staff.login == "zhou").values(must_change_password=True))
        return stage.sign_in("zhou")

    def test_nothing_else_is_open_before(self, stage: Stage) -> None:
        zhou = self.new(stage)
        assert zhou.get("/desk").headers["location"] == "/desk/password"
        assert zhou.get("/desk/conversations").headers["location"] == "/desk/password"
        assert zhou.do("/desk/conversations/1/take_over").headers["location"] == "/desk/password"

    def test_changing_it_opens_the_desk_and_ends_other_sessions(self, stage: Stage) -> None:
        other, zhou = stage.sign_in("zhou"), self.new(stage)
        answer = zhou.do("/desk/password", old=PASSWORD, new="a-better-secret", again="a-better-secret")
        assert answer.headers["location"] == "/desk"
        assert zhou.get("/desk/conversations").status_code == 200
        assert other.get("/desk/conversations").status_code == 303
        assert stage.sign_in("zhou", "a-better-secret").get("/desk/conversations").status_code == 200

    @pytest.mark.parametrize("old, new, again, words", [
        (PASSWORD, "a-better-secret", "another-secret", "不一样"), (PASSWORD, "short", "short", "太短"),
        (PASSWORD, "Password123", "Password123", "太容易"), (PASSWORD, "abababababab", "abababababab", "太容易"),
        (PASSWORD, PASSWORD, PASSWORD, "和现在的一样"), ("wrong", "a-better-secret", "a-better-secret", "现在的密码不对"),
    ])
    def test_refusals(self, stage: Stage, old: str, new: str, again: str, words: str) -> None:
        answer = self.new(stage).do("/desk/password", old=old, new=new, again=again)
        assert answer.status_code == 422 and words in answer.text


def test_every_page_carries_the_safe_headers(stage: Stage) -> None:
    conversation, number = begin(stage)
    zhou, zhang = stage.sign_in("zhou"), stage.sign_in("zhang")
    for browser, url in [(stage.browser(), "/"), (stage.browser(), "/desk/login"), (zhou, f"/desk/conversations/{conversation}"),
                         (zhang, f"/desk/tickets/{number}"), (zhang, "/desk/nothing")]:
        answer = browser.get(url)
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
                     "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert part in policy, url
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert " style=" not in answer.text and "javascript:" not in answer.text


def test_static_files_are_kept_and_named_by_their_content(stage: Stage) -> None:
    import re

    page = stage.browser().get("/").text
    address = re.search(r'href="(/static/chat/chat\.css\?v=[0-9a-f]{12})"', page)
    assert address is not None
    answer = stage.browser().get(address.group(1))
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]


def test_a_fault_shows_one_sentence_and_logs_no_words(stage: Stage, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    zhou = stage.sign_in("zhou")

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("王婶的电话13800138000")

    monkeypatch.setattr("bot.desk.console.desk_rows", fails)
    page = zhou.get("/desk/conversations")
    assert page.status_code == 500 and "系统出了点问题" in page.text
    logged = capsys.readouterr()
    for text in (page.text, logged.out, logged.err):
        assert "Traceback" not in text and "13800138000" not in text
    assert "page_failed" in logged.out + logged.err


def test_unknown_method_and_id_shapes(stage: Stage) -> None:
    zhou = stage.sign_in("zhou")
    assert zhou.client.put("/desk/tickets").status_code == 405
    for shape in ("0", "99999999999999999999", "-1", "abc", "%00", "1e3", "٣", str(uuid.uuid4())):
        assert zhou.get(f"/desk/conversations/{shape}").status_code == 404, shape


def test_needs_marks_the_handler() -> None:
    @needs("see_tickets")
    def handler() -> None: ...

    assert handler.desk_needs == "see_tickets"  # type: ignore[attr-defined]


@pytest.mark.parametrize("origin, status", [
    ("HTTP://TestServer", 200), ("http://[", 403), ("ftp://testserver", 403), ("http://", 403), ("//testserver", 403),
    ("http://testserver:99", 403),
])
def test_origin_is_compared_as_browsers_mean_it(stage: Stage, origin: str, status: int) -> None:
    assert stage.browser().post_json("/chat/messages", {"text": "你好"}, headers={"origin": origin}).status_code == status


def test_broken_requests_are_refused_and_break_nothing(stage: Stage) -> None:
    browser = stage.browser()
    assert browser.get("/", headers={"host": "[::1"}).status_code == 400
    assert browser.get("/static/chat/%00").status_code == 404
    for content, kind in [(b"--x\r\n\r\n", "multipart/form-data; boundary=x"), (b"abc", "multipart/form-data"),
                          (b"abc", "multipart/form-data; boundary=x"), (b"\xff", "multipart/form-data; boundary=\xff"),
                          (b"--x\r\nContent-Disposition: form-data; name=\"text", "multipart/form-data; boundary=x")]:
        answer = browser.client.post("/chat/messages", content=content, headers={b"content-type": kind.encode("latin-1")})
        assert answer.status_code in (400, 422), (content, kind, answer.status_code)


def test_marks_that_turn_the_direction_reach_neither_store_nor_desk(stage: Stage) -> None:
    stage.browser().write("a\u202eb\u2066c\u2069d")
    with stage.parts.database.begin() as session:
        conversation, text = session.execute(sa.select(Message.conversation_id, Message.text)).one()
        session.execute(sa.update(Message).values(text="x\u202ey\u2067z"))  # as another channel may have stored it
    assert text == "abcd"
    page = stage.sign_in("zhou").get(f"/desk/conversations/{conversation}").text
    assert "xyz" in page and "\u202e" not in page and "\u2067" not in page


def test_a_look_at_a_conversation_is_noted_once_in_ten_minutes_by_pane_or_page(stage: Stage) -> None:
    conversation, _ = begin(stage)
    zhou, wu = stage.sign_in("zhou"), stage.sign_in("wu")
    url = f"/desk/conversations/{conversation}"
    for browser, look in [(zhou, f"{url}?pane=talk"), (zhou, url), (wu, f"{url}?pane=side"), (wu, url)]:
        assert browser.get(look).status_code == 200

    def noted() -> int:
        with stage.parts.database.begin() as session:
            return len(session.execute(sa.select(Audit.id).where(
                Audit.action == "conversation_read", Audit.object == f"conversation:{conversation}")).all())

    assert noted() == 2
    stage.clock.advance(minutes=10, seconds=1)
    zhou.get(f"{url}?pane=talk")
    assert noted() == 3
