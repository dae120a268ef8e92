"""What residents do on the progress page with number and query code: theirs and nobody else's, and nothing personal shown."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Contact, Notice, Ticket, TicketClock, TicketEvent, TicketFile
from bot.channels.progress import mint_pass
from tests.cast import Browser, Stage, hidden
from tests.channels.test_files import PDF, PNG

SECRETS = ("花卉园", "13800138000", "138****", "火灾")


def opened(stage: Stage, state: str = "dispatched", **more: Any) -> Any:
    """A ticket in a state, with its query code."""
    made = stage.opened(**{"contact_id": contact(stage), **more})
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Ticket).where(Ticket.id == made.ticket.id).values(state=state))
        if state in ("closed", "followed_up"):
            session.add(TicketEvent(ticket_id=made.ticket.id, kind="closed", actor="staff:0", at=stage.clock(), data={},
                                    state="closed"))
    return made


def contact(stage: Stage) -> int:
    """王婶 in Telegram."""
    with stage.parts.database.begin() as session:
        row = Contact(channel="telegram", address_hash=uuid.uuid4().bytes, shared_device=False, created_at=stage.clock(),
                      last_seen_at=stage.clock())
        session.add(row)
        session.flush()
        return int(row.id)


def look(stage: Stage, made: Any) -> tuple[Browser, str]:
    """(a browser with no cookie of the talk, the pass on its page)."""
    wang = stage.browser()
    page = wang.post("/progress", {"number": made.ticket.number, "code": made.query_code}).text
    assert made.ticket.number in page and not [secret for secret in SECRETS if secret in page]
    return wang, hidden(page, "pass") if 'name="pass"' in page else ""


def do(wang: Browser, key: str, deed: str, **more: Any) -> Any:
    files = more.pop("files", None)
    answer = wang.post("/progress/do", {"pass": key, "deed": deed, **more}, **({"files": files} if files else {}))
    assert not [secret for secret in SECRETS if secret in answer.text]
    return answer


def rows(stage: Stage, query: Any) -> list[Any]:
    with stage.parts.database.begin() as session:
        return list(session.execute(query).scalars())


def state(stage: Stage) -> str:
    return str(rows(stage, sa.select(Ticket.state).order_by(Ticket.id))[0])


def kinds(stage: Stage) -> list[str]:
    return rows(stage, sa.select(TicketEvent.kind).where(TicketEvent.actor == "resident").order_by(TicketEvent.id))


def test_state_date_township_and_what_comes_next(stage: Stage) -> None:
    made = opened(stage, "accepted")
    page = stage.browser().post("/progress", {"number": made.ticket.number, "code": made.query_code}).text
    assert "已受理" in page and "龙溪街道" in page and "保持电话畅通" in page and len(re.findall(r"2026-11-20 \d\d:\d\d", page)) == 2


def test_urging_once_a_day(stage: Stage) -> None:
    wang, key = look(stage, opened(stage))
    assert "已经替您催了" in do(wang, key, "urge").text
    again = do(wang, key, "urge")  # also what a page sent again does
    assert again.status_code == 200 and "今天已经替您催过一次" in again.text and kinds(stage) == ["urged"]
    assert rows(stage, sa.select(Notice.recipient).where(Notice.kind == "ticket_urged")) == ["unit:u-longxi"]
    assert "tickets" in stage.wake.hinted


def test_withdrawing_asks_first_and_tells_the_app_it_came_by(stage: Stage) -> None:
    wang, key = look(stage, opened(stage))
    asks = do(wang, key, "withdraw")
    assert "确定撤回" in asks.text and state(stage) == "dispatched"
    assert "接着办" in do(wang, key, "keep").text and state(stage) == "dispatched"
    assert "撤回了" in do(wang, key, "withdraw", sure="1").text and state(stage) == "withdrawn"
    assert rows(stage, sa.select(Notice.kind).where(Notice.recipient == "resident")) == ["ticket_withdrawn"]
    assert do(wang, key, "withdraw", sure="1").status_code == 200 and kinds(stage) == ["withdrawn"]


def test_in_payment_a_person_is_named_instead(stage: Stage) -> None:
    wang, key = look(stage, opened(stage, "paying"))
    page = do(wang, key, "withdraw", sure="1").text
    assert "正在发放" in page and "转人工" in page and state(stage) == "paying"


@pytest.mark.parametrize("more", [{"discreet": True}, {"urgency": "life_danger"}])
def test_where_somebody_may_be_in_danger_no_page_withdraws(stage: Stage, more: dict[str, Any]) -> None:
    wang, key = look(stage, opened(stage, **more))
    assert "请工作人员先跟您说一句" in do(wang, key, "withdraw", sure="1").text.replace("得请", "请")
    assert state(stage) == "dispatched"


def test_a_paper_is_kept_encrypted_on_the_ticket_for_who_works_it(stage: Stage) -> None:
    made = opened(stage, "supplementing")
    wang, key = look(stage, made)
    name = str(uuid.uuid4())
    for _ in range(2):  # the page is sent again
        page = do(wang, key, "supplement", id=name, words="户口本烧了，这是身份证", files={"file": ("身份证.pdf", PDF, "text/html")}).text
        assert "放进工单" in page and "身份证" not in page
    [file] = rows(stage, sa.select(TicketFile))
    assert file.kind == "application/pdf" and kinds(stage) == ["supplemented"]
    with stage.parts.database.begin() as session:
        content = bytes(session.execute(sa.select(TicketFile.content)).scalar_one())
    assert PDF not in content and stage.parts.keys.open_bytes(content) == PDF
    zhang = stage.sign_in("zhang")
    history = zhang.get(f"/desk/tickets/{made.ticket.number}").text
    link = re.search(r'/desk/ticket/[^"]+/file/\d+/file', history)
    assert link is not None and "户口本烧了，这是身份证" in history
    raw = zhang.get(link.group(0))
    assert raw.content == PDF and raw.headers["content-disposition"].startswith("attachment")
    assert stage.sign_in("li").get(link.group(0)).status_code == 404
    assert "接着核实" in do(wang, key, "all").text and state(stage) == "verifying"


@pytest.mark.parametrize(("files", "words", "says"), [
    ({"file": ("a.png", b"<html><script>", "image/png")}, "", "这种文件收不了"), (None, "", "还没有写内容"), (None, "  \u200b", "还没有写内容"),
    ({"file": ("../../x.png", b"", "image/png")}, "", "还没有写内容"), (None, "字" * 2_001, "写得太长了"),
])
def test_what_cannot_be_taken_is_said_and_nothing_is_kept(stage: Stage, files: Any, words: str, says: str) -> None:
    wang, key = look(stage, opened(stage))
    assert says in do(wang, key, "supplement", words=words, files=files).text
    assert kinds(stage) == [] and rows(stage, sa.select(TicketFile.id)) == []


def test_a_photo_with_a_path_for_a_name(stage: Stage) -> None:
    wang, key = look(stage, opened(stage))
    do(wang, key, "supplement", files={"file": ("../../../etc/passwd", PNG, "image/png")})
    [event] = rows(stage, sa.select(TicketEvent).where(TicketEvent.kind == "supplemented"))
    assert "passwd" not in str(event.data) and event.data["fields"]["file"]["value"] == "image/png"


def test_not_satisfied_reopens_once(stage: Stage) -> None:
    wang, key = look(stage, opened(stage, "closed"))
    page = wang.post("/progress/do", {"pass": key, "deed": "survey", "answer": "poor"}).text
    assert "哪里没办好" in page and state(stage) == "followed_up"
    assert "重新开始办" in do(wang, key, "reopen", words="棉被没有送来").text and state(stage) == "dispatched"
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Ticket).values(state="closed"))
        ticket = session.execute(sa.select(Ticket.id)).scalar_one()
        session.add(TicketEvent(ticket_id=ticket, kind="closed", actor="staff:0", at=stage.clock(), data={}, state="closed"))
    do(wang, key, "survey", answer="poor")
    again = do(wang, key, "reopen", words="还是没有").text
    assert "重新办过一次" in again and "转人工" in again and kinds(stage).count("reopened") == 1


@pytest.mark.parametrize(("answer", "means"), [("good", "yes"), ("fair", "partly")])
def test_an_answer_is_kept_once(stage: Stage, answer: str, means: str) -> None:
    wang, key = look(stage, opened(stage, "closed"))
    for _ in range(2):
        assert "谢谢您" in do(wang, key, "survey", answer=answer).text
    [event] = rows(stage, sa.select(TicketEvent).where(TicketEvent.kind == "followed_up"))
    assert event.data["fields"]["satisfied"]["value"] == means


def test_nobody_is_asked_about_a_discreet_ticket(stage: Stage) -> None:
    wang, key = look(stage, opened(stage, "closed", discreet=True))
    assert key == ""  # nothing can be done here any more
    made = rows(stage, sa.select(Ticket))[0]
    assert "谢谢" not in do(wang, mint_pass(stage.parts.keys, made, stage.clock()), "survey", answer="good").text
    assert kinds(stage) == []


def test_a_pass_opens_its_own_ticket_for_a_quarter_of_an_hour(stage: Stage) -> None:
    mine, other = opened(stage), opened(stage)
    wang, key = look(stage, mine)
    number, until, mark = key.split(".")
    forged = [f"{other.ticket.number}.{until}.{mark}", f"{number}.{int(until) + 900}.{mark}", f"{number}.{until}.{'0' * 40}",
              "", "..", f"{number}.{until}", "é.1.2", f"{number}.{'9' * 30}.{mark}", "\x00", key + "0"]
    for false in forged:
        page = do(wang, false, "urge").text
        assert "要重新填一次" in page and other.ticket.number not in page
    assert kinds(stage) == []
    stage.clock.advance(minutes=14)
    assert "已经替您催了" in do(wang, key, "urge").text
    stage.clock.advance(minutes=2)
    assert "要重新填一次" in do(wang, key, "withdraw", sure="1").text and kinds(stage) == ["urged"]


def test_a_new_query_code_ends_the_pass(stage: Stage) -> None:
    wang, key = look(stage, opened(stage))
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Ticket).values(query_code_hash=b"another"))
    assert "要重新填一次" in do(wang, key, "urge").text


def test_another_site_and_deeds_nobody_knows(stage: Stage) -> None:
    wang, key = look(stage, opened(stage))
    for deed in ("accept", "pay", "refuse", "", "__class__", "survey"):
        assert do(wang, key, deed).status_code == 400, deed
    answer = wang.post("/progress/do", {"pass": key, "deed": "urge"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403 and kinds(stage) == []


def test_the_pass_is_in_no_address_and_no_cookie(stage: Stage) -> None:
    made = opened(stage)
    answer = stage.browser().post("/progress", {"number": made.ticket.number, "code": made.query_code})
    assert "set-cookie" not in answer.headers and not re.search(r'(href|action)="[^"]*YM', answer.text)
    assert made.query_code not in answer.text


# --- a call-back ---


def test_wants_to_be_phoned(stage: Stage) -> None:
    """The unit is told, the clock runs, the number stands encrypted, and whoever phoned says so."""
    made = opened(stage, "accepted")
    wang, key = look(stage, made)
    page = do(wang, key, "call", phone="138 0013 8001", answer="morning").text
    assert "已经请龙溪街道在上班时间打给您" in page and "13800138001" not in page
    (event,) = rows(stage, sa.select(TicketEvent).where(TicketEvent.kind == "call_asked"))
    assert "8001" not in str(event.data) and "phone" not in event.data["fields"] and event.actor == "resident"
    assert rows(stage, sa.select(Notice.recipient).where(Notice.kind == "ticket_call_asked")) == ["unit:u-longxi"]
    zhang = stage.sign_in("zhang")
    seen = zhang.get(f"/desk/tickets/{made.ticket.number}").text
    assert "求助人请您回电" in seen and "138****8001" in seen and "13800138001" not in seen
    shown = zhang.do(f"/desk/tickets/{made.ticket.number}/show", what="call", reason="contact")
    assert "13800138001" in shown.text
    answer = zhang.do(f"/desk/ticket/{made.ticket.number}/do/note_call", version="2", outcome="reached", words="说好明天来看")
    assert answer.status_code == 303
    assert "求助人请您回电" not in zhang.get(f"/desk/tickets/{made.ticket.number}").text
    assert zhang.do(f"/desk/tickets/{made.ticket.number}/show", what="call", reason="contact").status_code == 404
    assert [row.clock for row in rows(stage, sa.select(TicketClock).where(TicketClock.stopped_at.is_not(None)))] == ["call"]
    again = zhang.do(f"/desk/ticket/{made.ticket.number}/do/note_call", version="3", outcome="reached")
    assert again.status_code in (409, 422) and "求助人没有要求回电" in again.text


def test_a_number_that_cannot_be_dialled(stage: Stage) -> None:
    made = opened(stage, "accepted")
    wang, key = look(stage, made)
    page = do(wang, key, "call", phone="1380013", answer="any").text
    assert "少了或者多了一位" in page and 'value="1380013"' in page
    assert rows(stage, sa.select(TicketEvent).where(TicketEvent.kind == "call_asked")) == []
    assert do(wang, key, "call", phone="13800138001", answer="midnight").status_code == 400


def test_a_later_number_counts_and_the_clock_goes_on(stage: Stage) -> None:
    made = opened(stage, "accepted")
    wang, key = look(stage, made)
    do(wang, key, "call", phone="13800138001", answer="any")
    do(wang, key, "call", phone="13800138002", answer="afternoon")
    assert len(rows(stage, sa.select(TicketEvent).where(TicketEvent.kind == "call_asked"))) == 2
    assert len(rows(stage, sa.select(TicketClock).where(TicketClock.clock == "call"))) == 1


def test_a_closed_ticket_offers_no_call(stage: Stage) -> None:
    made = opened(stage, "closed")
    wang, key = look(stage, made)
    assert "请打电话给我" not in wang.post("/progress", {"number": made.ticket.number, "code": made.query_code}).text
    assert "这一步做不了了" in do(wang, key, "call", phone="13800138001", answer="any").text
