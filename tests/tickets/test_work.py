"""Working a ticket at the desk: the whole way, pages that are out of date, forms that are wrong; nothing half-written."""
from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.storage.tables import Audit, Contact, Notice, Staff, Ticket, TicketEvent, TicketFile
from actions.tickets.forms import MEGABYTE
from actions.tickets.rules import MEGABYTES, Field
from tests.cast import LONGTA, LONGXI, PASSWORD, Browser, Stage
from tests.stage import make_stage
from tests.tickets.deeds import ASKED, FORMS, LATER, before_of, put, signed_of

JPEG = bytes.fromhex("ffd8ffdb0004aaaaffd9")


def row(stage: Stage, number: str) -> Ticket:
    with stage.parts.database.begin() as session:
        return session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()


def kinds(stage: Stage, number: str) -> list[str]:
    with stage.parts.database.begin() as session:
        return list(session.execute(sa.select(TicketEvent.kind).join(Ticket, Ticket.id == TicketEvent.ticket_id)
                                    .where(Ticket.number == number).order_by(TicketEvent.id)).scalars())


def told(stage: Stage, recipient: str = "resident") -> list[tuple[str, str]]:
    with stage.parts.database.begin() as session:
        return [(notice.kind, notice.state) for notice in session.execute(
            sa.select(Notice).where(Notice.recipient == recipient).order_by(Notice.id)).scalars()]


def counts(stage: Stage) -> list[int]:
    with stage.parts.database.begin() as session:
        return [session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in (TicketEvent, Notice, TicketFile)]


def contact_of(stage: Stage) -> int:
    stage.browser().write("家里着火了")
    with stage.parts.database.begin() as session:
        return int(session.execute(sa.select(Contact.id)).scalars().first())


def do(stage: Stage, who: Browser, number: str, command: str, version: int | None = None, **form: str) -> Any:
    """The command with the form a person would fill in, from a page that is up to date."""
    shown = row(stage, number).version if version is None else version
    return who.do(f"/desk/ticket/{number}/do/{command}", version=str(shown), **{**FORMS[command], **form})


def hire_another(stage: Stage) -> None:
    """孙干事, the second officer of 龙溪街道: a decision needs three people."""
    with stage.parts.database.begin() as session:
        if not session.execute(sa.select(Staff.id).where(Staff.login == "sun")).first():
            create_staff(session, login="sun", name="孙干事", role="officer", unit_id=LONGXI, password=PASSWORD, now=stage.clock(),
                         must_change_password=False)


