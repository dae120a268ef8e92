"""核查授权: everybody for themselves, a result only with their word, a mismatch a task and never a stop."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from actions.storage.tables import (
    Attachment,
    AuthorisationMember,
    CheckResult,
    Conversation,
    Message,
    Notice,
    Ticket,
    TicketEvent,
)
from actions.tickets.authorisation.rules import (
    ANSWERS,
    Asked,
    AuthorisationWrong,
    check_answer,
    check_request,
)
from tests.cast import LONGXI
from tests.tickets.approval.acting import GIVE, Desk

FAMILY = {"kind": "household", "scope_income": "yes", "scope_vehicles": "yes", "name_1": "王婶", "identity_1": "500112198001010012",
          "name_2": "王大哥", "name_3": "小妹", "under_14_3": "yes"}
PAPER = {"answer": "given", "channel": "paper"}
DIFFERS = {"outcome": "differs", "reason": "支出型申请，核对收入", "found": "名下有一辆车"}


def at(number: str) -> str:
    return f"/desk/tickets/{number}/authorisations"


def members(desk: Desk) -> list[AuthorisationMember]:
    with desk.stage.parts.database.begin() as session:
        return list(session.execute(sa.select(AuthorisationMember).order_by(AuthorisationMember.id)).scalars())


def asked(desk: Desk, **more: Any) -> str:
    number = desk.verified(**more)
    assert desk.browser("zhang").do(at(number), **FAMILY).status_code == 303
    return number


def test_each_member_answers_alone_and_the_page_says_who(desk: Desk) -> None:
    number = asked(desk)
    first, second, third = members(desk)
    assert [row.role for row in (first, second, third)] == ["applicant", "member", "member"]
    assert desk.stage.parts.keys.open(first.name) == "王婶" and "王婶".encode() not in bytes(first.name)
    zhang = desk.browser("zhang")
    assert zhang.do(f"{at(number)}/members/{first.id}", **PAPER).status_code == 303
    assert zhang.do(f"{at(number)}/members/{second.id}", answer="declined").status_code == 303
    first, second, third = members(desk)
    assert [row.answer for row in (first, second, third)] == ["given", "declined", "waiting"]
    assert (first.channel, first.noted_by, first.answered_at) == ("paper", desk.staff("zhang"), desk.stage.clock())
    page = zhang.get(at(number)).text
    for words in ("王婶", "收入、车辆", "已授权", "不同意", "还没有回答", "不满14周岁", "纸质签字", "张干事"):
        assert words in page, words
    assert "问了<span class=\"num\">3</span>人，<span class=\"num\">1</span>人已授权" in desk.page("zhang", number)
    with desk.stage.parts.database.begin() as session:
        kinds = session.execute(sa.select(TicketEvent.kind).order_by(TicketEvent.id)).scalars().all()
        told = str(session.execute(sa.select(TicketEvent.data)).scalars().all())
    assert kinds[-3:] == ["authorisation_asked", "authorisation_given", "authorisation_declined"] and "王" not in told


def test_a_result_needs_the_word_of_that_very_person_as_it_stands(desk: Desk) -> None:
    number = asked(desk)
    first, second, _ = members(desk)
    zhang = desk.browser("zhang")
    zhang.do(f"{at(number)}/members/{first.id}", **PAPER)
    for row in (second.id, 0, 999):  # another's word is none; nobody is nobody
        answer = zhang.do(f"{at(number)}/members/{row}/result", **DIFFERS)
        assert answer.status_code == (422 if row == second.id else 404)
    assert zhang.do(f"{at(number)}/members/{first.id}/result", **{**DIFFERS, "reason": " "}).status_code == 422
    assert zhang.do(f"{at(number)}/members/{first.id}/result", **{**DIFFERS, "outcome": "bad"}).status_code == 422
    assert zhang.do(f"{at(number)}/members/{first.id}", answer="withdrawn").status_code == 303
    withdrawn = zhang.do(f"{at(number)}/members/{first.id}/result", **DIFFERS)
    assert withdrawn.status_code == 422 and "已经撤回" in withdrawn.text and "名下有一辆车" not in withdrawn.text
    with desk.stage.parts.database.begin() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(CheckResult)).scalar_one() == 0


def test_a_mismatch_becomes_a_task_and_stops_nothing(desk: Desk) -> None:
    number = asked(desk)
    first = members(desk)[0]
    zhang = desk.browser("zhang")
    zhang.do(f"{at(number)}/members/{first.id}", **PAPER)
    version = desk.row(number).version
    assert zhang.do(f"{at(number)}/members/{first.id}/result", **DIFFERS).status_code == 303
    assert desk.row(number).version == version and desk.row(number).state == "verifying"
    assert number in desk.browser("he").get("/desk/checks").text and number not in desk.browser("li").get("/desk/checks").text
    assert "1处差异待核实" in desk.page("zhang", number)
    with desk.stage.parts.database.begin() as session:
        assert session.execute(sa.select(Notice.recipient).where(Notice.kind == "check_differs")).scalars().all() == [
            f"unit:{LONGXI}"]
        assert "一辆车".encode() not in bytes(session.execute(sa.select(CheckResult.found)).scalar_one())
    # the case goes its way to the end with the difference open
    desk.done("zhang", number, "submit", **GIVE, amount="800", check="authorised")
    desk.done("sun", number, "review", **GIVE)
    desk.done("he", number, "approve", amount="800")
    assert desk.browser("he").do(f"{at(number)}/results/1/clear", words=" ").status_code == 422
    assert desk.browser("he").do(f"{at(number)}/results/1/clear", words="车是外甥的").status_code == 303
    assert desk.browser("he").do(f"{at(number)}/results/1/clear", words="又一次").status_code == 422
    assert number not in desk.browser("he").get("/desk/checks").text and "车是外甥的" in zhang.get(at(number)).text


def test_supporters_stand_alone(desk: Desk) -> None:
    number = desk.verified()
    zhang = desk.browser("zhang")
    two = zhang.do(at(number), kind="supporter", scope_income="yes", name_1="儿子甲", name_2="女儿乙")
    assert two.status_code == 422 and "单独授权" in two.text and "儿子甲" in two.text  # what was typed is kept
    assert zhang.do(at(number), kind="supporter", scope_income="yes", name_1="儿子甲").status_code == 303
    assert [row.role for row in members(desk)] == ["supporter"]
    assert zhang.do(at(number), kind="household", name_1="王婶").status_code == 422  # no scope
    assert zhang.do(at(number), kind="household", scope_income="yes").status_code == 422  # nobody


def test_a_child_under_14_needs_a_guardian(desk: Desk) -> None:
    number = asked(desk)
    child = members(desk)[2]
    zhang = desk.browser("zhang")
    assert "监护人" in zhang.do(f"{at(number)}/members/{child.id}", **PAPER).text and members(desk)[2].answer == "waiting"
    assert zhang.do(f"{at(number)}/members/{child.id}", **PAPER, guardian="王婶").status_code == 303
    row = members(desk)[2]
    assert row.answer == "given" and desk.stage.parts.keys.open(row.guardian) == "王婶"


def a_photo(desk: Desk, ticket: Ticket | None, sender: str) -> int:
    """A photo in a conversation of its own, which is the ticket's if there is one; the attachment's id."""
    desk.stage.browser().write(sender)
    stage = desk.stage
    with stage.parts.database.begin() as session:
        conversation = session.execute(sa.select(Conversation).order_by(Conversation.id.desc()).limit(1)).scalar_one()
        message = Message(conversation_id=conversation.id, contact_id=conversation.contact_id, seq=900, author="resident",
                          kind="photo", text="", waiting=False, handed_over=False, created_at=stage.clock())
        session.add(message)
        session.flush()
        row = Attachment(message_id=message.id, channel="telegram", state="kept", due_at=stage.clock(), tries=0,
                         content=stage.parts.keys.seal_bytes(b"\xff\xd8\xff..."), changed_at=stage.clock())
        session.add(row)
        session.flush()
        if ticket is not None:
            session.execute(sa.update(Ticket).where(Ticket.id == ticket.id).values(conversation_id=conversation.id))
        return int(row.id)


def test_the_signature_image_is_one_of_this_cases_own_conversation(desk: Desk) -> None:
    number = asked(desk)
    own, strange = a_photo(desk, desk.row(number), "我来签字"), a_photo(desk, None, "别人的")
    first = members(desk)[0]
    zhang, photo = desk.browser("zhang"), {"answer": "given", "channel": "photo"}
    for attachment in ("", str(strange), "0", "x"):
        answer = zhang.do(f"{at(number)}/members/{first.id}", **photo, attachment=attachment)
        assert answer.status_code == 422 and "签字照片" in answer.text, attachment
    assert members(desk)[0].answer == "waiting"
    assert zhang.do(f"{at(number)}/members/{first.id}", **photo, attachment=str(own)).status_code == 303
    assert members(desk)[0].attachment_id == own


def test_another_unit_an_operator_and_a_closed_case_get_nothing(desk: Desk) -> None:
    number = asked(desk)
    first = members(desk)[0]
    for login in ("li", "zhou", "auditor", "chen"):
        browser = desk.browser(login)
        assert browser.get(at(number)).status_code == 404, login
        assert browser.do(f"{at(number)}/members/{first.id}", **PAPER).status_code == 404, login
    desk.done("zhou", number, "withdraw")
    answer = desk.browser("zhang").do(f"{at(number)}/members/{first.id}", **PAPER)
    assert answer.status_code == 422 and "工单已经结束" in answer.text and members(desk)[0].answer == "waiting"


def test_only_where_means_are_looked_at_the_proposal_says_how(desk: Desk) -> None:
    urgent = desk.verified()
    desk.done("zhang", urgent, "submit", **GIVE, amount="800")  # an emergency: nobody is checked
    costly = desk.verified(programme="temporary_expense")
    desk.refused("zhang", costly, "submit", "请写明家庭经济状况", status=422, **GIVE, amount="800")
    desk.refused("zhang", costly, "submit", "还没有人签核查授权", **GIVE, amount="800", check="authorised")
    desk.done("zhang", costly, "submit", **GIVE, amount="800", check="cannot_sign")  # who cannot sign is not kept waiting


names = st.text("王婶大哥 ", max_size=4)
roles = st.sampled_from(["applicant", "member", "supporter", "stranger"])


@given(st.sampled_from(["household", "supporter", "other"]), st.sets(st.sampled_from(["income", "vehicles", "soul"])),
       st.lists(st.builds(Asked, roles, names), max_size=4))
def test_a_request_that_passes_is_whole(kind: str, scope: set[str], people: list[Asked]) -> None:
    try:
        check_request(kind, scope, {"income", "vehicles"}, people)
    except AuthorisationWrong:
        return
    asked_roles = [person.role for person in people]
    assert scope and "soul" not in scope and all(person.name.strip() for person in people)
    assert asked_roles == ["supporter"] if kind == "supporter" else (
        asked_roles.count("applicant") == 1 and set(asked_roles) <= {"applicant", "member"})


@given(st.sampled_from(["waiting", *ANSWERS]), st.sampled_from([*ANSWERS, "waiting", "maybe"]),
       st.sampled_from([None, "paper", "photo", "pigeon"]), st.booleans(), names, st.booleans())
def test_what_counts_as_given_is_complete(before: str, answer: str, channel: str | None, child: bool, guardian: str,
                                          signature: bool) -> None:
    try:
        check_answer(before, answer, channel=channel, channels=("paper", "photo"), under_14=child, guardian=guardian,
                     signature=signature)
    except AuthorisationWrong:
        return
    assert answer in ANSWERS and (answer != "withdrawn" or before == "given")
    if answer == "given":
        assert channel in ("paper", "photo") and (channel == "paper" or signature) and (not child or guardian.strip())
