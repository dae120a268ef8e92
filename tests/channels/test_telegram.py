"""Telegram over real HTTP and a real database: taken in once, in order, answered, delivered once, every failure told."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from actions.storage.tables import Attachment, Contact, Conversation, Delivery, Message
from bot.channels.telegram import poller
from bot.channels.telegram.api import Api, TooLarge
from bot.channels.telegram.files import Fetcher
from bot.channels.telegram.sender import TelegramSender
from bot.channels.telegram.split import split, units
from bot.channels.telegram.webhook import HEADER, secrets_of
from bot.conversation.deliver import deliver_one, recover
from tests.cast import Stage
from tests.channels.bot_api import DROP_AFTER, DROP_BEFORE, HANG_AFTER, TOKEN, BotApi, Fault, flood
from tests.channels.telegram_line import LI, WANG, Line
from tests.stage import make_stage

FIRE = "我家现在正在着火"


def test_text_is_stored_answered_and_delivered(line: Line, server: BotApi) -> None:
    number = server.write(WANG, "家里老人病了，没有钱")
    assert line.poll() == 0
    assert line.rows(Message.seq, Message.author, Message.kind, Message.text, Message.external_id) == [
        (1, "resident", "text", "家里老人病了，没有钱", f"{WANG}:{number}")
    ]
    line.stage.work("您好，我在", buttons=[{"title": "转人工", "value": "request_human"}])
    assert line.deliver() == 1
    assert server.texts(WANG) == ["您好，我在"]
    [button] = server.sent[0].buttons
    assert button["text"] == "转人工" and 8 <= len(button["callback_data"]) <= 64
    assert line.rows(Delivery.state, Delivery.external_id) == [("sent", str(server.sent[0].message_id))]


def test_chat_id_is_kept_encrypted_and_hashed(line: Line, server: BotApi) -> None:
    server.write(WANG, "你好")
    line.poll()
    [(address, fingerprint)] = line.rows(Contact.address, Contact.address_hash)
    keys = line.stage.parts.keys
    assert str(WANG).encode() not in bytes(address) and keys.open(address) == str(WANG)
    assert bytes(fingerprint) == keys.fingerprint("telegram", str(WANG))


def test_pressed_button_is_its_value_and_is_answered(line: Line, server: BotApi) -> None:
    line.say(WANG, "要登记吗？", asks="open_ticket", buttons=[{"title": "要登记", "value": True}])
    line.deliver()
    data = server.sent[0].buttons[0]["callback_data"]
    server.press(WANG, data, "cb7")
    server.press(WANG, data, "cb7")  # the app repeats what was not answered in time
    line.poll()
    assert line.rows(Message.seq, Message.kind, Message.text, Message.press, Message.external_id)[2:] == [
        (3, "press", "要登记", {"asks": "open_ticket", "value": True}, "callback:cb7")
    ]
    server.wait_until(lambda: server.answered == ["cb7", "cb7"])


def test_forged_button_is_nothing_but_text(line: Line, server: BotApi) -> None:
    server.press(WANG, "made-up-id", "cb8")
    line.poll()
    assert line.rows(Message.seq, Message.kind, Message.text, Message.press) == [(1, "text", "", None)]
    server.wait_until(lambda: server.answered == ["cb8"])


# --- every kind of message --------------------------------------------------------------------------------------------


def test_location_is_kept_encrypted_with_its_datum(line: Line, server: BotApi) -> None:
    server.update(
        "message", server.message(WANG, location={"latitude": 29.58, "longitude": 106.51, "horizontal_accuracy": 12})
    )
    line.poll()
    assert line.rows(Message.seq, Message.kind, Message.text) == [(1, "location", "")]
    assert line.secrets() == [
        {"location": {"latitude": 29.58, "longitude": 106.51, "accuracy": 12.0, "datum": "WGS-84"}}
    ]


def test_venue_is_a_place_with_words(line: Line, server: BotApi) -> None:
    place = {"latitude": 29.58, "longitude": 106.51}
    server.update(
        "message",
        server.message(WANG, location=place, venue={"location": place, "title": "花卉园", "address": "龙溪街道"}),
    )
    line.poll()
    assert line.rows(Message.seq, Message.kind, Message.text) == [(1, "location", "花卉园 龙溪街道")]


PHOTO = [
    {"file_id": "small", "file_unique_id": "s", "width": 90, "height": 60, "file_size": 900},
    {"file_id": "large", "file_unique_id": "l", "width": 900, "height": 600, "file_size": 90_000},
]
FILE = {"file_id": "f1", "file_unique_id": "u", "file_size": 1234, "mime_type": "audio/ogg", "duration": 3}


@pytest.mark.parametrize(
    "content,kind,kept",
    [
        ({"photo": PHOTO}, "photo", {"photo": {"file_id": "large", "size": 90_000, "type": None}}),
        ({"voice": FILE}, "voice", {"voice": {"file_id": "f1", "size": 1234, "type": "audio/ogg"}}),
        ({"audio": FILE}, "voice", {"voice": {"file_id": "f1", "size": 1234, "type": "audio/ogg"}}),
        ({"document": FILE}, "document", {"document": {"file_id": "f1", "size": 1234, "type": "audio/ogg"}}),
        (
            {"video": {**FILE, "width": 3, "height": 3}},
            "document",
            {"document": {"file_id": "f1", "size": 1234, "type": "audio/ogg"}},
        ),
    ],
)
def test_attachment_is_kept_by_its_id(line: Line, server: BotApi, content: Any, kind: str, kept: Any) -> None:
    server.update("message", server.message(WANG, **content))
    line.poll()
    assert line.rows(Message.seq, Message.kind, Message.text, Message.waiting) == [(1, kind, "", True)]
    assert line.secrets() == [kept]


def test_attachment_can_be_fetched_up_to_the_limit(line: Line, server: BotApi) -> None:
    server.files["large"] = b"\xff\xd8jpeg"
    assert line.api.file("large") == b"\xff\xd8jpeg"
    server.files["large"] = b"x" * (line.words.attachment_limit + 1)
    with pytest.raises(TooLarge):
        line.api.file("large")


@pytest.mark.parametrize("known,state", [(True, "kept"), (False, "gone")])
def test_attachment_is_fetched_for_the_desk(line: Line, server: BotApi, known: bool, state: str) -> None:
    if known:
        server.files["large"] = b"\xff\xd8\xffjpeg"
    server.update("message", server.message(WANG, photo=PHOTO))
    line.poll()
    fetcher = Fetcher(line.api, line.inbox)
    assert fetcher.round() and not fetcher.round()
    [(found, content)] = line.rows(Attachment.state, Attachment.content)
    assert found == state
    assert content is None or line.stage.parts.keys.open_bytes(content) == server.files["large"]


def test_danger_in_a_caption_is_heard(line: Line, server: BotApi) -> None:
    server.update("message", server.message(WANG, photo=PHOTO, caption=FIRE))
    line.poll()
    line.deliver()
    assert line.rows(Message.seq, Message.author, Message.kind)[0] == (1, "resident", "photo")
    assert server.texts(WANG) == [line.stage.parts.replies.text("danger_fire_now")]


def test_contact_is_a_phone_to_call_back(line: Line, server: BotApi) -> None:
    server.update("message", server.message(WANG, contact={"phone_number": "+8613800138000", "first_name": "王"}))
    line.poll()
    assert line.rows(Message.seq, Message.kind, Message.text) == [(1, "contact", "")]
    assert line.secrets() == [{"phones": ["13800138000"]}]


def test_edited_message_is_a_new_one_with_a_mark(line: Line, server: BotApi) -> None:
    number = server.write(WANG, "我在龙溪")
    line.poll()
    server.edit(WANG, number, "我在龙塔")
    server.edit(WANG, number, "我在龙塔街道")  # in the same second
    server.duplicates = True
    line.poll()
    assert line.rows(Message.seq, Message.kind, Message.text, Message.waiting) == [
        (1, "text", "我在龙溪", True),
        (2, "text", "（改为）我在龙塔", True),
        (3, "text", "（改为）我在龙塔街道", True),
    ]


def test_a_place_that_moves_on_is_told_once(line: Line, server: BotApi) -> None:
    here, there = {"latitude": 29.5, "longitude": 106.5}, {"latitude": 29.6, "longitude": 106.5}
    first = server.message(WANG, location={**here, "live_period": 900})
    server.update("message", first)
    server.update(
        "edited_message", {**first, "location": {**there, "live_period": 900}, "edit_date": first["date"] + 5}
    )
    line.poll()
    assert line.rows(Message.seq, Message.kind) == [(1, "location")]


@pytest.mark.parametrize(
    "typed,stored",
    [
        ("/start", "您好"),
        ("/start abc", "您好"),
        ("/Help@youmen_bot", "您好"),
        ("/human", "转人工"),
        ("/progress", "查工单进展"),
        ("/restart", "/restart"),
        ('/intent{"a": 1}', '/intent{"a": 1}'),
        ("/", "/"),
        ("/ 你好", "/ 你好"),
    ],
)
def test_commands_are_words(line: Line, server: BotApi, typed: str, stored: str) -> None:
    server.write(WANG, typed)
    line.poll()
    assert line.rows(Message.seq, Message.text) == [(1, stored)]


@pytest.mark.parametrize("chat,kind", [(-100, "group"), (-200, "supergroup"), (-300, "channel")])
def test_group_is_refused_once_and_left(line: Line, server: BotApi, chat: int, kind: str) -> None:
    if kind != "channel":
        server.member(chat, "member", kind)
    server.update("channel_post" if kind == "channel" else "message", server.message(chat, kind, text=FIRE))
    server.write(WANG, "你好")
    line.poll()
    server.wait_until(lambda: chat in server.left and server.texts(chat) != [])
    line.crash()
    server.update("message", server.message(chat, "group", text="又一句"))
    line.poll()
    server.wait_until(lambda: len(server.left) >= 2)
    assert server.texts(chat) == [line.stage.parts.replies.text("telegram_group")]
    assert line.rows(Message.seq, Message.text) == [(1, "你好")] and len(line.rows(Conversation.id)) == 1


def test_unknown_kinds_are_passed_over_with_one_line(
    line: Line, server: BotApi, capsys: pytest.CaptureFixture[str]
) -> None:
    server.update("poll_answer_of_the_future", {"id": 1, "secret": "张三"})
    server.update("message", server.message(WANG, dice={"emoji": "🎲", "value": 3}))
    server.update("message", {"nonsense": "张三"})
    server.update(
        "callback_query",
        {
            "id": "cb1",
            "from": {"id": WANG, "is_bot": False, "first_name": "王"},
            "chat_instance": "1",
            "inline_message_id": "i",
            "data": "x",
        },
    )
    server.write(WANG, "还在吗")
    line.poll()
    line.poll()
    assert line.rows(Message.seq, Message.text) == [(1, "还在吗")]
    assert server.open_updates() == []
    said = capsys.readouterr().err
    assert said.count("telegram_update_ignored") == 4 and "张三" not in said


def test_control_characters_and_half_characters_do_not_stop_the_line(line: Line, server: BotApi) -> None:
    server.write(WANG, "救\x00命\ud83d")
    server.write(WANG, "在吗")
    line.poll()
    line.poll()
    assert [row[1] for row in line.rows(Message.seq, Message.text) if row[1] == "在吗"] == ["在吗"]
    assert server.open_updates() == []


# --- exactly once -----------------------------------------------------------------------------------------------------


def test_repeated_and_reordered_updates_are_stored_once_in_order(line: Line, server: BotApi) -> None:
    server.duplicates = server.reorders = True
    for number in range(20):
        server.write(WANG if number % 2 else LI, f"第{number}句")
    line.poll()
    line.crash()
    line.poll()
    for chat, start in ((LI, 0), (WANG, 1)):
        fingerprint = line.stage.parts.keys.fingerprint("telegram", str(chat))
        with line.stage.parts.database.begin() as session:
            texts = list(
                session.execute(
                    sa.select(Message.text)
                    .join(Contact, Contact.id == Message.contact_id)
                    .where(Contact.address_hash == fingerprint)
                    .order_by(Message.seq)
                ).scalars()
            )
        assert texts == [f"第{number}句" for number in range(start, 20, 2)]


def test_crash_between_commit_and_next_question_loses_and_doubles_nothing(line: Line, server: BotApi) -> None:
    for number in range(5):
        server.write(WANG, f"第{number}句")
    line.poll()
    assert len(server.open_updates()) == 5  # stored here, not confirmed there
    line.crash()
    server.write(WANG, "第5句")
    line.poll()
    line.poll()
    assert server.open_updates() == []
    assert [text for _, text in line.rows(Message.seq, Message.text)] == [f"第{number}句" for number in range(6)]


def test_crash_before_the_commit_loses_nothing(line: Line, server: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    server.write(WANG, "第一句")
    server.write(WANG, "第二句")
    real, taken = poller.take, []

    def dies(inbox: Any, update: Any) -> Any:
        taken.append(update.update_id)
        if len(taken) == 2:
            raise sa.exc.OperationalError("x", {}, Exception("server closed the connection"))
        return real(inbox, update)

    monkeypatch.setattr(poller, "take", dies)
    assert line.poll() > 0
    assert len(line.rows(Message.id)) == 1
    line.crash()
    line.poll()
    assert [text for _, text in line.rows(Message.seq, Message.text)] == ["第一句", "第二句"]


def test_an_update_that_cannot_be_stored_holds_up_nobody_for_long(
    line: Line, server: BotApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.write(WANG, "坏的")
    server.write(LI, "好的")
    real = poller.take

    def stumbles(inbox: Any, update: Any) -> Any:
        if update.message.text == "坏的":
            raise ValueError("坏的")
        return real(inbox, update)

    monkeypatch.setattr(poller, "take", stumbles)
    waits = [line.poll() for _ in range(4)]
    assert [wait > 0 for wait in waits] == [True, True, False, False]
    assert line.rows(Message.seq, Message.text) == [(1, "好的")] and server.open_updates() == []
    said = capsys.readouterr().err
    assert said.count("telegram_update_failed") == 3 and "坏的" not in said


def test_only_one_asks(line: Line, server: BotApi) -> None:
    other = poller.Poller(line.api, line.inbox)
    line.poll()
    asked = server.count("getUpdates")
    assert other.round(0) > 0 and server.count("getUpdates") == asked
    line.poller.stop()
    assert other.round(0) == 0 and server.count("getUpdates") == asked + 1
    other.stop()


def test_a_week_of_silence_may_begin_the_numbers_anew(line: Line, server: BotApi) -> None:
    server.write(WANG, "第一句")
    line.poll()
    line.poll()
    server._next_update = 3
    server.write(WANG, "第二句")
    line.poll()
    assert [text for _, text in line.rows(Message.seq, Message.text)] == ["第一句", "第二句"]


# --- when the app is in trouble ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault,wait,event",
    [
        (Fault(500), 1, "telegram_unreachable"),
        (Fault(502, "Bad Gateway"), 1, "telegram_unreachable"),
        (DROP_BEFORE, 1, "telegram_unreachable"),
        (flood(17), 17, "telegram_slows_us"),
        (Fault(409, "Conflict: terminated by other getUpdates request"), 1, "telegram_asked_elsewhere"),
    ],
)
def test_trouble_with_asking_is_told_once_and_passes(
    line: Line, server: BotApi, fault: Fault, wait: float, event: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.write(WANG, "你好")
    server.fail("getUpdates", fault, fault)
    assert [line.poll(), line.poll(), line.poll()] == [wait, wait, 0]
    assert len(line.rows(Message.id)) == 1
    said = capsys.readouterr().err
    assert said.count(event) == 2 and said.count("telegram_works_again") == 1  # the second time as what has passed


def test_revoked_token_is_told_once_and_everything_else_flows(
    line: Line, server: BotApi, capsys: pytest.CaptureFixture[str]
) -> None:
    line.say(WANG, "第一句")
    server.revoked = True
    assert [line.poll(), line.poll()] == [60, 60]
    line.deliver()
    assert capsys.readouterr().err.count("telegram_token_revoked") == 1
    asked = server.count("sendMessage")
    line.stage.clock.advance(seconds=59)
    line.deliver()
    assert server.count("sendMessage") == asked  # slowly
    wang = line.stage.browser()
    assert wang.write("网页上照常")["seq"] == 1
    for _ in range(10):  # ten hours without a token: nothing has been given up
        line.stage.clock.advance(hours=1)
        line.deliver()
    server.revoked = False
    line.stage.clock.advance(minutes=2)
    line.deliver()
    assert server.texts(WANG) == ["第一句"] and line.poll() == 0


# --- delivery ---------------------------------------------------------------------------------------------------------


def test_flood_wait_is_obeyed_and_keeps_the_order(line: Line, server: BotApi) -> None:
    line.say(WANG, "一")
    line.say(WANG, "二")
    line.say(LI, "三")
    server.fail("sendMessage", flood(30))
    line.deliver()
    assert server.texts(WANG) == [] and server.texts(LI) == ["三"]
    line.stage.clock.advance(seconds=29)
    assert line.deliver() == 0
    line.stage.clock.advance(seconds=2)
    line.deliver()
    assert server.texts(WANG) == ["一", "二"]


def test_a_flood_that_lasts_never_gives_a_message_up(line: Line, server: BotApi) -> None:
    line.say(WANG, "一")
    server.fail("sendMessage", *[flood(5)] * 20)
    for _ in range(20):
        line.deliver()
        line.stage.clock.advance(seconds=6)
    line.deliver()
    assert server.texts(WANG) == ["一"]


@pytest.mark.parametrize(
    "fault", [Fault(500), Fault(502, "Bad Gateway"), Fault(503, "Service Unavailable"), Fault(429, "Slow")]
)
def test_what_was_not_taken_is_sent_again(line: Line, server: BotApi, fault: Fault) -> None:
    line.say(WANG, "一")
    server.fail("sendMessage", fault)
    line.deliver()
    line.stage.clock.advance(seconds=2)
    line.deliver()
    assert server.texts(WANG) == ["一"]
    assert line.states()[-1] == ("sent", None)


def test_a_server_that_cannot_be_reached_is_tried_again(line: Line, server: BotApi) -> None:
    line.say(WANG, "一")
    nowhere = Api(TOKEN, line.words, "http://127.0.0.1:1")
    real, line.sender = line.sender, TelegramSender(nowhere, line.words, line.sender._links)
    line.deliver()
    nowhere.close()
    line.sender = real
    line.stage.clock.advance(seconds=2)
    line.deliver()
    assert server.texts(WANG) == ["一"]


@pytest.mark.parametrize("fault", [DROP_AFTER, HANG_AFTER, DROP_BEFORE, Fault(504, "Gateway Timeout", delivers=True)])
def test_what_perhaps_arrived_is_unclear_and_not_resent(line: Line, server: BotApi, fault: Fault) -> None:
    line.say(WANG, "一")
    line.say(WANG, "二")
    server.fail("sendMessage", fault)
    line.deliver()
    line.stage.clock.advance(hours=1)
    line.deliver()
    assert server.texts(WANG) == (["一", "二"] if fault.delivers else ["二"])
    assert [state for state, _ in line.states()] == ["unclear", "sent"]


def test_a_safety_text_that_perhaps_arrived_is_sent_again(line: Line, server: BotApi) -> None:
    server.write(WANG, FIRE)
    line.poll()
    server.fail("sendMessage", DROP_BEFORE, DROP_AFTER)
    for _ in range(4):
        line.deliver()
        line.stage.clock.advance(minutes=2)
    text = line.stage.parts.replies.text("danger_fire_now")
    assert server.texts(WANG) == [text, text]


def test_crash_while_sending(line: Line, server: BotApi) -> None:
    line.say(LI, "一")
    server.write(WANG, FIRE)
    line.poll()

    class Dies(BaseException):
        """As SIGKILL: nothing after it runs."""

    class Deadly:
        takes_ids = False

        def send(self, outgoing: Any) -> str | None:
            raise Dies()

    parts = line.stage.parts
    for _ in range(2):
        with pytest.raises(Dies):
            deliver_one(parts.database, {"telegram": Deadly()}, parts.keys, line.stage.clock)
    assert [state for state, _ in line.states()] == ["sending", "sending"]
    line.crash()
    recover(parts.database, {"telegram": line.sender}, line.stage.clock())
    line.deliver()
    assert server.texts(WANG) == [parts.replies.text("danger_fire_now")] and server.texts(LI) == []
    assert sorted(state for state, _ in line.states()) == ["sent", "unclear"]


@pytest.mark.parametrize("how,error", [("blocked", "blocked"), ("unknown", "chat_gone")])
def test_a_refusal_is_final_and_holds_up_nobody(line: Line, server: BotApi, how: str, error: str) -> None:
    line.say(WANG, "一")
    line.say(LI, "二")
    (server.blocked if how == "blocked" else server.unknown_chats).add(WANG)
    line.deliver()
    assert line.states() == [("failed", error), ("sent", None)]
    assert server.texts(LI) == ["二"] and server.texts(WANG) == []


def test_blocking_the_bot_fails_what_waits(line: Line, server: BotApi, capsys: pytest.CaptureFixture[str]) -> None:
    line.say(WANG, "一")
    line.say(LI, "二")
    server.member(WANG, "kicked")
    server.member(7999, "kicked")  # who never wrote
    line.poll()
    assert line.states() == [("failed", "blocked"), ("waiting", None)]
    assert str(WANG) not in capsys.readouterr().err
    server.member(WANG, "member")
    line.say(WANG, "三")
    line.deliver()
    assert server.texts(WANG) == ["三"]


def test_long_text_goes_out_in_parts_cut_at_line_ends(line: Line, server: BotApi) -> None:
    lines = [f"第{number}行：" + "字" * 90 for number in range(120)]
    line.say(WANG, "\n".join(lines), buttons=[{"title": "好", "value": True}])
    assert line.deliver() == 1
    parts = server.texts(WANG)
    assert len(parts) == 3 and "\n".join(parts).split("\n") == lines
    assert [bool(one.buttons) for one in server.sent] == [False, False, True]


def test_parts_that_are_out_are_not_sent_again(line: Line, server: BotApi) -> None:
    long = "\n".join("字" * 2_000 for _ in range(6))
    line.say(WANG, long)
    real = line.api.send
    told: list[str] = []

    def second_part_waits(chat: str, text: str, buttons: Any = None) -> str:
        told.append(text)
        if len(told) == 2:
            server.fail("sendMessage", flood(5))
        return real(chat, text, buttons)

    line.api.send = second_part_waits  # type: ignore[method-assign]
    line.deliver()
    assert len(server.texts(WANG)) == 1
    line.stage.clock.advance(seconds=6)
    line.deliver()
    assert "\n".join(server.texts(WANG)) == long


@given(st.text(alphabet="字a\n😀 ", max_size=80), st.integers(2, 12))
def test_split_loses_nothing(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(units(part) <= limit for part in parts) or parts == [text]
    kept = text.replace("\n", "").replace(" ", "")
    assert "".join(parts).replace("\n", "").replace(" ", "") == kept


# --- the app pushes ---------------------------------------------------------------------------------------------------


@pytest.fixture
def pushed(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any, clock: Any) -> Stage:
    """A hotline to which Telegram pushes."""
    environment = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_UPDATES": "webhook", "YOUMEN_PUBLIC_URL": "https://help.example"}
    return make_stage(database, knowledge, gates, roles, lifecycle, clock, environment)


def stored(stage: Stage) -> list[Any]:
    with stage.parts.database.begin() as session:
        return list(session.execute(sa.select(Message.text).order_by(Message.id)).scalars())


def test_the_app_is_told_where_to_push_and_pushes_once(pushed: Stage, line: Line, server: BotApi) -> None:
    path, secret = secrets_of(pushed.parts.keys, TOKEN)
    announcer = poller.Announcer(line.api, line.inbox, f"https://help.example/telegram/{path}", secret)
    assert announcer.round() == poller.HOURLY
    announcer.stop()
    server.write(WANG, "第一句")
    server.write(WANG, "第二句")
    server.duplicates = True

    def post(url: str, update: Any, headers: dict[str, str]) -> int:
        assert url.startswith("https://help.example/")
        client = pushed.browser().client
        codes = [
            client.post(url.removeprefix("https://help.example"), json=update, headers=headers).status_code
            for _ in "12"
        ]
        return codes[1]

    assert server.push(post) == [200, 200]
    assert stored(pushed) == ["第一句", "第二句"] and server.open_updates() == []


def test_a_pushed_button_is_answered_in_the_answer(pushed: Stage, server: BotApi) -> None:
    path, secret = secrets_of(pushed.parts.keys, TOKEN)
    server.press(WANG, "made-up", "cb9")
    answer = pushed.browser().client.post(f"/telegram/{path}", json=server.open_updates()[0], headers={HEADER: secret})
    assert answer.json() == {"method": "answerCallbackQuery", "callback_query_id": "cb9"}


@pytest.mark.parametrize("part", ["path", "secret", "no secret"])
def test_forged_push_finds_nothing_and_is_one_line(
    pushed: Stage, server: BotApi, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, secret = secrets_of(pushed.parts.keys, TOKEN)
    server.write(WANG, "张三")
    headers: Any = {} if part == "no secret" else {HEADER: "秘密".encode() if part == "secret" else secret}
    capsys.readouterr()
    answer = pushed.browser().client.post(
        f"/telegram/{'x' if part == 'path' else path}", json=server.open_updates()[0], headers=headers
    )
    assert answer.status_code == 404 and stored(pushed) == []
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "telegram_forged" in said and "张三" not in said


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"update_id": "x"}', b'{"update_id": 5, "message": 7}', b"\xff\xfe"]
)
def test_a_push_that_cannot_be_read_is_taken_off_the_queue(pushed: Stage, content: bytes) -> None:
    path, secret = secrets_of(pushed.parts.keys, TOKEN)
    answer = pushed.browser().client.post(f"/telegram/{path}", content=content, headers={HEADER: secret})
    assert answer.status_code == 200 and stored(pushed) == []


def test_a_push_while_the_database_is_away_comes_again(
    pushed: Stage, server: BotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, secret = secrets_of(pushed.parts.keys, TOKEN)
    server.write(WANG, "你好")
    update = server.open_updates()[0]
    real = pushed.parts.database.begin

    def away() -> Any:
        raise sa.exc.OperationalError("x", {}, Exception("gone"))

    monkeypatch.setattr(pushed.parts.database, "begin", away)
    assert pushed.browser().client.post(f"/telegram/{path}", json=update, headers={HEADER: secret}).status_code == 503
    monkeypatch.setattr(pushed.parts.database, "begin", real)
    assert pushed.browser().client.post(f"/telegram/{path}", json=update, headers={HEADER: secret}).status_code == 200
    assert stored(pushed) == ["你好"]


def test_without_webhook_the_address_does_not_exist(stage: Stage, server: BotApi) -> None:
    path, secret = secrets_of(stage.parts.keys, TOKEN)
    answer = stage.browser().client.post(f"/telegram/{path}", json={"update_id": 1}, headers={HEADER: secret})
    assert answer.status_code == 404