class TestTheWholeWay:
    STEPS = [("zhang", "accept", "accepted"), ("zhang", "give_aid", "accepted"), ("zhang", "verify", "verifying"),
             ("zhang", "ask_supplement", "supplementing"), ("zhang", "receive_supplement", "verifying"),
             ("zhang", "submit", "reviewing"), ("sun", "review", "approving"), ("he", "send_up", "reviewing"),
             ("district", "review", "approving"), ("chen", "return_for_rework", "verifying"), ("zhang", "submit", "reviewing"),
             ("sun", "review", "approving"), ("he", "approve", "paying"), ("zhang", "publish", "publishing")]
    AFTER = [("zhang", "end_publication", "paying"), ("sun", "confirm_aid", "paying"),
             ("zhang", "complete_paperwork", "paying"), ("zhang", "pay", "paying"),
             ("zhang", "close", "closed"), ("zhou", "follow_up", "followed_up"), ("zhou", "addend", "followed_up"),
             ("zhou", "reopen", "dispatched")]

    def walk(self, stage: Stage, number: str, steps: list[tuple[str, str, str]]) -> None:
        hire_another(stage)
        for login, command, after in steps:
            more = {"close": {"result": "aided"}, "send_up": {"away": "yes"}}.get(command, {})
            answer = do(stage, stage.sign_in(login), number, command, **more)
            assert answer.status_code == 303, (command, answer.text[-900:])
            assert row(stage, number).state == after, command

    def test_from_the_cry_to_the_call_afterwards(self, stage: Stage) -> None:
        number = stage.ticket(contact_id=contact_of(stage)).number
        self.walk(stage, number, self.STEPS)
        stage.clock.advance(days=15)  # the days of publication have passed
        self.walk(stage, number, self.AFTER)
        ticket = row(stage, number)
        assert ticket.version == 1 + len(self.STEPS) + len(self.AFTER)
        assert ticket.accepted_by is None and not ticket.sent_up and ticket.closed_at is None  # it begins anew
        assert kinds(stage, number)[-4:] == ["closed", "followed_up", "addended", "reopened"]
        assert [kind for kind, _ in told(stage)] == [
            "ticket_accepted", "ticket_aid_given", "ticket_verifying", "ticket_supplement", "ticket_supplement_received",
            "ticket_reviewing", "ticket_approving", "ticket_sent_up", "ticket_approving", "ticket_rework", "ticket_reviewing",
            "ticket_approving", "ticket_approved", "ticket_publishing", "ticket_published", "ticket_paid", "ticket_closed",
            "ticket_reopened"]
        assert {state for _, state in told(stage)} == {"waiting"}
        page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
        for words in ("先行救助", '<span class="num">600</span>元', "退回重办", "缺入户照片", "区民政小刘", "核实方式", "入户走访", '<span class="num">1540.00</span>元', "满意"):
            assert words in page, words

    def test_the_history_tells_fields_in_the_order_they_were_asked(self, stage: Stage) -> None:
        number = stage.ticket().number
        self.walk(stage, number, self.STEPS[:2])
        page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
        places = [page.index(f"<dt>{title}</dt>") for title in ("救助对象", "急难情形", "救助方式", "金额或折价")]
        assert places == sorted(places)

    def test_a_discreet_ticket_is_worked_in_silence(self, stage: Stage) -> None:
        number = stage.ticket(contact_id=contact_of(stage), discreet=True).number
        self.walk(stage, number, self.STEPS[:4])
        assert told(stage) == [
            (kind, "silent") for kind in ("ticket_accepted", "ticket_aid_given", "ticket_verifying", "ticket_supplement")]

    def test_what_is_told_names_what_is_missing_in_the_officers_words(self, stage: Stage) -> None:
        number = stage.ticket(contact_id=contact_of(stage)).number
        self.walk(stage, number, self.STEPS[:4])
        with stage.parts.database.begin() as session:
            notice = session.execute(sa.select(Notice).where(Notice.kind == "ticket_supplement")).scalar_one()
        text = stage.parts.replies.text(notice.kind, **notice.parameters)
        assert number in text and "身份证复印件、火灾证明" in text


