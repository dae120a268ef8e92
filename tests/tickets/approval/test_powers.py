"""Delegations and declared ties: who may lend what to whom, when it ends, and that nobody gets round anything by it."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Approval, Audit, Delegation, Relative, Staff
from tests.tickets.approval.acting import GIVE, Desk

APPROVE = {"amount": "800", "words": "同意"}
DAYS = {"from_day": "2026-11-20", "to_day": "2026-11-22", "reason": "出差"}


def lend(desk: Desk, by: str, giver: str, taker: str, permission: str = "approve_ticket", **more: Any) -> Any:
    return desk.browser(by).do("/desk/powers/delegations", **{
        "from": str(desk.staff(giver)), "to": str(desk.staff(taker)), "permission": permission, **DAYS, **more})


def rows(desk: Desk, table: Any) -> int:
    with desk.stage.parts.database.begin() as session:
        return int(session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


class TestLending:
    def test_a_power_lent_to_who_has_signed_or_by_who_has_signed_signs_nothing(self, desk: Desk) -> None:
        number = desk.reviewed()
        other = desk.verified()
        desk.done("zhang", other, "submit", **GIVE, amount="800")
        assert lend(desk, "he", "he", "sun").status_code == 303
        # 孙干事 reviewed the first: not in the head's place either
        desk.refused("sun", number, "approve", "同一个人不能签两次", **APPROVE)
        desk.done("he", other, "review", **GIVE)
        # the head reviewed the second: the power is the head's, whoever holds it
        desk.refused("sun", other, "approve", "同一个人不能签两次", **APPROVE)

    def test_a_third_person_approves_in_the_heads_place_and_it_is_on_record(self, desk: Desk) -> None:
        third(desk)
        number = desk.reviewed()
        lend(desk, "he", "he", "zhao")
        page = desk.page("zhang", number)
        assert "赵干事 <span class=\"soft\">（受何主任委托）" in page
        desk.done("zhao", number, "approve", **APPROVE)
        with desk.stage.parts.database.begin() as session:
            row = session.execute(sa.select(Approval).where(Approval.step == "approve")).scalar_one()
            assert row.delegation_id == session.execute(sa.select(Delegation.id)).scalar_one()
        assert (row.staff_id, row.in_place_of) == (desk.staff("zhao"), desk.staff("he"))
        assert "受何主任委托" in desk.page("chen", number)

    def test_the_givers_tie_goes_with_the_power(self, desk: Desk) -> None:
        third(desk)
        number = desk.reviewed()
        desk.done("he", number, "declare_tie", relation="parent_child")
        lend(desk, "he", "he", "zhao")
        desk.refused("zhao", number, "approve", "需要回避", **APPROVE)

    def test_it_holds_from_its_first_morning_to_its_last_evening(self, desk: Desk) -> None:
        third(desk)
        lend(desk, "he", "he", "zhao", from_day="2026-11-21", to_day="2026-11-21")
        number = desk.reviewed()

        def answers() -> int:
            desk.browsers.clear()
            return int(desk.browser("zhao").get(f"/desk/ticket/{number}/do/approve").status_code)

        assert answers() == 404  # Friday morning
        desk.stage.clock.advance(hours=14)  # Saturday, midnight in Chongqing
        assert answers() == 200
        desk.stage.clock.advance(hours=24)
        assert answers() == 404

    @pytest.mark.parametrize("ends", ["ended", "left", "moved", "demoted"])
    def test_it_ends_when_it_is_ended_or_the_giver_cannot_any_more(self, desk: Desk, ends: str) -> None:
        third(desk)
        number = desk.reviewed()
        lend(desk, "he", "he", "zhao")
        assert desk.browser("zhao").get(f"/desk/ticket/{number}/do/approve").status_code == 200
        if ends == "ended":
            assert desk.browser("he").do("/desk/powers/delegations/1/end").status_code == 303
        changes = {"left": {"active": False}, "moved": {"unit_id": "u-longta"}, "demoted": {"role": "officer"}}
        if ends in changes:
            with desk.stage.parts.database.begin() as session:
                session.execute(sa.update(Staff).where(Staff.login == "he").values(**changes[ends]))
        assert desk.do("zhao", number, "approve", **APPROVE).status_code == 404
        assert desk.row(number).state == "approving"

    @pytest.mark.parametrize("giver, taker, permission, more, says", [
        ("he", "li", "approve_ticket", {}, "同一单位"),  # another unit's
        ("he", "district", "approve_ticket", {}, "同一单位"),
        ("he", "zhou", "approve_ticket", {}, "同一单位"),  # an operator works no tickets
        ("he", "he", "approve_ticket", {}, "另一位同事"),
        ("he", "zhang", "manage_staff", {}, "只能委托"),
        ("he", "zhang", "give_aid", {}, "只能委托"),
        ("zhang", "sun", "approve_ticket", {}, "只能委托"),  # what one does not have
        ("he", "zhang", "approve_ticket", {"to_day": "2026-11-19"}, "起止时间"),
        ("he", "zhang", "approve_ticket", {"from_day": "2026-11-01", "to_day": "2026-11-02"}, "起止时间"),
        ("he", "zhang", "approve_ticket", {"to_day": "以后"}, "起止时间"),
        ("he", "zhang", "approve_ticket", {"reason": " "}, "为什么"),
    ])
    def test_what_cannot_be_lent(self, desk: Desk, giver: str, taker: str, permission: str, more: dict[str, str], says: str) -> None:
        answer = lend(desk, giver, giver, taker, permission, **more)
        assert answer.status_code == 422 and says in answer.text and rows(desk, Delegation) == 0

    def test_what_was_lent_is_not_lent_on(self, desk: Desk) -> None:
        lend(desk, "he", "he", "zhang")
        answer = lend(desk, "zhang", "zhang", "sun")
        assert answer.status_code == 422 and "只能委托自己岗位上的" in answer.text

    def test_for_who_is_away_the_supervisor_records_it_but_nobody_else_and_not_to_themselves(self, desk: Desk) -> None:
        third(desk)
        assert lend(desk, "zhang", "he", "zhao").status_code == 404
        assert lend(desk, "district", "he", "zhao").status_code == 404
        assert lend(desk, "wei", "chen", "wei").status_code == 422
        assert rows(desk, Delegation) == 0
        assert lend(desk, "chen", "he", "zhao").status_code == 303
        number = desk.reviewed()
        desk.done("zhao", number, "approve", **APPROVE)
        page = desk.browser("chen").get("/desk/powers").text
        assert "何主任" in page and "赵干事" in page and "陈科长" in page
        with desk.stage.parts.database.begin() as session:
            assert "delegated" in session.execute(sa.select(Audit.action)).scalars().all()

    def test_the_district_too(self, desk: Desk) -> None:
        number = desk.sent_up()
        desk.done("district", number, "review", **GIVE)
        lend(desk, "chen", "chen", "district")
        lend(desk, "chen", "chen", "qian")
        desk.refused("district", number, "approve", "同一个人不能签两次", amount="5000")
        desk.done("qian", number, "approve", amount="5000")

    def test_others_delegations_and_ties_are_not_for_everybody(self, desk: Desk) -> None:
        lend(desk, "he", "he", "zhang")
        desk.browser("he").do("/desk/powers/ties", relation="sibling", phone="13912345678", name="何小妹")
        for login, sees in [("he", True), ("chen", True), ("auditor", True), ("sun", False), ("li", False), ("zhou", False)]:
            page = desk.browser(login).get("/desk/powers").text
            assert ("出差" in page, "何小妹" in page) == (sees, sees), login
        assert "出差" in desk.browser("zhang").get("/desk/powers").text


class TestTies:
    def test_by_phone_it_binds_in_every_case_of_that_phone(self, desk: Desk) -> None:
        number = desk.verified(phone="13912345678，晚上打")
        desk.browser("zhang").do("/desk/powers/ties", relation="spouse", phone="139 1234 5678")
        desk.refused("zhang", number, "submit", "需要回避", **GIVE, amount="800")
        other = desk.verified(phone="13912345679")
        desk.done("zhang", other, "submit", **GIVE, amount="800")
        with desk.stage.parts.database.begin() as session:
            row = session.execute(sa.select(Relative)).scalar_one()
        assert b"139" not in bytes(row.phone_hash) and row.name is None

    def test_by_identity_number_of_a_family_member(self, desk: Desk) -> None:
        number = desk.verified()
        desk.browser("zhang").do("/desk/powers/ties", relation="sibling", identity="11010519491231002x")
        assert desk.browser("sun").do(f"/desk/tickets/{number}/authorisations", kind="household", scope_income="yes",
                                      name_1="王婶", identity_1="11010519491231002X").status_code == 303
        desk.refused("zhang", number, "submit", "需要回避", **GIVE, amount="800")

    @pytest.mark.parametrize("sent, says", [
        ({"relation": "sibling"}, "电话或身份证号"), ({"relation": "", "phone": "13912345678"}, "什么关系"),
        ({"relation": "friend", "phone": "13912345678"}, "什么关系"), ({"relation": "sibling", "phone": "139"}, "没有认出电话"),
    ])
    def test_a_tie_names_a_relation_and_somebody(self, desk: Desk, sent: dict[str, str], says: str) -> None:
        answer = desk.browser("zhang").do("/desk/powers/ties", **sent)
        assert answer.status_code == 422 and says in answer.text and rows(desk, Relative) == 0

    def test_for_another_only_who_oversees_and_nobody_undoes_their_own(self, desk: Desk) -> None:
        tie = {"relation": "sibling", "phone": "13912345678"}
        assert desk.browser("zhang").do("/desk/powers/ties", staff=str(desk.staff("he")), **tie).status_code == 404
        assert desk.browser("chen").do("/desk/powers/ties", staff=str(desk.staff("he")), **tie).status_code == 303
        assert desk.browser("chen").do("/desk/powers/ties", **tie).status_code == 303
        assert desk.browser("he").do("/desk/powers/ties/1/withdraw").status_code == 404
        assert desk.browser("chen").do("/desk/powers/ties/2/withdraw").status_code == 409  # the own one
        number = desk.verified(phone="13912345678")
        desk.done("zhang", number, "submit", **GIVE, amount="800")
        desk.refused("he", number, "review", "需要回避", **GIVE)
        assert desk.browser("wei").do("/desk/powers/ties/1/withdraw").status_code == 303
        desk.done("he", number, "review", **GIVE)
        with desk.stage.parts.database.begin() as session:
            assert [row.withdrawn_at is None for row in session.execute(
                sa.select(Relative).order_by(Relative.id)).scalars()] == [False, True]


def third(desk: Desk) -> None:
    """赵干事 comes to 龙溪街道: a third pair of hands."""
    from actions.access.commands import create_staff
    from tests.cast import LONGXI, PASSWORD

    with desk.stage.parts.database.begin() as session:
        create_staff(session, login="zhao", name="赵干事", role="officer", unit_id=LONGXI, password=PASSWORD,
                     now=desk.stage.clock(), must_change_password=False)
