"""The resident's page: what is posted is stored once, shown safely, and seen by nobody else."""
from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import Request

from actions.storage.tables import Contact, Conversation, Delivery, Message
from bot.channels.visitor import mint, minted_at
from bot.conversation.wake import TURN
from bot.pages.limits import network
from tests.cast import Stage

STORY = "我户口在石船镇，昨晚我在龙溪街道租的房子着火了，现在没地方住也没饭吃"


def rows(stage: Stage, *what: Any) -> list[Any]:
    with stage.parts.database.begin() as session:
        return list(session.execute(sa.select(*what).order_by(what[0])).all())


def count(stage: Stage, table: Any) -> int:
    with stage.parts.database.begin() as session:
        return int(session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def token_cookie(answer: Any) -> str:
    found = [header for name, header in answer.headers.multi_items() if name == "set-cookie" and header.startswith("ym_chat=")]
    assert len(found) == 1
    return str(found[0])


def test_looking_at_the_page_makes_no_contact(stage: Stage) -> None:
    page = stage.browser().get("/")
    assert page.status_code == 200
    assert count(stage, Contact) == count(stage, Conversation) == 0


def test_first_message_makes_contact_and_conversation_and_wakes_the_others(stage: Stage) -> None:
    wang = stage.browser()
    wang.get("/")
    answer = wang.write(STORY)
    assert answer["seq"] == 1 and answer["duplicate"] is False
    assert rows(stage, Message.seq, Message.author, Message.text, Message.waiting) == [
        (1, "resident", STORY, True), (2, "system", stage.parts.replies.text("danger_fire_past"), False)]
    conversation = rows(stage, Conversation.id)[0][0]
    assert stage.wake.rung == [TURN]
    assert stage.wake.hinted == ["queue", f"conversation:{conversation}"]


def test_token_is_stored_as_keyed_hash_only(stage: Stage) -> None:
    wang = stage.browser()
    cookie = token_cookie(wang.get("/")).split(";")[0].split("=", 1)[1]
    wang.write("你好")
    [(address, fingerprint)] = rows(stage, Contact.address, Contact.address_hash)
    assert minted_at(stage.parts.keys, cookie) == int(stage.clock().timestamp())
    assert address is None
    assert bytes(fingerprint) == stage.parts.keys.fingerprint("web", cookie)


def test_cookie_is_for_30_days_httponly_and_lax(stage: Stage) -> None:
    wang = stage.browser()
    before = token_cookie(wang.get("/"))
    assert "Max-Age" not in before  # nothing was said yet: gone when the browser closes
    after = token_cookie(wang.post_json("/chat/messages", {"text": "你好"}))
    assert "HttpOnly" in after and "SameSite=lax" in after and "Path=/" in after and "Max-Age=2592000" in after
    assert "Secure" not in after


def test_cookie_is_secure_under_https(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> None:
    from tests.stage import make_stage

    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock,
                       {"YOUMEN_PUBLIC_URL": "https://youmen.example"})
    answer = stage.browser().get("/")
    header = answer.headers["set-cookie"]
    assert header.startswith("__Host-ym_chat=") and "Secure" in header


def test_same_id_twice_is_one_message(stage: Stage) -> None:
    wang = stage.browser()
    wang.get("/")
    same = {"id": str(uuid.uuid4()), "text": "家里没米了"}
    first, second = wang.post_json("/chat/messages", same).json(), wang.post_json("/chat/messages", same).json()
    assert (first["seq"], first["duplicate"]) == (1, False)
    assert (second["seq"], second["duplicate"]) == (1, True)
    assert count(stage, Message) == 1


def test_first_message_tried_again_after_a_lost_answer_is_one_contact(stage: Stage) -> None:
    """The cookie comes with the page, so the browser is the same one even if the first answer never arrived."""
    wang = stage.browser()
    wang.get("/")
    jar = dict(wang.client.cookies)
    same = {"id": str(uuid.uuid4()), "text": "家里没米了"}
    wang.post_json("/chat/messages", same)
    wang.client.cookies.clear()
    wang.client.cookies.update(jar)
    wang.post_json("/chat/messages", same)
    assert count(stage, Contact) == count(stage, Message) == 1


def test_works_as_a_plain_form(stage: Stage) -> None:
    wang = stage.browser()
    page = wang.get("/").text
    forms = re.findall(r'<form method="post" action="/chat/messages".*?</form>', page, re.S)
    answer = wang.post("/chat/messages", {"id": re.search(r'name="id" value="([^"]+)"', forms[-1]).group(1), "text": STORY})
    assert answer.status_code == 303 and answer.headers["location"] == "/#end"
    assert STORY in wang.get("/").text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.evil.example"])
def test_foreign_origin_is_refused(stage: Stage, origin: str) -> None:
    wang = stage.browser()
    for url in ("/chat/messages", "/chat/device", "/chat/leave"):
        answer = wang.post(url, {"text": "你好"}, headers={"origin": origin})
        assert answer.status_code == 403, url
    assert count(stage, Message) == 0


def test_cross_site_fetch_is_refused_even_without_origin(stage: Stage) -> None:
    answer = stage.browser().client.post("/chat/messages", data={"text": "你好"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("text", ["", "   ", "\n\t ", "\u200b\u200b", "\x00\x07"])
def test_blank_is_refused_kindly(stage: Stage, text: str) -> None:
    wang = stage.browser()
    assert wang.post_json("/chat/messages", {"text": text}).json() == {"error": "blank"}
    page = wang.post("/chat/messages", {"text": text})
    assert page.status_code == 422 and "还没有写内容" in page.text
    assert count(stage, Message) == 0


def test_ten_thousand_characters_are_stored_whole(stage: Stage) -> None:
    wang = stage.browser()
    text = "难" * 10_000
    wang.write(text)
    assert wang.lines()[0]["text"] == text
    answer = wang.post("/chat/messages", files={"text": (None, text), "id": (None, str(uuid.uuid4()))})
    assert answer.status_code == 303
    assert count(stage, Message) == 2


def test_longer_is_refused_and_stays_in_the_box(stage: Stage) -> None:
    wang = stage.browser()
    text = "难" * 10_001
    assert wang.post_json("/chat/messages", {"text": text}).status_code == 422
    page = wang.post("/chat/messages", files={"text": (None, text)})
    assert page.status_code == 422
    assert text in page.text and "请分几次发送" in page.text
    assert count(stage, Message) == 0


def test_body_over_64_kib_is_413_with_a_sentence(stage: Stage) -> None:
    wang = stage.browser()
    page = wang.post("/chat/messages", {"text": "a" * 70_000})
    assert page.status_code == 413 and "内容太大了" in page.text
    answer = wang.post_json("/chat/messages", {"text": "a" * 70_000})
    assert answer.status_code == 413 and answer.json() == {"error": "too_large"}


def test_body_without_announced_length_is_counted(stage: Stage) -> None:
    def chunks() -> Any:
        for _ in range(70):
            yield b"a" * 1000

    answer = stage.browser().client.post("/chat/messages", content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize("text, kept", [
    ("a\x00b\x1bc\x7f", "abc"), ("一行\r\n两行\r三行", "一行\n两行\n三行"), ("😀😀😀", "😀😀😀"),
    ("半个\ud83d", "半个?"), ("'; DROP TABLE message; --", "'; DROP TABLE message; --"), ("سلام 안녕", "سلام 안녕"),
])
def test_odd_text_is_kept_readable(stage: Stage, text: str, kept: str) -> None:
    import json

    wang = stage.browser()
    answer = wang.client.post("/chat/messages", content=json.dumps({"text": text}), headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert wang.lines()[0]["text"] == kept


def test_html_in_a_message_is_text(stage: Stage) -> None:
    wang = stage.browser()
    evil = '<script>alert(1)</script><img src=x onerror=alert(1)>"\''
    wang.write(evil)
    for page in (wang.get("/").text, wang.get("/chat/messages?after=0").text):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script>alert" not in page and "<img src=x" not in page


@pytest.mark.parametrize("content", [b"{", b"[1]", b'"x"', b"[" * 30_000, b"\xff\xfe"])
def test_broken_json_is_400_without_a_trace(stage: Stage, content: bytes) -> None:
    answer = stage.browser().client.post("/chat/messages", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json() == {"error": "bad_request"}


def test_malformed_id_is_refused(stage: Stage) -> None:
    """Ids of operators' messages begin with `desk:`; a resident cannot take one."""
    answer = stage.browser().post_json("/chat/messages", {"id": "desk:1:abcdefgh", "text": "你好"})
    assert answer.status_code == 400


def test_identity_number_is_masked_before_it_is_stored(stage: Stage) -> None:
    wang = stage.browser()
    wang.write("身份证500112199001011239，家里困难")
    assert "199001011" not in rows(stage, Message.text)[0][0]


def test_buttons_stand_under_the_last_message_only_and_can_be_pressed(stage: Stage) -> None:
    wang = stage.browser()
    wang.write("想问问救助")
    stage.work("您是替谁问？", buttons=[{"title": "我自己", "value": "self"}, {"title": "孩子", "value": "child"}], asks="for_whom")
    button = wang.lines()[-1]["buttons"][0]
    page = wang.get("/").text
    assert f'value="{button["id"]}"' in page and "self" not in page.replace("self-", "")
    wang.write(button["title"], button=button["id"])
    assert rows(stage, Message.seq, Message.kind, Message.press)[-1][1:] == ("press", {"asks": "for_whom", "value": "self"})
    assert f'value="{button["id"]}"' not in wang.get("/").text


def test_somebody_elses_button_is_only_text(stage: Stage) -> None:
    wang, other = stage.browser(), stage.browser()
    wang.write("想问问救助")
    stage.work("您是替谁问？", buttons=[{"title": "我自己", "value": "self"}])
    button = wang.lines()[-1]["buttons"][0]
    other.write("我自己", button=button["id"])
    assert rows(stage, Message.id, Message.kind)[-1][1] == "text"


def test_nobody_reads_another_browsers_lines(stage: Stage) -> None:
    wang, other = stage.browser(), stage.browser()
    wang.write("家里没米了")
    other.write("你好")
    assert [line["text"] for line in other.lines()] == ["你好"]
    assert stage.browser().lines() == []


def test_danger_is_answered_in_the_same_post(stage: Stage) -> None:
    wang = stage.browser()
    wang.write("我家着火了")
    page = wang.get("/").text
    assert '<a href="tel:119">119</a>' in page
    assert wang.lines()[-1]["author"] == "system"


def test_what_the_page_has_shown_counts_as_delivered(stage: Stage) -> None:
    wang = stage.browser()
    wang.write("你好")
    stage.work("您好")
    assert {row[1] for row in rows(stage, Delivery.id, Delivery.state)} == {"waiting"}
    last = wang.lines()[-1]["id"]
    wang.lines(after=last)
    assert {row[1] for row in rows(stage, Delivery.id, Delivery.state)} == {"sent"}


def test_state_follows_bot_and_person(stage: Stage) -> None:
    wang, zhou = stage.browser(), stage.sign_in("zhou")

    def state() -> str:
        return str(wang.get("/chat/messages?after=0", headers={"accept": "application/json"}).json()["state"])

    wang.write("你好")
    assert state() == "thinking"
    stage.work("您好")
    assert state() == "idle"
    conversation = rows(stage, Conversation.id)[0][0]
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    assert state() == "with_person"


class TestForgetting:
    """DESIGN 2 point 12."""

    def test_thirty_days_unused_opens_nothing(self, stage: Stage) -> None:
        wang = stage.browser()
        wang.write("你好")
        stage.clock.advance(days=30, seconds=1)
        assert wang.lines() == []
        wang.get("/")
        wang.write("又来了")
        assert [line["text"] for line in wang.lines()] == ["又来了"]
        assert count(stage, Contact) == 2

    def test_thirty_days_slide(self, stage: Stage) -> None:
        wang = stage.browser()
        wang.write("你好")
        for _ in range(3):
            stage.clock.advance(days=20)
            wang.get("/")
        wang.write("还在")
        assert count(stage, Contact) == 1

    def test_after_twelve_silent_hours_earlier_text_is_hidden_but_the_talk_goes_on(self, stage: Stage) -> None:
        wang = stage.browser()
        wang.write("家里没米了")
        stage.clock.advance(hours=11, minutes=59)
        assert len(wang.lines()) == 1
        stage.clock.advance(minutes=2)
        assert wang.lines() == []
        assert "较早的内容已经收起来了" in wang.get("/").text
        wang.write("还是没米")
        assert [line["text"] for line in wang.lines()] == ["还是没米"]
        assert count(stage, Conversation) == 1

    def test_shared_device_forgets_after_a_quarter_of_an_hour(self, stage: Stage) -> None:
        wang = stage.browser()
        wang.get("/")
        cookie = token_cookie(wang.post("/chat/device", {"shared": "1"}))
        assert "Max-Age" not in cookie
        answer = wang.post_json("/chat/messages", {"text": "家里没米了"})
        assert "Max-Age" not in token_cookie(answer)
        assert rows(stage, Contact.shared_device) == [(True,)]
        stage.clock.advance(minutes=14)
        assert len(wang.lines()) == 1
        stage.clock.advance(minutes=2)
        assert wang.lines() == []
        assert "没米" not in wang.get("/").text
        wang.write("下一个人")
        assert count(stage, Contact) == 2

    def test_being_at_the_page_keeps_a_shared_device_open(self, stage: Stage) -> None:
        wang = stage.browser()
        wang.post("/chat/device", {"shared": "1"})
        wang.write("家里没米了")
        for _ in range(3):
            stage.clock.advance(minutes=10)
            wang.get("/chat/messages?after=0&active=1")
        assert len(wang.lines()) == 1

    def test_leaving_in_a_hurry_hides_everything_said_so_far(self, stage: Stage) -> None:
        wang = stage.browser()
        wang.write("他打我")
        answer = wang.post("/chat/leave")
        assert answer.status_code == 303 and answer.headers["location"] == "/away"
        assert "他打我" not in wang.get("/").text and wang.lines() == []
        away = wang.get("/away").text
        assert "有门" not in away and "救助" not in away
        stage.clock.advance(minutes=1)
        wang.write("我又来了")
        assert [line["text"] for line in wang.lines()] == ["我又来了"]
        assert count(stage, Contact) == 1

    def test_leaving_a_shared_device_forgets_at_once(self, stage: Stage) -> None:
        wang = stage.browser()
        wang.post("/chat/device", {"shared": "1"})
        wang.write("他打我")
        jar = dict(wang.client.cookies)
        wang.post("/chat/leave")
        thief = stage.browser()
        thief.client.cookies.update(jar)
        assert thief.lines() == []


def test_page_speaks_of_machine_person_and_numbers_and_loads_nothing_from_elsewhere(stage: Stage) -> None:
    page = stage.browser().get("/")
    for words in ("机器人", "转人工", "快速离开", 'href="tel:110"', 'href="tel:119"', 'href="tel:120"', "公用设备", 'aria-live="polite"'):
        assert words in page.text, words
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page.text) == []
    assert "style=" not in page.text and not re.search(r"\son\w+=", page.text)


def test_no_conversation_id_in_what_the_resident_gets(stage: Stage) -> None:
    wang = stage.browser()
    answer = wang.write("你好")
    assert "conversation" not in str(answer) and "conversation" not in wang.get("/").text


def test_size_of_letters(stage: Stage) -> None:
    wang = stage.browser()
    assert wang.get("/?size=3").status_code == 303
    assert 'class="size-3"' in wang.get("/").text
    wang.get("/?size=<x>")
    assert 'class="size-3"' in wang.get("/").text


def test_too_fast_is_slowed_and_keeps_the_text(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wang = stage.browser()
    wang.get("/")
    wang.write("你好")
    monkeypatch.setattr(stage.app.state.chat.limit, "allow", lambda key: False)
    page = wang.post("/chat/messages", {"text": "家里没米了"})
    assert page.status_code == 429 and "家里没米了</textarea>" in page.text
    assert wang.post_json("/chat/messages", {"text": "家里没米了"}).json() == {"error": "too_fast"}


def test_newcomers_from_one_network_are_slowed_with_or_without_a_cookie(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    known, stranger, looker = stage.browser(), stage.browser(), stage.browser()
    known.write("你好")
    looker.get("/")  # has a cookie of ours, and has said nothing
    keys: list[str] = []
    monkeypatch.setattr(stage.app.state.chat.newcomers, "allow", lambda key: keys.append(key))
    for browser in (stranger, looker):
        page = browser.post("/chat/messages", {"text": "家里没米了"})
        assert page.status_code == 429 and "家里没米了</textarea>" in page.text
    assert len(set(keys)) == 1 and "testclient" not in keys[0]
    known.write("我是认识的")
    assert count(stage, Contact) == 1


def test_danger_is_never_sent_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wang = stage.browser()
    for limit in (stage.app.state.chat.newcomers, stage.app.state.chat.limit):
        monkeypatch.setattr(limit, "allow", lambda key: False)
    for _ in range(2):
        wang.write("我家着火了")
    assert [line["author"] for line in wang.lines()] == ["resident", "system"] * 2
    assert wang.post_json("/chat/messages", {"text": "你好"}).status_code == 429


@pytest.mark.parametrize("host, key", [
    ("10.1.2.3", "10.1.2.3"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::ffff:10.1.2.3", "10.1.2.3"),
    ("fe80::1%eth0", "fe80::/64"), ("testclient", "testclient"),
])
def test_network_of_an_address(host: str, key: str) -> None:
    assert network(Request({"type": "http", "client": (host, 1), "headers": []})) == key


class TestPlantedTokens:
    """A token somebody else knows must not become a resident's."""

    def jar(self, stage: Stage, token: str) -> Any:
        browser = stage.browser()
        browser.client.cookies.set("ym_chat", token, domain="testserver.local", path="/")
        return browser

    def used(self, stage: Stage, token: str) -> bool:
        hashes = {bytes(row[0]) for row in rows(stage, Contact.address_hash)}
        return stage.parts.keys.fingerprint("web", token) in hashes

    @pytest.mark.parametrize("spoil", [
        lambda good: "A" * 43, lambda good: good[:-1] + ("A" if good[-1] != "A" else "B"),
        lambda good: "f" + good[1:], lambda good: good + "A", lambda good: "x.y.z", lambda good: "..", lambda good: "é" * 9,
        lambda good: "-1." + good.partition(".")[2], lambda good: "9" * 5000 + ".a.b",
    ])
    def test_one_not_of_our_making_is_replaced(self, stage: Stage, spoil: Any) -> None:
        planted = spoil(mint(stage.parts.keys, stage.clock()))
        header = {"cookie": f"ym_chat={planted}".encode()}
        page = stage.browser().get("/", headers=header)
        assert planted not in token_cookie(page)
        answer = stage.browser().post_json("/chat/messages", {"id": str(uuid.uuid4()), "text": "你好"}, headers=header)
        assert answer.status_code == 200 and planted not in token_cookie(answer)
        assert count(stage, Contact) == 1 and not self.used(stage, planted)

    def test_unused_one_lasts_half_an_hour(self, stage: Stage) -> None:
        planted = mint(stage.parts.keys, stage.clock())
        stage.clock.advance(minutes=29)
        assert planted in token_cookie(self.jar(stage, planted).get("/"))
        stage.clock.advance(minutes=2)
        assert planted not in token_cookie(self.jar(stage, planted).get("/"))
        wang = self.jar(stage, planted)
        wang.write("你好")
        assert not self.used(stage, planted)
        assert self.jar(stage, planted).lines() == []
        assert len(wang.lines()) == 1

    def test_retry_of_a_first_message_finds_its_contact_even_from_an_old_page(self, stage: Stage) -> None:
        old = mint(stage.parts.keys, stage.clock())
        stage.clock.advance(minutes=45)
        same = {"id": str(uuid.uuid4()), "text": "家里没米了"}
        first, second = (self.jar(stage, old).post_json("/chat/messages", same) for _ in range(2))
        assert (first.json()["duplicate"], second.json()["duplicate"]) == (False, True)
        assert token_cookie(first) == token_cookie(second)
        assert count(stage, Contact) == count(stage, Message) == 1

    def test_used_one_goes_on(self, stage: Stage) -> None:
        token = mint(stage.parts.keys, stage.clock())
        self.jar(stage, token).write("你好")
        stage.clock.advance(hours=2)
        assert len(self.jar(stage, token).lines()) == 1


def test_without_a_conversation_there_is_no_stream(stage: Stage) -> None:
    assert stage.browser().get("/chat/stream").status_code == 204


def test_handed_over_after_takeover(stage: Stage) -> None:
    wang, zhou = stage.browser(), stage.sign_in("zhou")
    wang.write("转人工")
    conversation = rows(stage, Conversation.id)[0][0]
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    wang.write("您好")
    assert rows(stage, Message.seq, Message.text, Message.waiting, Message.handed_over)[-1][1:] == ("您好", False, True)
    worked = stage.work("机器人的话")  # the first message was still waiting when the person came
    assert worked is not None and worked.outcome == "handed_over"
    assert "机器人的话" not in [line["text"] for line in wang.lines()]


def test_operators_words_reach_the_resident(stage: Stage) -> None:
    wang, zhou = stage.browser(), stage.sign_in("zhou")
    wang.write("转人工")
    conversation = rows(stage, Conversation.id)[0][0]
    zhou.do(f"/desk/conversations/{conversation}/take_over")
    assert zhou.do(f"/desk/conversations/{conversation}/say", text="<b>我是小周</b>", id=str(uuid.uuid4())).status_code == 303
    assert [(line["author"], line["text"]) for line in wang.lines()][-1] == ("operator", "<b>我是小周</b>")
    assert "&lt;b&gt;我是小周&lt;/b&gt;" in wang.get("/").text


def test_database_gone_is_a_friendly_503(stage: Stage, postgres_admin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    wang = stage.browser()
    name = stage.parts.database.engine.url.database
    stage.parts.database.dispose()
    with postgres_admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
    secret = "我的秘密是没米了"
    page = wang.post("/chat/messages", {"text": secret})
    assert page.status_code == 503 and "系统现在有点忙" in page.text
    assert "Traceback" not in page.text and "sqlalchemy" not in page.text
    assert wang.get("/healthz").status_code == 503
    logged = capsys.readouterr()
    assert secret not in logged.out + logged.err and "Traceback" not in logged.err