class TestThePageOfACommand:
    # a ticket put there by one insert has no clock that runs and nobody's chat: that is said instead of a form
    BARRED: ClassVar[dict[str, str]] = {"ask_extension": "现在没有可以延期的时限", "send_code": "请当面或打电话给"}

    def test_every_form_shows_its_fields_and_posts_to_itself(self, stage: Stage, lifecycle: Any) -> None:
        people = {login: stage.sign_in(login) for login in ("zhang", "he", "district", "chen", "zhou")}
        for command in lifecycle.commands.values():
            state = sorted(command.start)[0]
            [number] = put(stage, [{"state": state, "before": before_of(command.id, state), "signed": signed_of(command.id),
                                    "aid": command.id == "confirm_aid", "sent_up": command.id == "record_meeting"}])
            login = next(one for one in people if stage_role(stage, one).may & {command.permission})
            page = people[login].get(f"/desk/ticket/{number}/do/{command.id}").text
            if command.id in self.BARRED:
                assert self.BARRED[command.id] in page and "/do/" not in page
                continue
            assert f'action="/desk/ticket/{number}/do/{command.id}"' in page and f"<h1>{command.title}</h1>" in page
            for field in command.fields:
                assert f'name="{field.id}"' in page and field.title in page, (command.id, field.id)

    def test_buttons_are_what_this_person_may_now(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "verifying"}])
        page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
        offered = {command for command in FORMS if f"/desk/ticket/{number}/do/{command}" in page}
        # what there is nothing for is not among them: no aid given, no call wanted, no clock that runs
        assert offered == {"verify", "ask_supplement", "submit", "give_aid", "close", "refer", "declare_tie", "addend",
                           "note_consent", "note_finding", "merge", "add_person", "remove_person", "hand_over",
                           "note_sharing", "end_sharing", "give_code"}
        assert not [command for command in FORMS if f"/do/{command}\"" in stage.sign_in("auditor").get(f"/desk/tickets/{number}").text]

    def test_a_form_for_another_state_tells_what_the_ticket_is_now(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "paying"}])
        answer = stage.sign_in("zhang").get(f"/desk/ticket/{number}/do/verify")
        assert answer.status_code == 409 and "待发放" in answer.text

    def test_commands_nobody_knows(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "dispatched"}])
        zhang = stage.sign_in("zhang")
        for command in ("nothing", "__class__", "accept%00", "..", "ACCEPT", "受理"):
            assert zhang.get(f"/desk/ticket/{number}/do/{command}").status_code == 404, command
            assert zhang.do(f"/desk/ticket/{number}/do/{command}", version="1").status_code == 404, command


def stage_role(stage: Stage, login: str) -> Any:
    from tests.cast import STAFF

    return stage.parts.roles[STAFF[login][1]]


class TestAPageThatIsOutOfDate:
    def test_says_who_did_what_since(self, stage: Stage) -> None:
        number = stage.ticket().number
        zhang, he = stage.sign_in("zhang"), stage.sign_in("he")
        do(stage, he, number, "accept")
        do(stage, he, number, "verify", findings="邻居说昨晚起火")
        answer = do(stage, zhang, number, "verify", version=2)
        assert answer.status_code == 409
        for words in ("刚才的操作没有执行", "核实中", "核实", "何主任", "邻居说昨晚起火", "2026-11-20 10:00", "龙溪街道"):
            assert words in answer.text, words
        assert ">受理<" not in answer.text  # that was on the page already
        assert row(stage, number).version == 3

    def test_what_is_sealed_stays_sealed_there_too(self, stage: Stage) -> None:
        number = stage.ticket().number
        zhou = stage.sign_in("zhou")
        do(stage, stage.sign_in("zhang"), number, "accept")
        do(stage, stage.sign_in("zhang"), number, "addend", words="家里老人有病")
        answer = do(stage, zhou, number, "urge", version=1)
        assert answer.status_code == 409 and "家里老人有病" not in answer.text and "补记" in answer.text


