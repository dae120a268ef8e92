"""What an officer with forty tickets and five minutes needs: only what works is offered, what was done is said, what
was typed is kept, and the next deadline is the one that is shown."""
from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import AuthorisationMember, Relative, Ticket, TicketEvent
from tests.cast import LONGXI, Browser, Stage, hidden
from tests.intake_help import a_form, file
from tests.tickets.deeds import form_of, put, signed_of

NEVER = "YM261119-33333"


def page_of(browser: Browser, number: str) -> str:
    return browser.get(f"/desk/tickets/{number}").text


def buttons(page: str) -> list[str]:
    """The commands a ticket's page offers."""
    head = page[page.index("tickethead"):page.index("</header>", page.index("tickethead"))]
    return re.findall(r"/do/(\w+)\"", head)


def do(stage: Stage, login: str, number: str, command: str, **form: str) -> Any:
    browser = stage.sign_in(login)
    with stage.parts.database.begin() as session:
        version = session.execute(sa.select(Ticket.version).where(Ticket.number == number)).scalar_one()
    return browser.do(f"/desk/ticket/{number}/do/{command}", version=str(version), **form)


def a_ticket(stage: Stage, state: str, **more: Any) -> str:
    return put(stage, [{"state": state, "before": [], "sent_up": False, "signed": [], "aid": False, **more}])[0]


AID = {"object": "王婶", "circumstance": "没地方住", "way": "cash", "amount": "300"}


class TestOffers:
    """A button that cannot work is not there; where somebody would look for it, the reason is."""

    @pytest.mark.parametrize("command", ["confirm_aid", "complete_paperwork", "decide_extension", "note_consent",
                                         "note_finding", "merge", "remove_person"])
    def test_what_there_is_nothing_for_is_not_offered(self, stage: Stage, command: str) -> None:
        number = stage.ticket(phone=None).number
        he = stage.sign_in("he")
        assert he.do(f"/desk/ticket/{number}/do/accept", version="1").status_code == 303
        assert command not in buttons(page_of(he, number))
        answer = he.get(f"/desk/ticket/{number}/do/{command}")
        assert answer.status_code == 409 and 'role="alert"' in answer.text and "返回工单" in answer.text
        assert "<textarea" not in answer.text and "/do/" not in answer.text

    def test_the_second_signature_is_a_button_for_the_other_one_only(self, stage: Stage) -> None:
        number = a_ticket(stage, "accepted")
        assert do(stage, "zhang", number, "give_aid", **AID).status_code == 303
        assert "confirm_aid" in buttons(page_of(stage.sign_in("he"), number))
        mine = page_of(stage.sign_in("zhang"), number)
        assert "confirm_aid" not in buttons(mine) and "您给的要由另一位同事确认" in mine
        assert do(stage, "he", number, "confirm_aid").status_code == 303
        assert "confirm_aid" not in buttons(page_of(stage.sign_in("he"), number))

    def test_a_head_is_told_to_send_up_before_a_form_is_filled_in(self, stage: Stage) -> None:
        number = a_ticket(stage, "approving", signed=signed_of("approve", False))
        page = page_of(stage.sign_in("he"), number)
        assert {"send_up"} <= set(buttons(page)) and not {"approve", "refuse"} & set(buttons(page))
        assert "现在不能“审批同意”" in page and "一律报区审批" in page and "现在不能“不予救助”" not in page
        answer = stage.sign_in("he").get(f"/desk/ticket/{number}/do/approve")
        assert answer.status_code == 409 and 'name="amount"' not in answer.text

    def test_paid_out_is_closed_next(self, stage: Stage) -> None:
        number = a_ticket(stage, "paying", signed=signed_of("pay"))
        assert "pay" in buttons(page_of(stage.sign_in("zhang"), number))
        assert do(stage, "zhang", number, "pay", **form_of("pay", "paying")).status_code == 303
        assert "pay" not in buttons(page := page_of(stage.sign_in("zhang"), number))
        assert page.index("/do/close") < page.index("更多")


def test_what_was_approved_and_never_paid_is_not_closed_as_aided(stage: Stage) -> None:
    number = a_ticket(stage, "accepted", signed=signed_of("pay"))
    assert do(stage, "zhang", number, "give_aid", **AID).status_code == 303
    assert do(stage, "he", number, "confirm_aid").status_code == 303
    assert do(stage, "zhang", number, "complete_paperwork", words="补了").status_code == 303
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Ticket).where(Ticket.number == number).values(state="paying"))
    answer = do(stage, "zhang", number, "close", result="aided", words="办完了")
    assert answer.status_code == 409 and "还没有发放" in answer.text
    assert do(stage, "zhang", number, "close", result="unreachable", words="找不到人，不发了").status_code == 303


