"""From an app hosted abroad to our own page by a one-time link: the same conversation, the same contact, nothing doubled."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from actions.language.files import ConfigError
from actions.steps.channel_policy import (
    ITEM,
    OPEN,
    SKIP,
    ChannelPolicy,
    ask_elsewhere,
    follow_page,
    hidden_here,
    load_policies,
    policies,
    take_own_page,
    where_to_ask,
)
from actions.steps.filing import file_ticket
from actions.storage.tables import Attachment, Consent, Contact, Conversation, Delivery, Link, Message, Ticket
from actions.turn import Turn
from bot.conversation.post import post_one
from bot.conversation.turn import TurnTools, Worked, work_one
from tests.cast import Browser
from tests.channels.bot_api import DROP_AFTER, BotApi, flood
from tests.channels.telegram_line import ADDRESS, LI, WANG, Line
from tests.channels.test_files import png
from tests.conftest import CONFIG

INCOME, ILLNESS, TOWNSHIP = "income_month", "serious_illness", "event_kind"


def interview(line: Line, *names: str) -> Worked | None:
    """One turn that asks the first of these facts that is not known, the way the interview does."""
    know = line.stage.parts.knowledge

    def think(turn: Turn) -> None:
        follow_page(turn)
        if turn.facts.asking == ITEM and not take_own_page(turn, know):
            return
        asked = turn.facts.asking
        if asked in names:
            turn.facts.answers[asked] = {
                "value": turn.text,
                "how": "said",
                "heard": "",
                "confidence": 1.0,
                "seq": turn.seq,
            }
        for name in names:
            if name in turn.facts.answers:
                continue
            elsewhere = ask_elsewhere(turn, know, name)
            if elsewhere == "skip":
                continue
            if elsewhere is None:
                turn.facts.asking = name
                turn.say_text(f"问：{name}", asks=name)
            return
        turn.say_text("问完了")

    parts = line.stage.parts
    return work_one(TurnTools(parts.database, parts.replies, parts.keys, line.stage.wake, line.stage.clock,
                      parts.accept_tools), think)


def offered(line: Line, server: BotApi, *names: str) -> str:
    """王婶 has written, the page is offered; the address of the link."""
    server.write(WANG, "家里困难")
    line.poll()
    interview(line, *(names or (INCOME,)))
    line.deliver()
    return link_of(server)


def link_of(server: BotApi) -> str:
    [url] = [button["url"] for button in server.sent[-1].buttons if "url" in button]
    assert url.startswith(f"{ADDRESS}/page/")
    return url.removeprefix(ADDRESS)


def opened(line: Line, path: str) -> Browser:
    browser = line.stage.browser()
    assert browser.get(path).status_code == 200
    answer = browser.post(path)
    assert answer.status_code == 303 and answer.headers["location"] == "/#end"
    return browser


def texts(browser: Browser) -> list[str]:
    return [one["text"] for one in browser.lines()]


# --- the decision -----------------------------------------------------------------------------------------------------


@given(
    st.sampled_from([None, ChannelPolicy("web", False), ChannelPolicy("telegram", True, 30, 60)]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_nothing_sensitive_is_asked_abroad(policy: Any, sensitive: bool, by_page: bool, skipped: bool) -> None:
    where = where_to_ask(policy, sensitive, by_page, skipped)
    abroad = policy is not None and policy.abroad and not by_page
    assert (where == "here") == (not (abroad and sensitive))
    assert where != "page" or not skipped


def test_telegram_is_abroad_and_the_web_is_ours() -> None:
    assert policies()["telegram"] == ChannelPolicy("telegram", True, 30, 60)
    assert "web" not in policies() and "terminal" not in policies()


@pytest.mark.parametrize(
    "text,line",
    [
        ("hosted: abraod\n", 1),
        ("hosted: abroad\nask_on_own_page: nothing\n", 2),
        ("hosted: abroad\nask_on_own_page: sensitive\nlink_minutes: 0\npage_minutes: 60\n", 1),
    ],
)
def test_a_wrong_policy_names_its_place(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "x.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as wrong:
        load_policies(tmp_path)
    assert wrong.value.line == line


def test_the_shipped_policies_load() -> None:
    assert set(load_policies(CONFIG / "channels")) == {"telegram"}


# --- the way there and back -------------------------------------------------------------------------------------------


def test_a_sensitive_question_is_replaced_by_a_link(line: Line, server: BotApi) -> None:
    offered(line, server)
    [sent] = server.sent
    assert "境外" in sent.text and "30分钟" in sent.text and "问：" not in sent.text
    assert [button["text"] for button in sent.buttons] == ["到网页上接着说", "先不说这些", "转人工"]
    assert ["url" in button for button in sent.buttons] == [True, False, False]


def test_the_token_is_nowhere_but_in_the_message(line: Line, server: BotApi) -> None:
    token = offered(line, server).rsplit("/", 1)[1]
    assert len(token) == 43
    [(fingerprint,)] = line.rows(Link.token_hash)
    assert bytes(fingerprint) == line.stage.parts.keys.fingerprint("link", token)
    with line.stage.parts.database.begin() as session:
        assert token not in str(
            [tuple(row) for row in session.execute(sa.text("SELECT text, buttons::text FROM message"))]
        )


def test_what_is_not_sensitive_is_asked_in_the_app(line: Line, server: BotApi) -> None:
    server.write(WANG, "家里困难")
    line.poll()
    interview(line, TOWNSHIP)
    line.deliver()
    assert server.texts(WANG) == [f"问：{TOWNSHIP}"]


def test_opening_goes_on_with_the_same_conversation_on_the_page(line: Line, server: BotApi) -> None:
    page = opened(line, offered(line, server))
    assert len(server.sent) == 1
    interview(line, INCOME)
    assert texts(page) == ["到网页上接着说", f"问：{INCOME}"]
    page.write("每月两千")
    interview(line, INCOME)
    line.deliver()
    assert texts(page) == ["到网页上接着说", f"问：{INCOME}", "每月两千", "问完了"]
    assert len(server.sent) == 1  # nothing of it went abroad
    assert line.rows(Contact.channel) == [("telegram",)] and len(line.rows(Conversation.id)) == 1
    assert [row[1] for row in line.rows(Message.seq, Message.author)] == [
        "resident",
        "bot",
        "resident",
        "bot",
        "resident",
        "bot",
    ]
    server.write(WANG, "好了")  # back in the app
    line.poll()
    line.stage.work("登记好了")
    line.deliver()
    assert server.texts(WANG)[1:] == ["登记好了"]


def test_an_unread_page_holds_up_no_app(line: Line, server: BotApi) -> None:
    opened(line, offered(line, server))
    interview(line, INCOME)  # answered on the page, which nobody looks at any more
    server.write(WANG, "网页打不开")
    line.poll()
    line.stage.work("没关系")
    line.deliver()
    assert server.texts(WANG)[1:] == ["没关系"]


def test_what_the_page_does_not_show_is_not_marked_as_seen(line: Line, server: BotApi) -> None:
    line.say(WANG, "还没送到的一句")
    path = offered(line, server)
    page = opened(line, path)
    line.say(WANG, "另一句")
    last = page.lines()[-1]["id"]
    page.lines(after=last)
    line.deliver()
    assert server.texts(WANG)[-1] == "另一句"


def test_operators_words_reach_both(line: Line, server: BotApi) -> None:
    page = opened(line, offered(line, server))
    operator = line.stage.sign_in("zhou")
    [(conversation,)] = line.rows(Conversation.id)
    assert operator.do(f"/desk/conversations/{conversation}/take_over").status_code == 303
    page.write("我在网页上")
    assert line.rows(Message.seq, Message.text, Message.handed_over)[-1][1:] == ("我在网页上", True)
    line.deliver()
    joined = line.stage.parts.replies.text("operator_joined")
    assert joined in server.texts(WANG) and joined in texts(page)


def files(line: Line, gates: tuple[str, ...] = ()) -> Worked | None:
    """One turn that files the ticket, the way the interview ends."""

    def think(turn: Turn) -> None:
        follow_page(turn)
        turn.facts.consent, turn.facts.gates = "given", list(gates)
        file_ticket(turn, line.stage.parts.knowledge, "confirmed")

    parts = line.stage.parts
    return work_one(TurnTools(parts.database, parts.replies, parts.keys, line.stage.wake, line.stage.clock,
                              parts.accept_tools), think)


def post(line: Line) -> None:
    while post_one(line.stage.parts.database, line.stage.parts.knowledge, line.stage.clock()):
        pass
    line.deliver()


def test_a_number_opened_on_the_page_is_told_in_the_app_once(line: Line, server: BotApi) -> None:
    page = opened(line, offered(line, server))
    page.write("都对")
    interview(line, INCOME)
    page.write("登记")
    files(line)
    for _ in range(2):
        post(line)
    [(number,)] = line.rows(Ticket.number)
    told = [text for text in server.texts(WANG) if number in text]
    assert told == [line.stage.parts.replies.text("ticket_filed_on_page", number=number)]
    assert "查询码" not in told[0]
    # the page has number and code, and not the number twice
    assert len([text for text in texts(page) if number in text]) == 1
    assert any("查询码：" in text and "••" not in text for text in texts(page))


def test_a_number_opened_in_the_app_is_not_told_again(line: Line, server: BotApi) -> None:
    server.write(WANG, "登记")
    line.poll()
    files(line)
    post(line)
    [(number,)] = line.rows(Ticket.number)
    assert len([text for text in server.texts(WANG) if number in text]) == 1


def test_a_discreet_ticket_stays_silent_in_the_app(line: Line, server: BotApi) -> None:
    page = opened(line, offered(line, server))
    page.write("登记")
    files(line, ("violence_past",))
    post(line)
    [(number, discreet)] = line.rows(Ticket.number, Ticket.discreet)
    assert discreet and not [text for text in server.texts(WANG) if number in text]
    [said] = [text for text in texts(page) if number in text]
    assert "我们不会主动给您打电话、发消息" in said and "核对" not in said


# --- once, in time, on one page ----------------------------------------------------------------------------------------


def test_a_link_opens_once(line: Line, server: BotApi) -> None:
    path = offered(line, server)
    opened(line, path)
    again = line.stage.browser().post(path)
    assert again.status_code == 410 and "set-cookie" not in again.headers
    assert line.stage.browser().post("/page/" + "x" * 43).text == again.text  # unknown and used look the same
    assert len(line.rows(Message.id)) == 3


def test_looking_at_the_address_opens_nothing(line: Line, server: BotApi) -> None:
    path = offered(line, server)
    for _ in range(3):
        assert line.stage.browser().get(path).status_code == 200
    opened(line, path)


def test_a_link_is_too_old_after_half_an_hour(line: Line, server: BotApi) -> None:
    path = offered(line, server)
    line.stage.clock.advance(minutes=30)
    assert line.stage.browser().post(path).status_code == 410


def test_another_site_cannot_open_a_link(line: Line, server: BotApi) -> None:
    path = offered(line, server)
    assert line.stage.browser().post(path, headers={"origin": "https://evil.example"}).status_code == 403
    opened(line, path)


def test_a_newer_page_ends_the_older_and_the_links_before_it(line: Line, server: BotApi) -> None:
    first = opened(line, offered(line, server))
    interview(line, INCOME)
    unused = offered(line, server, INCOME, ILLNESS)
    second = opened(line, offered(line, server, INCOME, ILLNESS))
    assert texts(first) == []
    assert line.stage.browser().post(unused).status_code == 410
    first.write("这是旧的那一页")  # is a browser like any other now
    assert line.rows(Contact.channel) == [("telegram",), ("web",)]
    assert "这是旧的那一页" not in texts(second)


def test_the_page_ends_after_an_hour_and_shows_nothing(line: Line, server: BotApi) -> None:
    page = opened(line, offered(line, server))
    assert texts(page)
    line.stage.clock.advance(minutes=60)
    assert texts(page) == []


def test_leaving_in_a_hurry_ends_the_page(line: Line, server: BotApi) -> None:
    page = opened(line, offered(line, server))
    line.stage.clock.advance(seconds=5)
    page.post("/chat/leave")
    assert texts(page) == [] and page.get("/").status_code == 200
    assert line.rows(Contact.id, Contact.forgotten_at)[0][1] is None  # the app goes on


def test_a_page_shows_only_its_own_conversation_since_it_was_opened(line: Line, server: BotApi) -> None:
    line.say(LI, "李的话")
    page = opened(line, offered(line, server))
    assert texts(page) == ["到网页上接着说"]


def test_a_visitor_of_ours_keeps_their_own_talk(line: Line, server: BotApi) -> None:
    browser = line.stage.browser()
    browser.get("/")
    browser.write("这是网页上另外的人")
    line.stage.work("您好")
    path = offered(line, server)
    browser.post(path)
    assert texts(browser) == ["到网页上接着说"]
    line.stage.clock.advance(minutes=61)
    assert texts(browser) == ["这是网页上另外的人", "您好"]


def test_a_repeated_post_of_the_page_is_stored_once(line: Line, server: BotApi) -> None:
    page = opened(line, offered(line, server))
    name = str(uuid.uuid4())
    for _ in range(2):
        page.post_json("/chat/messages", {"id": name, "text": "每月两千"})
    assert [row[1] for row in line.rows(Message.seq, Message.text)].count("每月两千") == 1
    assert line.rows(Message.seq, Message.external_id)[-1][1] == f"page:{name}"


def test_danger_on_the_page_is_answered_there_and_in_the_app(line: Line, server: BotApi) -> None:
    page = opened(line, offered(line, server))
    page.write("我家现在正在着火")
    line.deliver()
    text = line.stage.parts.replies.text("danger_fire_now")
    assert text in texts(page) and text in server.texts(WANG)


@pytest.mark.parametrize("fault", [flood(3), DROP_AFTER])
def test_a_link_that_had_to_be_sent_again_is_a_new_one(line: Line, server: BotApi, fault: Any) -> None:
    server.fail("sendMessage", fault)
    server.write(WANG, "家里困难")
    line.poll()
    interview(line, INCOME)
    line.deliver()
    line.stage.clock.advance(seconds=4)
    line.deliver()
    assert len(server.sent) == 1
    opened(line, link_of(server))


# --- who does not want to -----------------------------------------------------------------------------------------------


def press(line: Line, server: BotApi, title: str) -> None:
    [data] = [button["callback_data"] for button in server.sent[-1].buttons if button["text"] == title]
    server.press(WANG, data, uuid.uuid4().hex)
    line.poll()


def test_who_does_not_want_the_page_is_not_asked_again(line: Line, server: BotApi) -> None:
    offered(line, server, INCOME, ILLNESS, TOWNSHIP)
    press(line, server, "先不说这些")
    interview(line, INCOME, ILLNESS, TOWNSHIP)
    line.deliver()
    assert server.texts(WANG)[1:] == [line.stage.parts.replies.text("own_page_skipped"), f"问：{TOWNSHIP}"]
    [(facts,)] = line.rows(Conversation.facts)
    assert {name: facts["answers"][name]["value"] for name in (INCOME, ILLNESS)} == {
        INCOME: "declined",
        ILLNESS: "declined",
    }
    assert line.rows(Consent.notice, Consent.answer, Consent.channel) == [(ITEM, "declined", "telegram")]


def test_other_words_are_heard_and_the_page_is_offered_once_more(line: Line, server: BotApi) -> None:
    offered(line, server, INCOME, TOWNSHIP)
    for words, last in (("什么意思", True), ("我不懂", False)):
        server.write(WANG, words)
        line.poll()
        interview(line, INCOME, TOWNSHIP)
        line.deliver()
        assert any("url" in button for button in server.sent[-1].buttons) == last
    assert server.texts(WANG)[-1] == f"问：{TOWNSHIP}"


def test_a_late_change_of_mind_still_opens(line: Line, server: BotApi) -> None:
    path = offered(line, server, INCOME, TOWNSHIP)
    press(line, server, "先不说这些")
    interview(line, INCOME, TOWNSHIP)
    page = opened(line, path)
    assert texts(page) == ["到网页上接着说"]


def test_sensitive_facts_are_read_back_on_the_page_only(line: Line, server: BotApi) -> None:
    know, seen = line.stage.parts.knowledge, []
    page = opened(line, offered(line, server))

    def think(turn: Turn) -> None:
        seen.append(hidden_here(turn, know))
        turn.say_text("好")

    parts = line.stage.parts
    tools = TurnTools(parts.database, parts.replies, parts.keys, line.stage.wake, line.stage.clock,
                      parts.accept_tools)
    work_one(tools, think)
    server.write(WANG, "在吗")
    line.poll()
    work_one(tools, think)
    assert seen[0] == frozenset() and {INCOME, ILLNESS} <= seen[1] and TOWNSHIP not in seen[1]
    assert texts(page)[1] == "好"


def test_button_values_are_those_of_the_reply(line: Line) -> None:
    values = [button.value for button in line.stage.parts.replies.get(ITEM).buttons]
    assert values == [OPEN, SKIP, "request_human"]
    assert line.rows(Delivery.id) == []


def test_a_photo_sent_on_the_page_is_the_same_contacts(line: Line, server: BotApi) -> None:
    path = offered(line, server, INCOME)
    page = opened(line, path)
    answer = page.post("/chat/files", {"id": str(uuid.uuid4())}, files={"file": ("a.png", png(), "image/png")})
    assert answer.status_code == 303
    with line.stage.parts.database.begin() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Contact)).scalar_one() == 1
        state, content = session.execute(sa.select(Attachment.state, Attachment.content)).one()
        assert session.execute(sa.select(Message.kind).order_by(Message.id.desc()).limit(1)).scalar_one() == "photo"
    assert state == "kept" and line.stage.parts.keys.open_bytes(bytes(content)) == png()