class TestAWrongForm:
    def wrong(self, stage: Stage, state: str, command: str, form: dict[str, str], login: str = "zhang") -> str:
        """The page of a form that was refused: nothing was written."""
        [number] = put(stage, [{"state": state}])
        before, was = counts(stage), row(stage, number)
        answer = stage.sign_in(login).do(f"/desk/ticket/{number}/do/{command}", version="1", **form)
        assert answer.status_code == 422, answer.text[-500:]
        now = row(stage, number)
        assert counts(stage) == before and (now.state, now.version) == (was.state, 1)
        return str(answer.text)

    def test_names_every_wrong_field_and_keeps_what_was_typed(self, stage: Stage) -> None:
        page = self.wrong(stage, "paying", "pay", {"amount": "-5", "way": "gold", "on": "2026-13-01"})
        for words in ("发放金额请填大于0的金额", "发放方式请从列出的里面选一个", "发放日期请填日期", 'value="-5"'):
            assert words in page, words
        assert page.count('aria-invalid="true" autofocus') == 3  # the cursor stands at the first of them

    SENTENCES: ClassVar[list[Any]] = [
        ("verify", "accepted", {"way": "visit", "findings": "长" * 2001}, "最多2000个字"),
        ("verify", "accepted", {"way": "visit", "findings": " \u200b\u3000"}, "请写明核实到的情况"),
        ("verify", "accepted", {"findings": "看过了"}, "请写明核实方式"),
        ("pay", "paying", {**FORMS["pay"], "amount": "0"}, "发放金额"), ("pay", "paying", {**FORMS["pay"], "amount": "1e9"}, "发放金额"),
        ("pay", "paying", {**FORMS["pay"], "amount": "12.345"}, "发放金额"), ("pay", "paying", {**FORMS["pay"], "amount": "１２"}, "发放金额"),
        ("pay", "paying", {**FORMS["pay"], "amount": "NaN"}, "发放金额"), ("pay", "paying", {**FORMS["pay"], "amount": "999999999"}, "发放金额"),
        ("pay", "paying", {**FORMS["pay"], "on": LATER}, "发放日期不能晚于今天"),
        ("publish", "paying", {**FORMS["publish"], "until": "2026-11-01"}, "公示到哪天不能早于今天"),
        ("publish", "paying", {**FORMS["publish"], "until": "明天"}, "请填日期"),
        ("refer", "accepted", {**FORMS["refer"], "consent": "maybe"}, "求助人是否同意转介请从列出的里面选一个"),
        ("return", "accepted", {"reason": "不是", "unit": "u-nowhere"}, "不在名单里"),
        ("return", "accepted", {"reason": "不是", "unit": LONGXI}, "现在就在这里"),
    ]

    def test_one_clear_sentence(self, stage: Stage) -> None:
        for command, state, form, says in self.SENTENCES:
            assert says in self.wrong(stage, state, command, form), (command, form)

    def test_words_of_a_form_are_text(self, stage: Stage) -> None:
        bad = '"><script>alert(1)</script>'
        assert "<script>alert" not in self.wrong(stage, "paying", "pay", {**FORMS["pay"], "amount": bad})
        number = stage.ticket().number
        do(stage, stage.sign_in("zhang"), number, "addend", words=bad)
        page = stage.sign_in("zhang").get(f"/desk/tickets/{number}").text
        assert "<script>alert" not in page and "&lt;script&gt;" in page

    def test_a_body_without_end_is_refused_before_anything_is_read(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "accepted"}])
        answer = stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/addend", version="1", words="长" * 3_000_000)
        assert answer.status_code == 413 and kinds(stage, number) == []