class TestSaying:
    """After a deed the page says so."""

    def test_a_deed(self, stage: Stage) -> None:
        number = stage.ticket().number
        zhang = stage.sign_in("zhang")
        answer = zhang.do(f"/desk/ticket/{number}/do/accept", version="1")
        after = zhang.get(answer.headers["location"]).text
        assert "已记下“受理”" in after and "工单现在是“已受理”" in after
        assert "已记下" not in page_of(zhang, number) and "<b" not in zhang.get(
            f"/desk/tickets/{number}?done=<b>x</b>").text.split("<main", 1)[0].split("</header>", 1)[1]

    def test_a_ticket_given_away(self, stage: Stage) -> None:
        number = stage.ticket().number
        zhang = stage.sign_in("zhang")
        answer = zhang.do(f"/desk/ticket/{number}/do/return", version="1", reason="不归我们")
        assert "已记下“退单”" in zhang.get(answer.headers["location"]).text

    def test_a_power_lent_ends_with_its_last_day(self, stage: Stage) -> None:
        he = stage.sign_in("he")
        page = he.get("/desk/powers").text
        to = re.search(r'<option value="(\d+)">张干事', page)
        assert to is not None
        answer = he.do("/desk/powers/delegations", to=to[1], permission="approve_ticket", from_day="2026-11-20",
                       to_day="2026-11-25", reason="休假")
        after = he.get(answer.headers["location"]).text
        assert "已记下" in after and "2026-11-25 23:59" in after and "2026-11-26" not in after


class TestTyped:
    """What was typed is not lost."""

    def test_on_a_page_that_grew_old(self, stage: Stage) -> None:
        number = a_ticket(stage, "accepted")
        zhang = stage.sign_in("zhang")
        assert do(stage, "he", number, "addend", words="我也看过").status_code == 303
        answer = zhang.do(f"/desk/ticket/{number}/do/verify", version="1", way="visit", findings="写了很久")
        assert answer.status_code == 409 and "我也看过" in answer.text and "写了很久" in answer.text
        form = {"version": hidden(answer.text, "version"), "way": "visit", "findings": "写了很久"}
        assert zhang.do(f"/desk/ticket/{number}/do/verify", **form).status_code == 303

    def test_where_it_cannot_be_sent_any_more_it_can_be_copied(self, stage: Stage) -> None:
        number = a_ticket(stage, "accepted")
        assert do(stage, "he", number, "close", result="settled", words="好了").status_code == 303
        answer = stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/verify", version="1", way="visit", findings="写了很久")
        assert answer.status_code == 409 and "写了很久" in answer.text and 'name="findings"' not in answer.text

    def test_a_surge(self, stage: Stage) -> None:
        answer = stage.sign_in("chen").do("/desk/surges", cause="disaster", reason="暴雨内涝", until="2020-01-01")
        assert answer.status_code == 422 and 'value="暴雨内涝"' in answer.text


def test_a_second_click_is_the_same_deed(stage: Stage) -> None:
    number = a_ticket(stage, "accepted")
    zhang = stage.sign_in("zhang")
    form = {"version": "1", "words": "双击"}
    assert zhang.do(f"/desk/ticket/{number}/do/addend", **form).status_code == 303
    again = zhang.do(f"/desk/ticket/{number}/do/addend", **form)
    assert (again.status_code, again.headers["location"]) == (303, f"/desk/tickets/{number}?done=addend")
    with stage.parts.database.begin() as session:
        count = session.execute(sa.select(sa.func.count()).where(TicketEvent.kind == "addended")).scalar_one()
    assert count == 1
    # a colleague's same deed is another one, and so is one of a minute ago
    assert stage.sign_in("he").do(f"/desk/ticket/{number}/do/addend", **form).status_code == 409
    stage.clock.advance(minutes=1)
    assert zhang.do(f"/desk/ticket/{number}/do/addend", **form).status_code == 409


