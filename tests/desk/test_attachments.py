"""What residents send besides words: fetched, kept encrypted, looked at through access, every look noted."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from actions.privacy.media import media_type
from actions.privacy.pictures import without_metadata
from actions.storage.tables import Attachment, Audit, Message
from bot.conversation.accept import Incoming, accept
from bot.conversation.attachments import Gone, TooLarge, fetch_one
from tests.cast import Stage
from tests.privacy.test_pictures import SECRET, jpeg

JPEG, OGG, PDF = bytes.fromhex("ffd8ffdb0004aaaaffd9"), b"OggS voice", b"%PDF-1.4 <script>alert(1)</script>"
PAGE = b"<html><script>alert(1)</script>"


def sends(stage: Stage, kind: str = "photo", text: str = "", who: str = "7001", **extra: Any) -> tuple[int, int]:
    """(conversation, message) of what 王婶 sent in Telegram."""
    extra = extra or {kind: {"file_id": "f1", "size": 10, "type": "image/jpeg"}}
    with stage.parts.database.begin() as session:
        accepted = accept(session, stage.parts.accept_tools,
                          Incoming("telegram", who, uuid.uuid4().hex, text, kind, extra=extra), stage.clock())
        message = session.execute(sa.select(Message.id).where(
            Message.conversation_id == accepted.conversation_id, Message.seq == accepted.seq)).scalar_one()
    return accepted.conversation_id, int(message)


def fetch(stage: Stage, answer: bytes | Exception) -> bool:
    def app(file_id: str) -> bytes:
        assert file_id == "f1"
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fetch_one(stage.parts.database, stage.parts.keys, "telegram", app, stage.clock)


def file(stage: Stage) -> Any:
    with stage.parts.database.begin() as session:
        return session.execute(sa.select(Attachment.state, Attachment.tries, Attachment.size, Attachment.content)).one()


def url(conversation: int, message: int) -> str:
    return f"/desk/conversations/{conversation}/attachments/{message}"


def test_photo_is_kept_encrypted_and_shown(stage: Stage) -> None:
    conversation, message = sends(stage, text="墙都黑了")
    zhou = stage.sign_in("zhou")
    assert "正在取这个文件" in zhou.get(url(conversation, message)).text
    assert fetch(stage, JPEG) and not fetch(stage, JPEG)
    kept = file(stage)
    assert (kept.state, kept.size) == ("kept", len(JPEG)) and JPEG not in bytes(kept.content)
    talk = zhou.get(f"/desk/conversations/{conversation}").text
    assert f'href="{url(conversation, message)}"' in talk and "看照片" in talk and "墙都黑了" in talk
    page = zhou.get(url(conversation, message))
    assert f'<img class="picture" src="{url(conversation, message)}/content"' in page.text and "墙都黑了" in page.text
    raw = zhou.get(f"{url(conversation, message)}/content")
    assert raw.content == JPEG and raw.headers["content-type"] == "image/jpeg"
    assert raw.headers["x-content-type-options"] == "nosniff" and "sandbox" in raw.headers["content-security-policy"]


def test_every_look_is_noted_once_in_ten_minutes(stage: Stage) -> None:
    conversation, message = sends(stage)
    fetch(stage, JPEG)
    chen = stage.sign_in("chen")
    for _ in range(3):
        chen.get(url(conversation, message))
        chen.get(f"{url(conversation, message)}/content")
    stage.clock.advance(minutes=11)
    chen.get(f"{url(conversation, message)}/content")
    with stage.parts.database.begin() as session:
        looks = session.execute(sa.select(Audit.object).where(Audit.action == "attachment_read")).scalars().all()
    assert looks == [f"message:{message}"] * 2


def test_voice_may_be_played_and_nothing_else_is_let_in(stage: Stage) -> None:
    conversation, message = sends(stage, "voice")
    fetch(stage, OGG)
    page = stage.sign_in("zhou").get(url(conversation, message))
    assert "<audio controls" in page.text
    assert page.headers["content-security-policy"].endswith("; media-src 'self'")
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_what_we_do_not_know_is_saved_never_shown(stage: Stage) -> None:
    """Whatever its sender calls it: a page in the clothes of a picture."""
    conversation, message = sends(stage, "document", document={"file_id": "f1", "size": 1, "type": "text/html"})
    fetch(stage, PAGE)
    zhou = stage.sign_in("zhou")
    assert "不能直接显示" in zhou.get(url(conversation, message)).text
    raw = zhou.get(f"{url(conversation, message)}/content")
    assert raw.headers["content-type"] == "application/octet-stream"
    assert raw.headers["content-disposition"].startswith("attachment;")


def test_a_paper_is_saved_and_not_opened_in_the_page(stage: Stage) -> None:
    conversation, message = sends(stage, "document", document={"file_id": "f1", "size": 1, "type": "application/pdf"})
    fetch(stage, PDF)
    zhou = stage.sign_in("zhou")
    assert "不能直接显示" in zhou.get(url(conversation, message)).text
    raw = zhou.get(f"{url(conversation, message)}/content")
    assert raw.headers["content-type"] == "application/pdf" and raw.content == PDF
    assert raw.headers["content-disposition"] == f'attachment; filename="{conversation}-{message}.pdf"'


@pytest.mark.parametrize("content", [
    PAGE, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"\xef\xbb\xbf" + PAGE, b"<?xml version='1.0'?><svg/>",
    b"GIF9" + PAGE, b"BM" + PAGE, b"MZ\x90", b"PK\x03\x04", b"", PDF,
])
def test_whatever_could_run_is_only_handed_out_to_be_saved(stage: Stage, content: bytes) -> None:
    """HTML and SVG above all, and PDF, in which scripts may stand: never a type a browser opens beside the desk."""
    conversation, message = sends(stage, "document")
    fetch(stage, content)
    raw = stage.sign_in("zhou").get(f"{url(conversation, message)}/content")
    assert raw.status_code == 200 and raw.content == content
    assert raw.headers["content-type"] in ("application/octet-stream", "application/pdf")
    assert re.fullmatch(r'attachment; filename="\d+-\d+\.(bin|pdf)"', raw.headers["content-disposition"])
    assert raw.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert raw.headers["x-content-type-options"] == "nosniff" and raw.headers["x-frame-options"] == "DENY"
    assert raw.headers["cross-origin-resource-policy"] == "same-origin" and raw.headers["cache-control"] == "no-store"


def test_a_photo_is_handed_out_without_the_place_it_was_taken_at(stage: Stage) -> None:
    conversation, message = sends(stage)
    fetch(stage, jpeg(6))
    raw = stage.sign_in("zhou").get(f"{url(conversation, message)}/content").content
    assert raw == without_metadata(jpeg(6), "image/jpeg") and SECRET not in raw
    assert stage.parts.keys.open_bytes(file(stage).content) == jpeg(6)  # kept as it came


@pytest.mark.parametrize("content, kind", [
    (JPEG, "image/jpeg"), (b"\x89PNG\r\n\x1a\n.", "image/png"), (b"RIFF1234WEBP", "image/webp"), (OGG, "audio/ogg"),
    (b"<html>", "application/octet-stream"), (b"", "application/octet-stream"), (b"RIFF1234WAVE", "application/octet-stream"),
])
def test_kind_is_read_from_the_content(content: bytes, kind: str) -> None:
    assert media_type(content)[0] == kind


@pytest.mark.parametrize("error, state, words", [
    (TooLarge(), "too_large", "文件太大"), (Gone(), "gone", "取不到了"), (TimeoutError(), "waiting", "正在取")])
def test_what_cannot_be_fetched_is_told(stage: Stage, error: Exception, state: str, words: str) -> None:
    conversation, message = sends(stage)
    assert fetch(stage, error) and file(stage).state == state
    zhou = stage.sign_in("zhou")
    assert words in zhou.get(url(conversation, message)).text
    assert zhou.get(f"{url(conversation, message)}/content").status_code == 404


def test_tries_wait_longer_each_time_and_end(stage: Stage) -> None:
    sends(stage)
    assert fetch(stage, TimeoutError()) and not fetch(stage, JPEG)
    for _ in range(25):
        stage.clock.advance(hours=2)
        fetch(stage, TimeoutError())
    assert (file(stage).state, file(stage).tries) == ("gone", 20)


def test_place_and_contact_have_a_page_too(stage: Stage) -> None:
    place = {"latitude": 29.718, "longitude": 106.63, "accuracy": 12.4, "datum": "WGS-84"}
    conversation, message = sends(stage, "location", location=place)
    zhou, chen = stage.sign_in("zhou"), stage.sign_in("chen")
    page = zhou.get(url(conversation, message)).text
    assert "29.718" in page and "106.63" in page and "约12米" in page and "WGS-84" in page
    conversation, message = sends(stage, "contact", phones=["13800138000"])
    assert "13800138000" in zhou.get(url(conversation, message)).text
    reader = chen.get(url(conversation, message)).text
    assert "13800138000" not in reader and "138****8000" in reader
    assert "看联系人" in zhou.get(f"/desk/conversations/{conversation}").text


def test_only_its_own_conversation_leads_to_it(stage: Stage) -> None:
    conversation, message = sends(stage)
    fetch(stage, JPEG)
    other, plain = sends(stage, "text", "您好", who="7002", page=False)
    zhou, zhang = stage.sign_in("zhou"), stage.sign_in("zhang")
    for wrong in (url(other, message), url(other, plain), url(conversation, 4711), url(conversation, 0)):
        assert zhou.get(wrong).status_code == 404 and zhou.get(f"{wrong}/content").status_code == 404
    assert zhang.get(url(conversation, message)).status_code == 404


def test_another_key_takes_nothing_down(stage: Stage) -> None:
    conversation, message = sends(stage)
    fetch(stage, JPEG)
    with stage.parts.database.begin() as session:
        session.execute(sa.update(Attachment).values(content=b"broken"))
    zhou = stage.sign_in("zhou")
    assert "读不出来" in zhou.get(url(conversation, message)).text
    assert zhou.get(f"{url(conversation, message)}/content").status_code == 404