class TestWhatTheTicketDoesNotAllow:
    SENTENCES: ClassVar[list[Any]] = [
        ("zhang", "close", {"state": "accepted"}, {"result": "aided"}, "还没有记发放"),
        ("zhang", "close", {"state": "paying", "before": [("paid", {})]}, {"result": "unreachable"}, "办结结果应选"),
        ("zhang", "publish", {"state": "paying", "before": [("paid", {})]}, {}, "已经发放过"),
        ("he", "return_for_rework", {"state": "paying", "before": [("paid", {})]}, {}, "已经发放过"),
        ("zhang", "complete_paperwork", {"state": "verifying"}, {}, "还没有记过先行救助"),
        ("zhang", "ask_supplement", {"state": "verifying", "before": [("supplement_asked", {})]}, {}, "已经通知过补正"),
        ("zhang", "refer", {"state": "accepted"}, {"consent": "no"}, "要求助人同意才能转介"),
        ("zhang", "ask_extension", {"state": "accepted", "before": [("extension_asked", ASKED)]}, {}, "已经有一个延期申请"),
        ("he", "decide_extension", {"state": "accepted"}, {}, "没有等审批的延期申请"),
        ("zhang", "return", {"state": "accepted", "before": [("assigned", {})]}, {}, "不能再退单"),
        ("he", "approve", {"state": "approving", "sent_up": True}, {}, "已报区"),
        ("chen", "refuse", {"state": "approving"}, {}, "还在镇街"),
    ]

    def test_is_said_in_one_sentence_and_changes_nothing(self, stage: Stage) -> None:
        people = {login: stage.sign_in(login) for login in ("zhang", "he", "chen")}
        for login, command, one, form, says in self.SENTENCES:
            [number] = put(stage, [one])
            before = counts(stage)
            answer = do(stage, people[login], number, command, **form)
            assert answer.status_code == 409 and says in answer.text, (command, answer.text[-500:])
            assert counts(stage) == before and row(stage, number).version == 1

    def test_life_in_danger_needs_no_consent_to_be_referred(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "accepted", "urgency": "life_danger"}])
        assert do(stage, stage.sign_in("zhang"), number, "refer", consent="no").status_code == 303

    def test_after_a_reopening_everything_missing_may_be_told_anew(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "verifying", "before": [("supplement_asked", {}), ("reopened", {})]}])
        assert do(stage, stage.sign_in("zhang"), number, "ask_supplement").status_code == 303

    def test_publication_ends_after_its_last_day(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "paying"}])
        do(stage, stage.sign_in("zhang"), number, "publish", until="2026-11-22")
        stage.clock.advance(days=2)
        answer = do(stage, stage.sign_in("zhang"), number, "end_publication")
        assert answer.status_code == 409 and "公示到2026-11-22结束" in answer.text
        stage.clock.advance(days=1)
        assert do(stage, stage.sign_in("zhang"), number, "end_publication").status_code == 303

    def test_more_time_is_asked_for_before_and_granted_by_another(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "verifying"}])
        due, he = row(stage, number).due_at, stage.sign_in("he")
        assert do(stage, he, number, "ask_extension").status_code == 303
        own = do(stage, he, number, "decide_extension")
        assert own.status_code == 409 and "不能自己审批" in own.text
        assert do(stage, stage.sign_in("chen"), number, "decide_extension").status_code == 303
        after = row(stage, number).due_at
        assert after > due and after.isoformat() == "2026-12-04T15:59:59+00:00"
        stage.clock.advance(days=20)
        late = do(stage, stage.sign_in("zhang"), number, "ask_extension", until="2027-01-05")
        assert late.status_code == 409 and "已经超过时限" in late.text

    def test_a_refused_extension_moves_nothing(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "verifying", "before": [("extension_asked", ASKED)]}])
        due = row(stage, number).due_at
        assert do(stage, stage.sign_in("he"), number, "decide_extension", granted="no").status_code == 303
        assert row(stage, number).due_at == due

    def test_a_command_of_the_township_is_not_offered_for_the_districts_desk(self, stage: Stage) -> None:
        [number] = put(stage, [{"state": "dispatched", "desk": "district", "unit_id": None, "unit_name": None}])
        district = stage.sign_in("district")
        assert do(stage, district, number, "accept").status_code == 303
        assert "退单" not in district.get(f"/desk/tickets/{number}").text


def test_a_unit_that_was_dissolved_meanwhile_cannot_be_chosen(
    database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any
) -> None:
    """The page was read while 龙塔 still existed; the next morning it does not."""
    gazetteer = knowledge.gazetteer
    unit = gazetteer.units[LONGTA]
    ended = dataclasses.replace(unit, terms=tuple(
        dataclasses.replace(term, valid_to=date(2026, 11, 20)) if term.valid_to is None else term for term in unit.terms))
    smaller = dataclasses.replace(gazetteer, units={**gazetteer.units, LONGTA: ended})
    stage = make_stage(database, dataclasses.replace(knowledge, gazetteer=smaller), gates, roles, lifecycle, clock)
    stage.hire()
    number = stage.ticket().number
    zhang = stage.sign_in("zhang")
    assert "龙塔街道" not in zhang.get(f"/desk/tickets/{number}/place").text
    answer = do(stage, zhang, number, "return")
    assert answer.status_code == 422 and "已经不再承办" in answer.text
    assert row(stage, number).unit_id == LONGXI and kinds(stage, number) == ["opened"]


