"""Between the page and the button the world goes on: powers end, people leave or move, limits sink, units dissolve."""
from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import CannotDelegate, create_staff, delegate, end_delegation
from actions.access.queries import as_viewer, lent_to
from actions.access.rules import Refused, Viewer
from actions.storage.tables import Staff, Ticket
from actions.tickets.commands import perform
from tests.cast import LONGTA, LONGXI, PASSWORD, Stage
from tests.live import until
from tests.tickets.approval.acting import Desk
from tests.tickets.deeds import FORMS

APPROVE = {"amount": "800"}


def viewer(desk: Desk, login: str) -> Viewer:
    """A person as the door has let them in."""
    parts = desk.stage.parts
    with parts.database.begin() as session:
        staff = session.execute(sa.select(Staff).where(Staff.login == login)).scalar_one()
        lent = frozenset(one.permission for one in lent_to(session, staff, parts.roles, desk.stage.clock()))
        return as_viewer(staff, parts.roles, lent)


def lend(desk: Desk, giver: str, taker: str, permission: str = "approve_ticket") -> int:
    parts, now = desk.stage.parts, desk.stage.clock()
    with parts.database.begin() as session:
        return int(delegate(
            session, viewer(desk, giver), parts.roles, from_staff=desk.staff(giver), to_staff=desk.staff(taker), permission=permission,
            delegable=[permission], starts_at=now, ends_at=now + timedelta(days=3), reason="休假", now=now).id)


def hire_deputy(desk: Desk) -> None:
    """吴科员 has neither registered, seen nor signed anything."""
    with desk.stage.parts.database.begin() as session:
        create_staff(session, login="deputy", name="吴科员", role="officer", unit_id=LONGXI, password=PASSWORD,
                     now=desk.stage.clock(), must_change_password=False)


def press(desk: Desk, who: Viewer, number: str, command: str, **form: str) -> None:
    with desk.stage.parts.database.begin() as session:
        version = session.execute(sa.select(Ticket.version).where(Ticket.number == number)).scalar_one()
        perform(session, desk.stage.parts.work, who, number=number, command=command, version=version, form=form, now=desk.stage.clock())


def test_the_deputy_approves_while_the_power_is_lent(desk: Desk) -> None:
    hire_deputy(desk)
    number = desk.reviewed()
    lend(desk, "he", "deputy")
    press(desk, viewer(desk, "deputy"), number, "approve", **APPROVE)
    assert desk.signed(number)[-1][1:3] == ("approve", "deputy")


@pytest.mark.parametrize("what", ["ended", "over", "giver gone", "giver moved", "taker gone", "taker moved", "giver demoted", "taker demoted"])
def test_a_power_that_ended_behind_the_door_opens_nothing(desk: Desk, what: str) -> None:
    hire_deputy(desk)
    number = desk.reviewed()
    lent = lend(desk, "he", "deputy")
    deputy, before = viewer(desk, "deputy"), desk.everything(number)
    with desk.stage.parts.database.begin() as session:
        change: dict[str, dict[str, Any]] = {
            "giver gone": {"active": False}, "giver moved": {"unit_id": LONGTA}, "giver demoted": {"role": "officer"},
            "taker gone": {"active": False}, "taker moved": {"unit_id": LONGTA}, "taker demoted": {"role": "auditor"}}
        if what == "ended":
            end_delegation(session, viewer(desk, "he"), delegation=lent, now=desk.stage.clock())
        elif what == "over":
            desk.stage.clock.advance(days=3)
        else:
            login = "he" if what.startswith("giver") else "deputy"
            session.execute(sa.update(Staff).where(Staff.login == login).values(**change[what]))
    with pytest.raises(Refused):
        press(desk, deputy, number, "approve", **APPROVE)
    assert desk.everything(number) == before


def test_what_was_lent_is_not_lent_on(desk: Desk) -> None:
    hire_deputy(desk)
    lend(desk, "he", "deputy")
    with pytest.raises(CannotDelegate):
        lend(desk, "deputy", "sun")


