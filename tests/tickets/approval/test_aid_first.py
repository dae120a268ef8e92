"""Aid first: at once, two persons always, never undone by late paper."""
from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Aid, TicketEvent
from tests.tickets.approval.acting import GIVE, NOT_GIVE, Desk

AID = {"object": "王婶一家三口", "circumstance": "当晚没地方住", "way": "cash", "amount": "600"}


def aid(desk: Desk) -> Any:
    with desk.stage.parts.database.begin() as session:
        return session.execute(sa.select(Aid).order_by(Aid.id)).scalars().all()


def test_registered_at_once_with_object_circumstance_amount_and_handler(desk: Desk) -> None:
    desk.limit(None)  # aid does not wait for a limit of approval
    number = desk.stage.ticket(aid_first=False).number
    desk.done("zhang", number, "accept")
    desk.done("zhang", number, "give_aid", **AID)
    [row] = aid(desk)
    keys = desk.stage.parts.keys
    assert (keys.open(row.object), keys.open(row.circumstance)) == ("王婶一家三口", "当晚没地方住")
    assert (row.amount, row.form, row.handler, row.given_at, row.second) == (
        600, "cash", desk.staff("zhang"), desk.stage.clock(), None)
    assert desk.row(number).aid_first and desk.row(number).state == "accepted"
    page = desk.page("zhang", number)
    assert "等第二人确认" in page and "王婶一家三口" in page and "王婶一家三口" not in desk.page("zhou", number)
    assert number in desk.browser("he").get("/desk/checks").text and number not in desk.browser("li").get("/desk/checks").text


def test_the_second_person_is_another_one_and_not_tied(desk: Desk) -> None:
    number = desk.verified()
    desk.refused("sun", number, "confirm_aid", "没有等确认的先行救助")
    desk.done("zhang", number, "give_aid", **AID)
    desk.refused("zhang", number, "confirm_aid", "由另一位同事确认")
    desk.done("sun", number, "declare_tie", relation="sibling")
    desk.refused("sun", number, "confirm_aid", "需要回避")
    desk.done("he", number, "confirm_aid")
    [row] = aid(desk)
    assert (row.second, row.second_at) == (desk.staff("he"), desk.stage.clock())
    assert "何主任确认" in desk.page("zhang", number) and number not in desk.browser("he").get("/desk/checks").text


def test_papers_and_the_end_wait_for_the_second_signature_the_aid_does_not(desk: Desk) -> None:
    number = desk.verified()
    desk.refused("zhang", number, "complete_paperwork", "没有记过先行救助", words="补齐")
    desk.done("zhang", number, "give_aid", **AID)
    desk.refused("zhang", number, "complete_paperwork", "还差第二位同事确认", words="补齐")
    desk.refused("zhang", number, "close", "还差第二位同事确认", result="aided", words="给了")
    desk.done("sun", number, "confirm_aid")
    desk.done("zhang", number, "complete_paperwork", words="登记表、签字都补了")
    desk.done("zhang", number, "close", result="aided", words="给了")


def test_a_township_gives_up_to_the_national_figure_all_together_and_the_district_goes_on(desk: Desk) -> None:
    number = desk.verified()
    desk.refused("zhang", number, "give_aid", "最多770元（已给0元）", **{**AID, "amount": "770.01"})
    desk.done("zhang", number, "give_aid", **AID)
    desk.refused("sun", number, "give_aid", "最多770元（已给600元）", **{**AID, "amount": "170.01"})
    desk.done("sun", number, "give_aid", **{**AID, "amount": "170"})
    desk.done("district", number, "give_aid", **{**AID, "amount": "2000"})
    assert sum(row.amount for row in aid(desk)) == Decimal(2770)


def test_where_no_figure_is_known_aid_does_not_wait_for_one(desk: Desk) -> None:
    from dataclasses import replace

    know = desk.stage.parts.knowledge
    book = replace(know.book, limits=replace(know.book.limits, aid_first=()))
    object.__setattr__(desk.stage.parts, "knowledge", replace(know, book=book))
    desk.stage.parts.__dict__.pop("work", None)
    number = desk.verified()
    assert "没有查到金额上限，不用等" in desk.page("zhang", number)
    desk.done("zhang", number, "give_aid", **{**AID, "amount": "5000"})


@pytest.mark.parametrize("ends", ["refused", "withdrawn", "returned"])
def test_given_aid_stays_given_whatever_becomes_of_the_paper(desk: Desk, ends: str) -> None:
    number = desk.verified()
    desk.done("zhang", number, "give_aid", **AID)
    if ends == "withdrawn":
        desk.done("zhou", number, "withdraw")
        desk.done("he", number, "confirm_aid")  # a late signature is no change of a closed case
    else:
        desk.done("he", number, "confirm_aid")
        desk.done("zhang", number, "submit", **(NOT_GIVE if ends == "refused" else GIVE), amount="800")
        desk.done("sun", number, "review", **(NOT_GIVE if ends == "refused" else GIVE))
        if ends == "refused":
            desk.done("he", number, "send_up", words="额度内也请区里看", away="yes")
            desk.done("district", number, "review", **NOT_GIVE)
            desk.done("zhang", number, "complete_paperwork", words="签字补齐了")  # its papers come before the end of the case
            desk.done("chen", number, "refuse", reason="核实后情况不属实", ground="untrue", served="2026-11-20")
        else:
            desk.done("sun", number, "return_for_rework", reason="缺材料")
    [row] = aid(desk)
    assert (row.amount, row.second) == (600, desk.staff("he"))
    with desk.stage.parts.database.begin() as session:
        assert "aid_given" in session.execute(sa.select(TicketEvent.kind)).scalars().all()


def test_no_refusal_while_aid_stands_on_one_signature(desk: Desk) -> None:
    number = desk.verified()
    desk.done("zhang", number, "give_aid", **AID)
    desk.done("zhang", number, "submit", **NOT_GIVE)
    desk.done("sun", number, "review", **NOT_GIVE)
    desk.refused("he", number, "refuse", "还差第二位同事确认", reason="x", ground="untrue", served="2026-11-20")


def test_the_database_knows_that_two_are_two(desk: Desk) -> None:
    number = desk.verified()
    desk.done("zhang", number, "give_aid", **AID)
    with pytest.raises(sa.exc.IntegrityError), desk.stage.parts.database.begin() as session:
        session.execute(sa.update(Aid).values(second=Aid.handler, second_at=desk.stage.clock()))


def test_words_about_the_person_are_sealed_in_event_and_row(desk: Desk) -> None:
    number = desk.verified()
    desk.done("zhang", number, "give_aid", **AID)
    with desk.stage.parts.database.begin() as session:
        data = session.execute(sa.select(TicketEvent.data).where(TicketEvent.kind == "aid_given")).scalar_one()
        row = session.execute(sa.select(Aid)).scalar_one()
        assert "王婶" not in str(data) and "王婶".encode() not in bytes(row.object)