class TestFiles:
    """A command that asks for a picture of a signature."""

    def stage(self, stage: Stage, lifecycle: Any) -> Stage:
        verify = lifecycle.commands["verify"]
        with_file = dataclasses.replace(verify, fields=(*verify.fields, Field("picture", "签名照片", "file", required=True)))
        table = dataclasses.replace(lifecycle, commands={**lifecycle.commands, "verify": with_file})
        parts = stage.parts
        # the cast is hired once, in the database both share
        return make_stage(parts.database, parts.knowledge, parts.gates, parts.roles, table, stage.clock)

    def send(self, stage: Stage, number: str, content: bytes, name: str = "签名.jpg") -> Any:
        zhang = stage.sign_in("zhang")
        return zhang.post(f"/desk/ticket/{number}/do/verify", {"csrf": zhang.csrf, "version": "1", **FORMS["verify"]},
                          files={"picture": (name, content, "image/jpeg")})

    def test_a_file_is_kept_encrypted_and_read_by_who_works_the_ticket(self, stage: Stage, lifecycle: Any) -> None:
        stage = self.stage(stage, lifecycle)
        [number] = put(stage, [{"state": "accepted"}])
        assert self.send(stage, number, JPEG).status_code == 303
        with stage.parts.database.begin() as session:
            [file] = session.execute(sa.select(TicketFile)).scalars()
            assert JPEG not in bytes(file.content) and (file.kind, file.size) == ("image/jpeg", len(JPEG))
            event = file.event_id
        url = f"/desk/ticket/{number}/file/{event}/picture"
        zhang = stage.sign_in("zhang")
        assert url in zhang.get(f"/desk/tickets/{number}").text
        answer = zhang.get(url)
        assert answer.content == JPEG and "sandbox" in answer.headers["content-security-policy"]
        assert url not in stage.sign_in("zhou").get(f"/desk/tickets/{number}").text
        for login in ("zhou", "li", "admin"):
            assert stage.sign_in(login).get(url).status_code == 404
        for wrong in (f"/desk/ticket/{number}/file/{event}/other", f"/desk/ticket/{number}/file/999/picture",
                      f"/desk/ticket/{put(stage, [{'state': 'accepted'}])[0]}/file/{event}/picture"):
            assert zhang.get(wrong).status_code == 404, wrong
        with stage.parts.database.begin() as session:
            assert len(session.execute(sa.select(Audit.id).where(Audit.action == "ticket_file_read")).all()) == 1

    @pytest.mark.parametrize(("content", "says"), [
        (b"MZ\x90\x00 a programme", "只能是JPG/PNG"), (b"%PDF-1.4", "只能是JPG/PNG"), (b"<svg onload=alert(1)>", "只能是JPG/PNG"),
        (b"", "请写明签名照片"), (JPEG + b"x" * (MEGABYTES * MEGABYTE), "太大"),
    ])
    def test_a_wrong_kind_is_refused_and_nothing_is_kept(self, stage: Stage, lifecycle: Any, content: bytes, says: str) -> None:
        stage = self.stage(stage, lifecycle)
        [number] = put(stage, [{"state": "accepted"}])
        before = counts(stage)
        answer = self.send(stage, number, content)
        assert answer.status_code == 422 and says in answer.text
        assert counts(stage) == before and row(stage, number).version == 1

    def test_elsewhere_a_file_ends_the_request(self, stage: Stage) -> None:
        zhou = stage.sign_in("zhou")
        answer = zhou.post("/desk/conversations/1/say", {"csrf": zhou.csrf, "text": "您好"}, files={"x": ("a.jpg", JPEG)})
        assert answer.status_code == 400

    def test_who_is_not_signed_in_sends_nothing_large(self, stage: Stage) -> None:
        answer = stage.browser().post("/desk/ticket/YM/do/verify", {}, files={"x": ("a.jpg", JPEG + b"x" * 70_000)})
        assert answer.status_code == 413