def test_an_officer_who_was_switched_off_while_waiting_for_the_ticket_does_nothing(desk: Desk) -> None:
    """The button was pressed while somebody else held the ticket; behind the lock the officer is no more."""
    number = desk.stage.ticket().number
    zhang, database = viewer(desk, "zhang"), desk.stage.parts.database
    said: list[BaseException] = []

    def accepts() -> None:
        try:
            press(desk, zhang, number, "accept")
        except BaseException as error:
            said.append(error)

    with database.begin() as session:
        session.execute(sa.select(Ticket.id).where(Ticket.number == number).with_for_update())
        waiting = Thread(target=accepts)
        waiting.start()
        until(lambda: blocked(desk.stage) > 0)
        with database.begin() as other:
            other.execute(sa.update(Staff).where(Staff.login == "zhang").values(active=False))
    waiting.join(30)
    assert [type(error) for error in said] == [Refused]
    assert desk.row(number).accepted_by is None and desk.row(number).state == "dispatched"


def blocked(stage: Stage) -> int:
    """How many wait for a lock."""
    with stage.parts.database.begin() as session:
        return int(session.execute(sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).scalar_one())


def test_a_delegates_own_conflict_and_the_givers_both_count(desk: Desk) -> None:
    hire_deputy(desk)
    number = desk.reviewed()
    lend(desk, "he", "zhang")  # who has verified and proposed
    desk.refused("zhang", number, "approve", "要由别人来做", **APPROVE)
    desk.done("he", number, "declare_tie", **FORMS["declare_tie"])
    lend(desk, "he", "deputy")
    desk.refused("deputy", number, "approve", "需要回避", **APPROVE)


def test_the_limit_sank_between_review_and_approval(desk: Desk) -> None:
    number = desk.reviewed("800")
    desk.limit(500)
    desk.refused("he", number, "approve", "超过镇街审批额度", **APPROVE)
    desk.done("he", number, "send_up", words="超过额度")


def test_another_amount_than_reviewed_goes_back(desk: Desk) -> None:
    number = desk.reviewed("800")
    for amount in ("801", "799.99", "800.01"):
        desk.refused("he", number, "approve", "审核的金额是800元", amount=amount)
    desk.done("he", number, "approve", amount="800.00")


def test_a_head_who_moved_to_another_unit_signs_here_no_more(desk: Desk) -> None:
    number = desk.reviewed()
    desk.browser("he")
    with desk.stage.parts.database.begin() as session:
        session.execute(sa.update(Staff).where(Staff.login == "he").values(unit_id=LONGTA))
    before = desk.everything(number)
    assert desk.do("he", number, "approve", **APPROVE).status_code == 404
    assert desk.everything(number) == before


def test_where_the_only_approver_has_handled_the_case_it_goes_up(desk: Desk) -> None:
    number = desk.verified(by="he")
    desk.done("zhang", number, "submit", opinion="give", amount="800", words="属实")
    desk.done("sun", number, "review", opinion="give", words="属实")
    desk.refused("he", number, "approve", "要由别人来做", **APPROVE)
    desk.done("he", number, "send_up", words="只有我一人有权审批，又核实过")
    assert desk.row(number).sent_up and desk.row(number).state == "reviewing"


@pytest.mark.parametrize("tie", [{"identity": "11010519491231002x"}, {"phone": "139 1234 5678"}])
@pytest.mark.parametrize("role", ["applicant", "member", "supporter", "proxy"])
def test_a_declared_tie_binds_to_everybody_registered_on_the_ticket(desk: Desk, tie: dict[str, str], role: str) -> None:
    number = desk.reviewed()
    assert desk.browser("he").do("/desk/powers/ties", relation="sibling", **tie).status_code == 303
    person = {"name": "何小妹", "identity": "11010519491231002X", "phone": "13912345678"}
    desk.done("zhang", number, "add_person", role=role, **person)
    desk.refused("he", number, "approve", "需要回避", **APPROVE)
    assert "需要回避" in desk.page("zhang", number)  # and the page says so before


def test_somebody_removed_from_the_list_binds_nobody(desk: Desk) -> None:
    number = desk.reviewed()
    desk.browser("he").do("/desk/powers/ties", relation="sibling", phone="13912345678")
    desk.done("zhang", number, "add_person", role="member", name="何小妹", phone="13912345678")
    desk.done("zhang", number, "remove_person", person="1", reason="填错了")
    desk.done("he", number, "approve", **APPROVE)
