"""After filing: what 王婶 can do with her ticket in the talk, and what she is told of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from actions.access.commands import create_staff
from actions.access.queries import as_viewer
from actions.storage.tables import CallBack, Conversation, Notice, Ticket, TicketEvent
from actions.tickets.commands import perform
from bot.conversation.accept import AcceptTools, Incoming, accept
from tests.stories.teller import Teller
from tests.tickets.conftest import with_limit
from tests.tickets.deeds import form_of

pytestmark = pytest.mark.engine

FIRE = "我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"
HEADS = {"review", "approve", "refuse"}


def filed(teller: Teller) -> Ticket:
    """The whole story up to the ticket."""
    teller.say(FIRE)
    teller.press("同意")
    teller.press("三个人")
    teller.press("没有人能帮")
    teller.say("13800005678")
    teller.press("都对")
    return teller.tickets()[-1]


def staff(teller: Teller, *commands: str, who: str = "officer", **form: str) -> list[Any]:
    """张干事 or 何主任 does this with the newest ticket; what the resident is told."""
    parts = teller.parts
    for command in commands:
        with parts.database.begin() as session:
            row = session.execute(sa.select(Ticket).where(Ticket.contact_id == teller.contact_id)
                                  .order_by(Ticket.id.desc()).limit(1)).scalar_one()
            role = "head" if command in HEADS else who
            viewer = as_viewer(create_staff(session, login=uuid.uuid4().hex[:12], name="张干事", role=role,
                                            unit_id="u-longxi", password="x", now=parts.now()), parts.roles)
            # in an area whose townships may decide: with an unconfirmed limit everything goes up
            work = replace(parts.knowledge.work, book=with_limit(parts.knowledge.book, 3000))
            perform(session, work, viewer, number=row.number, command=command, version=row.version,
                    form={**form_of(command, row.state), **form}, now=parts.now())
    return teller.settle()


def closed(teller: Teller) -> Ticket:
    """A ticket that was closed."""
    ticket = filed(teller)
    staff(teller, "accept", "verify")
    [line] = staff(teller, "close", result="settled")
    assert "办得怎么样" in line.text and [b["title"] for b in line.buttons] == ["满意", "一般", "不满意"]
    return ticket


def events(teller: Teller, *kinds: str) -> list[Any]:
    """(kind, actor) of these events of the newest ticket."""
    return [(row.kind, row.actor) for row in teller.rows(
        sa.select(TicketEvent).where(TicketEvent.ticket_id == teller.tickets()[-1].id, TicketEvent.kind.in_(kinds))
        .order_by(TicketEvent.id))]


def sealed(teller: Teller, kind: str, field: str) -> str:
    """What was written into a sealed field of the last event of a kind."""
    row = teller.rows(sa.select(TicketEvent).where(TicketEvent.kind == kind).order_by(TicketEvent.id.desc()))[0]
    return teller.parts.keys.open(row.data["fields"][field]["sealed"].encode())


def send(teller: Teller, kind: str, text: str = "") -> list[Any]:
    with teller.parts.database.begin() as session:
        accept(session, AcceptTools(teller.parts.gates, teller.parts.knowledge),
               Incoming(teller.channel, teller.address, uuid.uuid4().hex, text, kind,
                        extra={kind: {"file_id": "f1", "size": 10, "type": None}}), teller.parts.now())
    return teller.settle()


# --- where it stands, and urging -------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["催一下", "怎么还没消息", "都半个月了怎么还不给我办"])
def test_urging_says_where_it_stands_and_tells_the_unit(teller: Teller, words: str) -> None:
    ticket = filed(teller)
    answer = teller.say(words)
    assert ticket.number in answer[0].text and "已派单" in answer[0].text and "龙溪街道" in answer[0].text
    assert "替您催了" in answer[-1].text and {b["title"] for b in answer[-1].buttons} == {"转人工", "留电话，请打给我"}
    assert events(teller, "urged") == [("urged", "resident")] and sealed(teller, "urged", "words") == words
    assert [row.recipient for row in teller.rows(sa.select(Notice).where(Notice.kind == "ticket_urged"))] == ["unit:u-longxi"]
    assert teller.conversation().waiting_since is None


def test_urging_twice_a_day_is_answered_honestly(teller: Teller, clock: Any) -> None:
    filed(teller)
    teller.say("催一下")
    answer = teller.say("催一下")
    assert "今天已经替您催过一次" in answer[-1].text and answer[-1].buttons
    assert len(events(teller, "urged")) == 1
    clock.advance(hours=24)
    assert "替您催了" in teller.say("催一下")[-1].text
    assert len(events(teller, "urged")) == 2


def test_the_day_of_urging_is_the_day_in_chongqing(teller: Teller, clock: Any) -> None:
    filed(teller)
    clock.advance(hours=13, minutes=30)  # 23:30 in Chongqing; forty minutes later it is another day there, and still the same one of UTC
    teller.say("催一下")
    clock.advance(minutes=40)
    assert "替您催了" in teller.say("催一下")[-1].text


def test_asking_only_shows_and_offers_to_urge(teller: Teller) -> None:
    filed(teller)
    [line] = teller.say("办到哪一步了")
    assert "已派单" in line.text and "等镇街受理" in line.text and [b["title"] for b in line.buttons] == ["催一下"]
    assert events(teller, "urged") == []
    teller.press("催一下")
    assert events(teller, "urged") == [("urged", "resident")]


def test_a_complaint_is_passed_on_as_well(teller: Teller) -> None:
    filed(teller)
    teller.say("你们效率太慢了我要投诉")
    assert events(teller, "urged") and teller.conversation().waiting_reason == "complain_delay"


def test_without_a_ticket_a_complaint_goes_to_a_person(teller: Teller) -> None:
    teller.say("催一下")
    assert teller.conversation().waiting_reason == "complain_delay"


def test_another_persons_ticket_is_neither_shown_nor_urged(teller: Teller, another: Callable[[], Teller]) -> None:
    ticket, stranger = filed(teller), another()
    stranger.say(f"帮我催一下工单{ticket.number}")
    stranger.say(f"撤回工单{ticket.number}")
    assert ticket.number not in stranger.said and events(teller, "urged", "withdrawn") == []


def test_a_button_of_another_conversation_does_nothing(teller: Teller, another: Callable[[], Teller]) -> None:
    filed(teller)
    teller.say("办到哪一步了")
    button = teller.lines[-1].buttons[0]
    stranger = another()
    stranger.accept("催一下", button_id=button["id"])
    stranger.settle()
    assert events(teller, "urged") == []


# --- withdrawing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sure", ["确定撤回", "是的", "嗯"])
def test_withdrawing_asks_once_to_be_sure(teller: Teller, sure: str) -> None:
    ticket = filed(teller)
    [line] = teller.say("不用了，撤回")
    assert ticket.number in line.text and [b["title"] for b in line.buttons] == ["确定撤回", "先不撤回"]
    assert teller.tickets()[-1].state == "dispatched"
    lines = teller.press(sure) if sure == "确定撤回" else teller.say(sure)
    assert [line.text for line in lines] == [teller.parts.knowledge.replies.text("ticket_withdrawn", number=ticket.number)]
    assert teller.tickets()[-1].state == "withdrawn" and events(teller, "withdrawn") == [("withdrawn", "resident")]


@pytest.mark.parametrize("no", ["先不撤回", "不要", "算了"])
def test_not_sure_keeps_it(teller: Teller, no: str) -> None:
    filed(teller)
    teller.say("我不想办了，撤回吧")
    [line] = teller.press(no) if no == "先不撤回" else teller.say(no)
    assert "接着办" in line.text and teller.tickets()[-1].state == "dispatched"
    teller.say("是的")  # said to something else now
    assert teller.tickets()[-1].state == "dispatched"


def test_an_old_button_asks_again(teller: Teller) -> None:
    filed(teller)
    teller.say("撤回工单")
    old = next(b for b in teller.lines[-1].buttons if b["title"] == "确定撤回")
    teller.press("先不撤回")
    teller.accept("确定撤回", button_id=old["id"])
    [line] = teller.settle()
    assert "要撤回吗" in line.text and teller.tickets()[-1].state == "dispatched"


@pytest.mark.parametrize("words", ["你们别撤回我的工单", "谁撤回的", "为什么撤回了"])
def test_words_about_withdrawing_are_not_the_wish(teller: Teller, words: str) -> None:
    filed(teller)
    assert "要撤回吗" not in "".join(line.text for line in teller.say(words))


def test_in_payment_it_is_said_plainly_and_a_person_is_near(teller: Teller) -> None:
    filed(teller)
    staff(teller, "accept", "verify", "submit", "review", "approve")
    assert teller.tickets()[-1].state == "paying"
    [line] = teller.say("不用了，撤回")
    assert "正在发放" in line.text and [b["title"] for b in line.buttons] == ["转人工"]
    assert teller.tickets()[-1].state == "paying"


def test_where_there_is_danger_a_person_asks_first(teller: Teller) -> None:
    ticket = filed(teller)
    with teller.parts.database.begin() as session:
        session.execute(sa.update(Ticket).values(discreet=True))
    teller.say("撤回工单")
    lines = teller.press("确定撤回")
    assert "得请工作人员先跟您说一句" in lines[0].text and teller.tickets()[-1].state == ticket.state
    assert teller.conversation().waiting_reason == "withdraw"


def test_after_withdrawing_a_new_need_is_a_new_ticket(teller: Teller) -> None:
    first = filed(teller)
    teller.say("不用了，撤回")
    teller.press("确定撤回")
    lines = teller.say("我家今天又着火了，在龙溪街道，没地方住")
    assert first.number not in "".join(line.text for line in lines) and lines[-1].asks is not None
    for _ in range(8):
        if len(teller.tickets()) == 2:
            break
        asks = teller.lines[-1].asks
        teller.say({"household_people": "三个人", "family_can_help": "没有人能帮", "read_back": "都对",
                    "event_place": "龙溪街道", "phone": "13800005678", "consent": "同意"}.get(asks or "", "不清楚"))
    assert [ticket.state for ticket in teller.tickets()] == ["withdrawn", "dispatched"]


# --- papers ----------------------------------------------------------------------------------------------------


def asked_for_papers(teller: Teller) -> Ticket:
    ticket = filed(teller)
    staff(teller, "accept")
    [line] = staff(teller, "ask_supplement", missing="身份证、户口本首页")
    assert "身份证、户口本首页" in line.text
    return ticket


def test_a_photo_goes_on_the_ticket_that_waits_for_it(teller: Teller) -> None:
    ticket = asked_for_papers(teller)
    [line] = send(teller, "photo")
    assert ticket.number in line.text and [b["title"] for b in line.buttons] == ["交齐了"]
    [row] = teller.rows(sa.select(TicketEvent).where(TicketEvent.kind == "supplemented"))
    assert row.data["conversation"] == teller.conversation().id and row.data["sent"] == [row.data["seq"]]
    assert sealed(teller, "supplemented", "words") == "发来照片" and teller.tickets()[-1].state == "supplementing"
    [line] = teller.press("交齐了")
    assert "接着核实" in line.text and teller.tickets()[-1].state == "verifying"
    assert events(teller, "supplement_received") == [("supplement_received", "resident")]
    assert [row.recipient for row in teller.rows(sa.select(Notice).where(Notice.kind == "ticket_supplemented"))] == ["unit:u-longxi"] * 2


def test_a_word_about_the_papers_goes_there_too(teller: Teller) -> None:
    asked_for_papers(teller)
    teller.say("身份证烧了，只有户口本的照片")
    assert sealed(teller, "supplemented", "words") == "身份证烧了，只有户口本的照片"
    teller.say("材料补齐了")
    assert teller.tickets()[-1].state == "verifying"


def test_asking_what_is_missing_is_answered(teller: Teller) -> None:
    asked_for_papers(teller)
    lines = teller.say("办到哪一步了")
    assert "等您补充材料" in lines[0].text and "还差：身份证、户口本首页" in lines[1].text
    assert teller.rows(sa.select(TicketEvent).where(TicketEvent.kind == "supplemented")) == []


def test_a_photo_at_any_other_step_is_kept_on_the_ticket(teller: Teller) -> None:
    ticket = filed(teller)
    [line] = send(teller, "photo", "房子烧成这样")
    assert ticket.number in line.text and not line.buttons and sealed(teller, "supplemented", "words") == "房子烧成这样"


def test_a_voice_is_kept_and_it_is_said_that_nobody_has_heard_it(teller: Teller) -> None:
    filed(teller)
    lines = send(teller, "voice")
    assert "放进工单" in lines[0].text and "听不懂语音" in lines[1].text


def test_a_new_number_beside_the_wish_is_kept(teller: Teller) -> None:
    filed(teller)
    teller.say("催一下，我换号码了，打13900001234")
    assert events(teller, "urged") == [("urged", "resident")]
    assert teller.parts.keys.open(teller.tickets()[-1].phone) == "13900001234"


def test_a_closed_ticket_takes_no_photo(teller: Teller) -> None:
    closed(teller)
    send(teller, "photo")
    assert events(teller, "supplemented") == []


# --- how was it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("title", "means"), [("满意", "yes"), ("一般", "partly")])
def test_an_answer_is_kept_once(teller: Teller, title: str, means: str) -> None:
    closed(teller)
    button = next(b for b in teller.lines[-1].buttons if b["title"] == title)
    [line] = teller.press(title)
    assert line.text.startswith("谢谢您")
    teller.accept(title, button_id=button["id"])
    teller.settle()
    [row] = teller.rows(sa.select(TicketEvent).where(TicketEvent.kind == "followed_up"))
    assert row.actor == "resident" and row.data["fields"]["satisfied"]["value"] == means
    assert teller.tickets()[-1].state == "followed_up"


@pytest.mark.parametrize("how", ["press", "type"])
def test_not_satisfied_reopens_once_then_a_person_comes(teller: Teller, how: str) -> None:
    ticket = closed(teller)
    [line] = teller.press("不满意") if how == "press" else teller.say("不满意")
    assert "哪里没办好" in line.text and teller.tickets()[-1].state == "followed_up"
    [line] = teller.say("说好的棉被一直没有送来")
    assert ticket.number in line.text and "重新开始办" in line.text
    assert teller.tickets()[-1].state == "dispatched" and sealed(teller, "reopened", "reason") == "说好的棉被一直没有送来"
    staff(teller, "accept")
    staff(teller, "close", result="settled")
    teller.press("不满意")
    lines = teller.say("还是没有送来")
    assert "重新办过一次" in lines[0].text and teller.tickets()[-1].state == "followed_up"
    assert len(events(teller, "reopened")) == 1 and teller.conversation().waiting_reason == "survey"
    # nobody is at the desk: to be phoned is one press away
    teller.press("留电话，请打给我")
    teller.press("就打这个")
    teller.press("上午")
    assert len(teller.rows(sa.select(CallBack).where(CallBack.contact_id == teller.contact_id))) == 1


def test_not_satisfied_but_nothing_more_to_say(teller: Teller) -> None:
    closed(teller)
    teller.press("不满意")
    [line] = teller.say("算了")
    assert "先不重新办" in line.text and events(teller, "reopened") == []


def test_a_month_later_the_answer_is_not_taken(teller: Teller, clock: Any) -> None:
    closed(teller)
    clock.advance(days=31)
    [line] = teller.press("满意")
    assert "有一段时间了" in line.text and events(teller, "followed_up") == []


def test_a_discreet_ticket_is_told_and_asked_nothing(teller: Teller) -> None:
    filed(teller)
    with teller.parts.database.begin() as session:
        session.execute(sa.update(Ticket).values(discreet=True))
    told = staff(teller, "accept", "verify")
    told += staff(teller, "close", result="settled")
    assert told == []
    assert {row.state for row in teller.rows(sa.select(Notice).where(Notice.recipient == "resident"))} == {"silent"}
    teller.say("不满意")
    assert events(teller, "followed_up", "reopened") == []


# --- every step is told ----------------------------------------------------------------------------------------


def test_every_step_is_told_in_plain_words(teller: Teller) -> None:
    filed(teller)
    told = []
    for command in ("accept", "verify", "submit", "review", "approve", "pay"):
        [line] = staff(teller, command, **({"amount": "600"} if command == "pay" else {}))
        told.append(line.text)
    assert [word in text for word, text in zip(
        ["已经受理", "开始核实", "正在审核", "正在审批", "审批已经同意", "已经发放"], told, strict=True)] == [True] * 6
    assert not any("600" in text or "500" in text for text in told)


def test_verifying_again_is_not_told_again(teller: Teller) -> None:
    filed(teller)
    staff(teller, "accept", "verify")
    assert staff(teller, "verify") == []


def test_not_given_is_told_with_article_and_appeal(teller: Teller) -> None:
    filed(teller)
    staff(teller, "accept", "verify")
    staff(teller, "submit", "review", opinion="not_give", amount="")
    [line] = staff(teller, "refuse", reason="家里另有存款", ground="no_sudden_hardship")
    assert "社会救助法 第二十九条" in line.text and "可以申请行政复议或者提起行政诉讼" in line.text
    assert "存款" not in line.text and "不符合" not in line.text and [b["title"] for b in line.buttons] == ["转人工"]
    teller.press("转人工")
    assert teller.conversation().waiting_reason == "asked"


def test_a_cry_after_closing_opens_a_ticket_of_its_own(teller: Teller) -> None:
    closed(teller)
    teller.say("我不想活了，现在站在楼顶上")
    first, cry = teller.tickets()
    assert first.state == "closed" and cry.state == "dispatched" and cry.urgency == "life_danger"
    assert teller.rows(sa.select(Conversation))[0].danger == "now"
