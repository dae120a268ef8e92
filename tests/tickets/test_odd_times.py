"""Clocks where they are easily wrong: more time in a pause or for a clock that is gone, figures nobody knows, days far away."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Aid, Contact, Notice
from actions.tickets.commands import FieldsWrong, NotAllowed
from tests.cast import hidden
from tests.intake_help import a_form
from tests.tickets.counting import ORDINARY, Office, shown
from tests.tickets.deeds import INTO, put
from tests.tickets.test_upkeep import config_with, keep, with_config

VISIT = {"way": "visit", "findings": "属实"}
AID = {"object": "王婶", "circumstance": "没地方住", "way": "cash", "amount": "500"}


def because(refused: Any) -> str:
    return str(refused.value.reason)


def accepted(office: Office, **more: Any) -> str:
    number = office.open(**{**ORDINARY, **more})
    office.do(number, "accept")
    return number


def contact_of(office: Office) -> int:
    office.stage.browser().write("家里着火了")
    with office.session() as session:
        return int(session.execute(sa.select(Contact.id)).scalars().first())


def heard(office: Office, kind: str) -> list[str]:
    """What the resident was told, as they read it."""
    with office.session() as session:
        return [office.stage.parts.replies.text(row.kind, **row.parameters) for row in session.execute(
            sa.select(Notice).where(Notice.recipient == "resident", Notice.kind == kind)).scalars()]


class TestMoreTime:
    def test_the_resident_hears_the_new_day_in_plain_words(self, office: Office) -> None:
        number = accepted(office, contact_id=contact_of(office))
        office.do(number, "ask_extension", until="2026-12-10", reason="等火灾认定书")
        assert heard(office, "ticket_extended") == []  # nobody has decided
        office.do(number, "decide_extension", "he", granted="yes")
        [text] = heard(office, "ticket_extended")
        assert number in text and "12月10日" in text and "2026" not in text and "等火灾认定书" not in text

    def test_what_was_not_granted_is_not_told(self, office: Office) -> None:
        number = accepted(office, contact_id=contact_of(office))
        office.do(number, "ask_extension", until="2026-12-10", reason="等")
        office.do(number, "decide_extension", "he", granted="no")
        assert heard(office, "ticket_extended") == []

    def test_a_discreet_ticket_is_silent(self, office: Office) -> None:
        number = accepted(office, contact_id=contact_of(office), discreet=True)
        office.do(number, "ask_extension", until="2026-12-10", reason="等")
        office.do(number, "decide_extension", "he", granted="yes")
        with office.session() as session:
            assert session.execute(sa.select(Notice.state).where(Notice.kind == "ticket_extended")).scalars().all() == ["silent"]

    def test_it_can_be_asked_for_in_a_pause_that_outlasts_the_old_deadline(self, office: Office) -> None:
        number = accepted(office)  # due on 1 December
        office.do(number, "ask_supplement", missing="户口簿")
        office.wait_until("12-14 10:00")  # as it stands still, 24 November at the latest is 16 working days ago
        with pytest.raises(NotAllowed) as short:
            office.do(number, "ask_extension", until="2026-12-22", reason="等")
        assert because(short) == "later_than_due" and short.value.parameters == {"due": "2026-12-22"}
        office.do(number, "ask_extension", until="2026-12-25", reason="等")
        office.do(number, "decide_extension", "he", granted="yes")
        assert office.clocks(number)["handling"] == "12-25 23:59" and office.ticket(number).due_state == "paused"
        office.do(number, "receive_supplement", received="户口簿")
        assert office.clocks(number)["handling"] == "12-25 23:59"

    def test_it_is_granted_to_the_clock_it_was_asked_for(self, office: Office) -> None:
        number = accepted(office)
        office.do(number, "ask_extension", until="2026-12-25", reason="等")
        office.do(number, "give_aid", **AID)  # now the papers are counted, and nobody asked for more time for them
        before = office.clocks(number)
        assert before == {"paperwork": "12-18 23:59"}
        with pytest.raises(NotAllowed) as gone:
            office.do(number, "decide_extension", "he", granted="yes")
        assert because(gone) == "extension_over" and office.clocks(number) == before
        office.do(number, "decide_extension", "he", granted="no")
        office.do(number, "ask_extension", until="2026-12-25", reason="等盖章")
        office.do(number, "decide_extension", "he", granted="yes")
        assert office.clocks(number) == {"paperwork": "12-25 23:59"}

    def test_a_day_that_has_passed_is_not_granted(self, office: Office) -> None:
        number = accepted(office)
        office.do(number, "ask_extension", until="2026-12-03", reason="等")
        office.wait_until("12-03 23:59")
        office.do(number, "addend", words="还在等")
        office.wait_until("12-04 00:00")
        with pytest.raises(NotAllowed) as past:
            office.do(number, "decide_extension", "he", granted="yes")
        assert because(past) == "extension_day_past" and past.value.parameters == {"until": "2026-12-03"}

    @pytest.mark.parametrize("until", ["9999-12-31", "2027-11-22", "2062-12-04"])
    def test_a_slip_of_the_finger_is_not_counted_for_centuries(self, office: Office, until: str) -> None:
        number = accepted(office)
        with pytest.raises(FieldsWrong) as far:
            office.do(number, "ask_extension", until=until, reason="等")
        assert far.value.problems["until"][0] == "field_too_far" and far.value.problems["until"][1]["latest"] == "2027-11-21"
        page = office.stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/ask_extension", version="2", until=until, reason="等")
        assert page.status_code == 422 and "太远了，最晚填2027-11-21" in page.text
        [other] = put(office.stage, [{"state": "paying"}])
        with pytest.raises(FieldsWrong):
            office.do(other, "publish", where="公示栏", until=until)


class TestPauses:
    def test_asking_for_papers_where_the_rule_of_a_clock_is_gone(self, office: Office, tmp_path: Path) -> None:
        number = accepted(office)
        path = config_with(tmp_path, due=("  temporary_aid:\n", "  temporary_aid_old:\n"),
                           clocks=("rule: temporary_aid}", "rule: temporary_aid_old}"), pauses=("[temporary_aid,", "[temporary_aid_old,"))
        with_config(office, path)
        office.do(number, "verify", **VISIT)
        office.do(number, "ask_supplement", missing="户口簿")
        assert office.ticket(number).state == "supplementing" and office.clocks(number)["handling"] == "12-01 23:59"
        office.do(number, "receive_supplement", received="有了")

    def test_twice_in_one_case(self, office: Office) -> None:
        """A second one only after the case went elsewhere; each costs its own nights."""
        number = accepted(office)
        office.do(number, "ask_supplement", missing="户口簿")
        office.wait_until("11-24 10:00")
        office.do(number, "transfer", "district", unit="u-longta", reason="人搬过去了")
        assert office.clocks(number)["handling"] == "12-02 23:59" and office.ticket(number).due_state == "runs"  # without the 23rd
        office.do(number, "accept", "li")
        office.wait_until("11-25 23:59")
        office.do(number, "ask_supplement", "li", missing="证明")
        office.wait_until("11-26 00:00")
        office.do(number, "receive_supplement", "li", received="有了")
        assert office.clocks(number)["handling"] == "12-02 23:59"  # over with the stroke of midnight: no night, no day
        with pytest.raises(Exception, match="verifying"):
            office.do(number, "receive_supplement", "li", received="有了")  # nothing is paused any more


class TestFiguresNobodyKnows:
    def gap(self, office: Office, path: Path) -> None:
        """Nobody knows how long an urgent case may take."""
        text = "    figures:\n      - kind: working_days\n        count: 7\n"
        with_config(office, config_with(path, due=(text, text.replace("count: 7", "count: null"))))
        know = office.stage.parts.knowledge
        object.__setattr__(office.stage.parts, "knowledge", replace(know, clockwork=office.work.clockwork))

    def test_a_ticket_is_opened_all_the_same(self, office: Office, tmp_path: Path) -> None:
        self.gap(office, tmp_path)
        number = office.open(**ORDINARY)
        assert set(office.clocks(number)) == {"sign", "contact"}
        assert shown(office.ticket(number).due_at) == "11-20 11:59"  # the first thing that is owed
        office.do(number, "accept")
        office.do(number, "verify", **VISIT)
        with pytest.raises(NotAllowed) as none:
            office.do(number, "ask_extension", until="2026-12-10", reason="等")
        assert because(none) == "nothing_to_extend"
        assert keep(office) > office.stage.clock()  # nothing goes round and round

    def test_at_the_desk_too(self, office: Office, tmp_path: Path) -> None:
        self.gap(office, tmp_path)
        zhou = office.stage.sign_in("zhou")
        page = zhou.get("/desk/intake")
        assert page.status_code == 200
        answer = zhou.do("/desk/intake", **{**a_form(), "external_id": hidden(page.text, "external_id"), "cause": "no_income", "f_need_tonight_bed": ""})
        assert answer.status_code == 200 and "已登记并派单" in answer.text


class TestAidAndItsPapers:
    def given(self, office: Office, confirmed: bool = True) -> str:
        number = accepted(office)
        office.do(number, "give_aid", **AID)
        if confirmed:
            office.do(number, "confirm_aid", "he")
        return number

    def test_a_withdrawal_leaves_the_papers_to_be_made_up(self, office: Office) -> None:
        number = self.given(office)
        office.do(number, "withdraw", "zhou")
        assert office.clocks(number) == {"paperwork": "12-18 23:59"} and office.timers() == 1
        office.do(number, "complete_paperwork", words="签字补齐了")
        assert office.clocks(number) == {} and office.timers() == 0 and office.ticket(number).state == "withdrawn"

    def test_nor_does_a_reopening_forget_them(self, office: Office) -> None:
        number = self.given(office)
        office.do(number, "withdraw", "zhou")
        office.wait_until("11-24 10:00")
        office.do(number, "reopen", "zhou", reason="又来了")
        assert office.clocks(number)["paperwork"] == "12-18 23:59"
        office.do(number, "accept")
        with pytest.raises(NotAllowed) as owed:
            office.do(number, "close", result="aided", words="好了")
        assert because(owed) == "paperwork_done"

    @pytest.mark.parametrize(("confirmed", "why"), [(False, "aid_unconfirmed"), (True, "paperwork_done")])
    def test_a_report_is_not_merged_away_from_under_aid(self, office: Office, confirmed: bool, why: str) -> None:
        [number] = put(office.stage, [{"state": "accepted", "aid_first": True}])
        office.do(number, "give_aid", **AID)
        if confirmed:
            office.do(number, "confirm_aid", "he")
        with pytest.raises(NotAllowed) as alone:
            office.do(number, "merge", into=INTO)
        assert because(alone) == why and office.ticket(number).state == "accepted"
        with office.session() as session:
            assert session.execute(sa.select(Aid.second)).scalars().all() == [office.people["he"].staff_id if confirmed else None]

    def test_a_refusal_waits_for_the_papers_of_what_was_given(self, office: Office) -> None:
        [number] = put(office.stage, [{"state": "approving", "signed": [("township", "propose", "not_give", None),
                                                                        ("township", "review", "not_give", None)]}])
        office.do(number, "give_aid", **AID)
        office.do(number, "confirm_aid", "he")
        office.work = office.stage.parts.work  # where the township decides
        form = {"reason": "没有这件事", "ground": "untrue", "served": "2026-11-20"}
        with pytest.raises(NotAllowed) as owed:
            office.do(number, "refuse", "he", **form)
        assert because(owed) == "paperwork_done"
        office.do(number, "complete_paperwork", words="齐了")
        assert office.do(number, "refuse", "he", **form).state == "refused"
