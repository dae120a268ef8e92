"""The auditor's page: who may read it, what its filters find, handing out, and whether the log is whole in plain words."""
from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.audit import READ
from actions.language.files import ConfigError
from actions.privacy.commands import record_audit
from actions.privacy.words import load_audit_words
from actions.storage.tables import Audit, Staff, TicketPerson
from bot.settings import PROJECT
from tests.cast import STAFF, Browser, Stage
from tests.intake_help import file
from tests.privacy.test_audit import run


def log(stage: Stage, *actions: str) -> list[Audit]:
    with stage.parts.database.begin() as session:
        return list(session.execute(sa.select(Audit).where(Audit.action.in_(actions)).order_by(Audit.id)).scalars())


def staff_id(stage: Stage, login: str) -> int:
    with stage.parts.database.begin() as session:
        return int(session.execute(sa.select(Staff.id).where(Staff.login == login)).scalar_one())


def table(page: str) -> list[list[str]]:
    """The cells of the rows, without their marks."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
            for row in re.findall(r"<tr>(.*?)</tr>", body)]


def look(browser: Browser, **asked: str) -> list[list[str]]:
    answer = browser.get("/desk/audit", params=asked)
    assert answer.status_code == 200
    return table(answer.text)


def some_work(stage: Stage) -> str:
    """张干事 looks at two tickets and shows a phone for a reason."""
    file(stage.sign_in("zhou"))
    number, other = stage.ticket().number, stage.ticket().number
    zhang = stage.sign_in("zhang")
    for one in (number, other):
        zhang.get(f"/desk/tickets/{one}")
    zhang.do(f"/desk/tickets/{number}/show", what="phone", reason="other", words="王婶说号码变了")
    return number


@pytest.mark.parametrize("login", sorted(STAFF))
def test_who_reads_it(stage: Stage, login: str) -> None:
    browser, status = stage.sign_in(login), 200 if login == "auditor" else 404
    assert browser.get("/desk/audit").status_code == status
    assert browser.do("/desk/audit/export").status_code == status
    assert browser.do("/desk/audit/verify").status_code == (303 if status == 200 else 404)
    assert ("/desk/audit" in browser.get("/desk/password").text) == (status == 200)


def test_only_the_auditor_may_by_config(stage: Stage) -> None:
    assert {name for name, role in stage.parts.roles.items() if READ in role.may} == {"auditor"}


def test_the_newest_stands_first_with_name_words_and_reason(stage: Stage) -> None:
    number = some_work(stage)
    rows = look(stage.sign_in("auditor"))
    assert rows[0][2:4] == ["审计小孙", "登录"]
    shown = next(row for row in rows if row[3] == "写明理由查看")
    assert shown[2] == "张干事" and shown[4] == number and shown[5] == "其他（请写明）：王婶说号码变了"
    assert ["小周", "登记求助"] in [row[2:4] for row in rows] and ["系统", "新建账号"] in [row[2:4] for row in rows]


def test_filters(stage: Stage) -> None:
    number = some_work(stage)
    auditor = stage.sign_in("auditor")
    zhang = f"staff:{staff_id(stage, 'zhang')}"
    assert {row[2] for row in look(auditor, actor=zhang)} == {"张干事"}
    assert [row[3] for row in look(auditor, number=number)] == ["写明理由查看", "看工单"]
    assert [row[3] for row in look(auditor, number=number.lower().replace("-", " "), action="ticket_read")] == ["看工单"]
    assert look(auditor, number="YM261120-AAAAA-A") == look(auditor, number="nonsense") == look(auditor, actor="staff:99") == []
    assert {row[3] for row in look(auditor, action="masked_read")} == {"写明理由查看"}
    assert "没有这样的记录" in auditor.get("/desk/audit", params={"actor": "api"}).text


def test_by_day_in_chongqing(stage: Stage) -> None:
    """The clock stands at 10:00 on 2026-11-20 in Chongqing; 16:30 UTC of the 20th is the 21st there."""
    stage.clock.advance(hours=14, minutes=30)
    with stage.parts.database.begin() as session:
        record_audit(session, actor="system", action="surge_on", object_="surge:1", now=stage.clock())
    auditor = stage.sign_in("auditor")
    assert [row[3] for row in look(auditor, from_day="2026-11-21", action="surge_on")] == ["打开应急开关"]
    assert look(auditor, to_day="2026-11-20", action="surge_on") == [] and look(auditor, from_day="2026-11-22") == []
    assert {row[3] for row in look(auditor, to_day="2026-11-20")} == {"新建账号"}
    assert look(auditor, from_day="rubbish") != []


def test_a_tickets_rows_are_found_under_whatever_name_they_stand(stage: Stage) -> None:
    """Its conversation and its contacts too."""
    stage.browser().write("我屋头着火了")
    with stage.parts.database.begin() as session:
        conversation, contact = session.execute(sa.text("SELECT id, contact_id FROM conversation")).one()
    number = stage.ticket(conversation_id=conversation, contact_id=contact).number
    zhou = stage.sign_in("zhou")
    zhou.get(f"/desk/conversations/{conversation}")
    zhou.do(f"/desk/tickets/{number}/contacts", conversation=str(conversation), reason="核对过")
    assert [row[3] for row in look(stage.sign_in("auditor"), number=number)] == ["关联联系方式", "看会话"]


def test_pages_go_back_to_the_first_row_without_a_gap(stage: Stage) -> None:
    with stage.parts.database.begin() as session:
        for _ in range(120):
            record_audit(session, actor="system", action="surge_on", object_="surge:1", now=stage.clock())
    auditor, seen, url = stage.sign_in("auditor"), [], "/desk/audit?action=surge_on"
    for _ in range(5):
        page = auditor.get(url).text
        seen += [int(row[0]) for row in table(page)]
        older = re.search(r'rel="next" href="([^"]+)"', page)
        if older is None:
            break
        url = older.group(1).replace("&amp;", "&")
    assert len(seen) == 120 and seen == sorted(seen, reverse=True) and len(set(seen)) == 120
    assert 'rel="first" href="/desk/audit?action=surge_on"' in page
    for odd in ("0", "-1", "x", "9" * 30):
        assert auditor.get(f"/desk/audit?before={odd}").status_code == 200


def test_reading_the_log_is_in_the_log(stage: Stage) -> None:
    auditor = stage.sign_in("auditor")
    for _ in range(3):
        look(auditor)
    [row] = log(stage, "audit_read")
    assert (row.actor, row.object) == (f"staff:{staff_id(stage, 'auditor')}", "audit")


class TestExport:
    def read(self, answer: Any) -> list[list[str]]:
        assert answer.content.startswith(b"\xef\xbb\xbf")
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))

    def test_it_is_noted_before_it_goes_out_and_carries_the_hashes(self, stage: Stage) -> None:
        number = some_work(stage)
        answer = stage.sign_in("auditor").do("/desk/audit/export", number=number)
        head, *rows = self.read(answer)
        assert head == ["编号", "时间", "谁", "姓名", "做了什么", "代码", "对象", "内容", "前一条", "校验"]
        assert [row[4] for row in rows] == ["看工单", "写明理由查看"] and {row[6] for row in rows} == {f"ticket:{number}"}
        assert [row[9] for row in rows] == [bytes(row.hash).hex() for row in log(stage, "ticket_read", "masked_read") if row.object == f"ticket:{number}"]
        [noted] = log(stage, "audit_exported")
        assert noted.data == {"rows": 2, "ticket": number} and noted.actor == f"staff:{staff_id(stage, 'auditor')}"
        assert answer.headers["content-disposition"] == 'attachment; filename="audit-20261120-100000.csv"'
        assert answer.headers["x-content-type-options"] == "nosniff" and "sandbox" in answer.headers["content-security-policy"]

    def test_what_was_sealed_stays_sealed(self, stage: Stage) -> None:
        some_work(stage)
        answer = stage.sign_in("auditor").do("/desk/audit/export", action="masked_read")
        [_, row] = self.read(answer)
        assert "王婶" not in answer.text and json.loads(row[7])["reason"] == "other"

    def test_a_name_that_is_a_formula_is_text(self, stage: Stage) -> None:
        with stage.parts.database.begin() as session:
            session.execute(sa.update(Staff).where(Staff.login == "zhou").values(name="=HYPERLINK(1)"))
            record_audit(session, actor=f"staff:{staff_id(stage, 'zhou')}", action="signed_in", object_="x", now=stage.clock())
        rows = self.read(stage.sign_in("auditor").do("/desk/audit/export", action="signed_in"))
        assert "'=HYPERLINK(1)" in [row[3] for row in rows] and "=HYPERLINK(1)" not in [row[3] for row in rows]

    def test_too_much_is_cut_at_the_old_end_and_says_so(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("actions.access.audit.MOST", 3)
        answer = stage.sign_in("auditor").do("/desk/audit/export")
        rows = self.read(answer)[1:]
        assert len(rows) == 3 and rows[-1][4] == "登录" and "-newest.csv" in answer.headers["content-disposition"]


class TestVerifying:
    def test_never_then_whole_with_the_time(self, stage: Stage) -> None:
        auditor = stage.sign_in("auditor")
        assert "还没有核对过" in auditor.get("/desk/audit").text
        stage.clock.advance(minutes=5)
        assert auditor.do("/desk/audit/verify").headers["location"] == "/desk/audit"
        page = re.sub(r"<[^>]+>", "", auditor.get("/desk/audit").text)
        assert "完好：2026-11-20 10:05 核对了全部12条，没有一条被改过、删过、加进来或者调换过。" in page
        auditor.do("/desk/audit/verify")
        assert "和1次留底一致" in re.sub(r"<[^>]+>", "", auditor.get("/desk/audit").text)
        assert log(stage, "audit_verified")[0].actor == f"staff:{staff_id(stage, 'auditor')}"

    @pytest.mark.parametrize("hand, says", [
        ("UPDATE audit SET actor = 'x' WHERE id = 3", "第3条，这条记录被改过"),
        ("DELETE FROM audit WHERE id = 3", "第4条，这里少了、多了或者调换了记录"),
        ("DELETE FROM audit WHERE id > 5", "条，最后的记录被删掉了"),
        ("DELETE FROM audit_head", "最新一条的标记被动过"),
    ])
    def test_what_is_wrong_in_plain_words(self, stage: Stage, hand: str, says: str) -> None:
        auditor = stage.sign_in("auditor")
        run(stage.parts.database, hand)
        auditor.do("/desk/audit/verify")
        page = re.sub(r"<[^>]+>", "", auditor.get("/desk/audit").text)
        assert "有问题" in page and says in page and "完好：" not in page


class TestWords:
    def test_everything_the_code_can_write_has_words(self, stage: Stage) -> None:
        """A new action must be named where the auditor reads it."""
        sources = "\n".join(path.read_text("utf-8") for side in ("actions", "bot") for path in (PROJECT / side).rglob("*.py"))
        written = set(re.findall(r'action="([a-z_]+)"', sources))
        written |= set(re.findall(r'note_look\(\s*[a-z_.]+,\s*[a-z_.]+,\s*"([a-z_]+)"', sources))
        written |= {"conversation_read", "conversation_kept_back", "audit_verified", "place_alias_approved", "place_alias_rejected"}
        written |= {f"call_back_{outcome}" for outcome in ("reached", "no_answer", "given_up")}
        known = {action for actions in stage.parts.knowledge.audit.groups.values() for action in actions}
        assert len(written) > 40 and written - known == set()

    def test_what_commands_do_is_called_as_in_the_history(self, stage: Stage) -> None:
        words, titles = stage.parts.knowledge.audit, stage.parts.lifecycle.event_titles
        assert words.title("ticket_accepted", titles) == "受理" and words.title("ticket_read", titles) == "看工单"
        assert words.title("of_an_older_version", titles) == "of_an_older_version"

    @pytest.mark.parametrize("old, new, says", [
        ("tickets: 办理工单", "", "tickets"), ("  gap:", "  gab:", "gab"), ("校验]", "]", "columns"),
        ("      surge_on: 打开应急开关", "      signed_in: 打开应急开关", "signed_in stands in two groups"),
    ])
    def test_wrong_files(self, tmp_path: Path, old: str, new: str, says: str) -> None:
        path = tmp_path / "audit.yaml"
        text = (PROJECT / "config" / "privacy" / "audit.yaml").read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        with pytest.raises(ConfigError, match=says):
            load_audit_words(path)


def test_no_name_of_a_person_stands_in_the_log_itself(stage: Stage) -> None:
    some_work(stage)
    with stage.parts.database.begin() as session:
        text = str([(row.actor, row.object, row.data) for row in session.execute(sa.select(Audit)).scalars()])
        assert session.execute(sa.select(sa.func.count(TicketPerson.id))).scalar_one()
    for personal in ("王秀英", "13800138000", "王婶", "花卉园"):
        assert personal not in text


def test_what_a_deed_was_done_to_stands_in_words(stage: Stage) -> None:
    with stage.parts.database.begin() as session:
        for name in ("surge:7", "delegation:3", "audit", "conversation:12"):
            record_audit(session, actor="system", action="surge_on", object_=name, now=stage.clock())
    page = stage.sign_in("auditor").get("/desk/audit").text
    assert all(f">{words}<" in page for words in ("应急 7", "委托 3", "审计记录", "会话 12"))
    assert "surge:7" not in page and "delegation:3" not in page