class TestNumbers:
    """A number nobody can have would never be found again: it is asked for once more."""

    def test_of_a_tie(self, stage: Stage) -> None:
        zhang = stage.sign_in("zhang")
        answer = zhang.do("/desk/powers/ties", relation="sibling", name="王婶", identity="123")
        assert answer.status_code == 422 and "身份证号核对不上" in answer.text and 'value="王婶"' in answer.text
        with stage.parts.database.begin() as session:
            assert session.execute(sa.select(sa.func.count(Relative.id))).scalar_one() == 0

    def test_of_an_authorisation(self, stage: Stage) -> None:
        number = a_ticket(stage, "accepted")
        form = {"kind": "household", "scope_income": "yes", "name_1": "王婶", "identity_1": "123"}
        answer = stage.sign_in("zhang").do(f"/desk/tickets/{number}/authorisations", **form)
        assert answer.status_code == 422 and "身份证号核对不上" in answer.text
        with stage.parts.database.begin() as session:
            assert session.execute(sa.select(sa.func.count(AuthorisationMember.id))).scalar_one() == 0

    def test_of_a_conversation(self, stage: Stage) -> None:
        number = stage.ticket().number
        for wrong in ("999999", "会话三", "0"):
            answer = stage.sign_in("zhou").do(f"/desk/tickets/{number}/contacts", conversation=wrong, reason="核对过")
            assert answer.status_code in (404, 422) and "没有这个编号的会话" in answer.text, wrong
            assert f"/desk/tickets/{number}" in answer.text
        answer = stage.sign_in("zhou").do(f"/desk/tickets/{NEVER}/contacts", conversation="999999", reason="核对过")
        assert answer.status_code == 404 and "没有这个编号的会话" not in answer.text


class TestSameFormAgain:
    """Going back in the browser makes a new form of the same words: one ticket, unless it is another matter."""

    def test_is_one_ticket(self, stage: Stage) -> None:
        zhou = stage.sign_in("zhou")
        first, again = file(zhou), file(zhou)
        number = re.search(r"YM\d{6}-\w{5}-\w", first.text)
        assert number is not None and number[0] in again.text and "刚才登记过内容一样的一张" in again.text
        with stage.parts.database.begin() as session:
            assert session.execute(sa.select(sa.func.count(Ticket.id))).scalar_one() == 1

    def test_unless_somebody_says_so_or_time_has_passed_or_it_is_somebody_else(self, stage: Stage) -> None:
        zhou = stage.sign_in("zhou")
        file(zhou)
        assert "已登记并派单" in file(zhou, another="1").text
        stage.clock.advance(minutes=31)
        assert "已登记并派单" in file(zhou).text
        assert "已登记并派单" in file(stage.sign_in("zhang")).text

    def test_other_words_are_another_request(self, stage: Stage) -> None:
        zhou = stage.sign_in("zhou")
        file(zhou)
        assert "已登记并派单" in zhou.do("/desk/intake", **{"external_id": "x2", **a_form(told="另一件事")}).text


def test_a_request_without_a_place_is_not_said_to_be_sent_by_its_place(stage: Stage) -> None:
    page = file(stage.sign_in("zhou"), event_place="").text
    assert "已登记" in page and "已登记并派单" not in page and "按急难发生地" not in page and "由区民政问清楚再派" in page


class TestClocks:
    """The list shows whichever clock ends next."""

    def test_the_earlier_one_stands_under_the_one_that_leads(self, stage: Stage) -> None:
        number = stage.ticket().number
        assert "先：" in (page := stage.sign_in("zhang").get("/desk/tickets").text) and "剩1小时59分" in page
        page = page_of(stage.sign_in("zhang"), number)
        assert "<b>联系求助人</b>" in page and "<b>先行救助</b>" in page and "<b>签收</b>" in page
        stage.clock.advance(hours=3)
        assert "超1小时1分" in stage.sign_in("zhang").get("/desk/tickets").text

    def test_what_has_stopped_has_no_deadline(self, stage: Stage) -> None:
        number = stage.ticket().number
        assert "到期 <span" in page_of(stage.sign_in("zhang"), number)
        do(stage, "zhou", number, "withdraw")
        page = page_of(stage.sign_in("zhang"), number)
        assert "没有在走的时限" in page and "到期 <span" not in page and "<b>联系求助人</b>" not in page

    def test_whose_hands_a_ticket_is_in(self, stage: Stage) -> None:
        number = stage.ticket().number
        assert "还没有人" in stage.sign_in("zhang").get("/desk/tickets").text
        do(stage, "zhang", number, "accept")
        assert "张干事" in stage.sign_in("he").get("/desk/tickets?state=accepted").text.split("<tbody>")[1]


def test_every_page_of_a_ticket_leads_back(stage: Stage) -> None:
    refused = a_ticket(stage, "approving", sent_up=True, signed=signed_of("refuse", True))
    assert do(stage, "chen", refused, "refuse", **form_of("refuse", "approving")).status_code == 303
    chen = stage.sign_in("chen")
    for path in ("clocks", "place", "refusal"):
        page = chen.get(f"/desk/tickets/{refused}/{path}")
        assert page.status_code == 200 and f'href="/desk/tickets/{refused}"' in page.text, path
    assert LONGXI not in chen.get(f"/desk/tickets/{refused}").text
