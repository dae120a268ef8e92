"""Photos and papers on the web chat: taken by what they are, kept encrypted, shown in the desk, and nothing else comes in."""

from __future__ import annotations

import struct
import uuid
import zlib
from typing import Any

import pytest
import sqlalchemy as sa

from actions.storage.tables import Attachment, Message
from tests.cast import Browser, Stage
from tests.stage import make_stage


def png() -> bytes:
    """One red pixel."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(
        b"IDAT", zlib.compress(b"\x00\xff\x00\x00")) + chunk(b"IEND", b"")


PNG, JPEG, WEBP, PDF = png(), bytes.fromhex("ffd8ffdb0004aaaaffd9"), b"RIFF\x0e\x00\x00\x00WEBPVP8 \x02\x00\x00\x00xx", b"%PDF-1.4 paper"


def post(browser: Browser, content: bytes, name: str = "a.png", kind: str = "image/png", headers: Any = None,
         **data: str) -> Any:
    return browser.post("/chat/files", {"id": str(uuid.uuid4()), **data}, files={"file": (name, content, kind)},
                        headers=headers or {})


def kept(stage: Stage) -> list[Any]:
    with stage.parts.database.begin() as session:
        return session.execute(sa.select(Attachment.state, Attachment.size, Attachment.content, Message.kind, Message.text,
                                         Message.secrets, Message.external_id, Message.id, Message.conversation_id)
                               .join(Message, Message.id == Attachment.message_id).order_by(Attachment.id)).all()


@pytest.mark.parametrize(("content", "kind"), [(PNG, "photo"), (JPEG, "photo"), (WEBP, "photo"), (PDF, "document")])
def test_a_plain_form_post_keeps_it_encrypted_and_the_desk_shows_it(stage: Stage, content: bytes, kind: str) -> None:
    wang = stage.browser()
    assert 'action="/chat/files"' in wang.get("/").text
    answer = post(wang, content)
    assert answer.status_code == 303 and answer.headers["location"] == "/#end"
    [row] = kept(stage)
    assert (row.state, row.size, row.kind) == ("kept", len(content), kind)
    assert content not in bytes(row.content) and stage.parts.keys.open_bytes(bytes(row.content)) == content
    assert ("［照片］" if kind == "photo" else "［文件］") in wang.get("/").text
    zhou = stage.sign_in("zhou")
    place = f"/desk/conversations/{row.conversation_id}/attachments/{row.id}"
    assert zhou.get(place).status_code == 200
    raw = zhou.get(f"{place}/content")
    assert raw.content == content and raw.headers["x-content-type-options"] == "nosniff"
    assert raw.headers["content-disposition"].startswith("inline" if kind == "photo" else "attachment")
    assert "sandbox" in raw.headers["content-security-policy"]


def test_words_beside_it_are_read_as_words(stage: Stage) -> None:
    wang = stage.browser()
    post(wang, PNG, text="我不想活了，现在站在楼顶上")
    assert any("110" in line["text"] or "120" in line["text"] for line in wang.lines() if line["author"] == "system")


def test_sent_twice_is_one(stage: Stage) -> None:
    wang, name = stage.browser(), str(uuid.uuid4())
    wang.get("/")
    for _ in range(3):
        assert post(wang, PNG, id=name).status_code == 303
    assert len(kept(stage)) == 1


def test_its_name_is_kept_nowhere(stage: Stage) -> None:
    wang = stage.browser()
    for name in ("../../etc/passwd", "王秀英诊断证明.png", "a\x00.png", "C:\\x\\..\\y.exe", "x" * 300 + ".png"):
        assert post(wang, PNG, name=name).status_code in (303, 400)
    for row in kept(stage):
        assert row.text == "" and "passwd" not in row.external_id
        assert "passwd" not in stage.parts.keys.open(row.secrets) and "王秀英" not in stage.parts.keys.open(row.secrets)


@pytest.mark.parametrize(("content", "name", "kind"), [
    (b"<html><script>alert(1)</script>", "a.png", "image/png"), (b"<svg onload=alert(1)>", "a.svg", "image/svg+xml"),
    (b"GIF89a", "a.gif", "image/gif"), (b"MZ\x90\x00", "a.jpg", "image/jpeg"), (b"PK\x03\x04", "a.docx", "application/zip"),
    (b"\x00" * 100, "a.png", "image/png"), (b"  %PDF-1.4", "a.pdf", "application/pdf"), (b"\x89PNG", "a.png", "image/png"),
])
def test_what_is_no_photo_and_no_paper_is_not_taken(stage: Stage, content: bytes, name: str, kind: str) -> None:
    wang = stage.browser()
    answer = post(wang, content, name, kind)
    assert answer.status_code == 415 and "这种文件收不了" in answer.text and 'action="/chat/files"' in answer.text
    answer = post(wang, content, name, kind, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (415, {"error": "file_kind"})
    assert kept(stage) == []


def test_a_page_behind_the_mark_of_a_picture_is_never_a_page(stage: Stage) -> None:
    wang = stage.browser()
    post(wang, PNG[:16] + b"<html><script>alert(1)</script>", "a.html", "text/html")
    [row] = kept(stage)
    raw = stage.sign_in("zhou").get(f"/desk/conversations/{row.conversation_id}/attachments/{row.id}/content")
    assert raw.headers["content-type"] == "image/png" and raw.headers["x-content-type-options"] == "nosniff"
    assert raw.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_too_large_by_a_byte_and_far_too_large(database: Any, knowledge: Any, gates: Any, roles: Any, lifecycle: Any,
                                               clock: Any) -> None:
    stage = make_stage(database, knowledge, gates, roles, lifecycle, clock, {"YOUMEN_UPLOAD_MB": "1"})
    wang = stage.browser()
    assert post(wang, PNG + b"\0" * (1_000_000 - len(PNG))).status_code == 303
    answer = post(wang, PNG + b"\0" * (1_000_001 - len(PNG)))
    assert answer.status_code == 413 and "最大1MB" in answer.text
    answer = post(wang, PNG + b"\0" * 3_000_000)
    assert answer.status_code == 413 and "内容太大了" in answer.text
    assert len(kept(stage)) == 1


@pytest.mark.parametrize("path", ["/chat/messages", "/chat/device", "/progress", "/desk/login"])
def test_nothing_large_comes_in_elsewhere(stage: Stage, path: str) -> None:
    answer = stage.browser().post(path, {"text": "好"}, files={"file": ("a.png", PNG + b"\0" * 100_000, "image/png")})
    assert answer.status_code == 413 and kept(stage) == []


def test_no_file_at_all(stage: Stage) -> None:
    wang = stage.browser()
    answer = wang.post("/chat/files", {"id": str(uuid.uuid4())})
    assert answer.status_code == 422 and "还没有选" in answer.text
    assert post(wang, b"").status_code == 422


def test_another_site_cannot_send_one(stage: Stage) -> None:
    assert post(stage.browser(), PNG, headers={"origin": "https://evil.example"}).status_code == 403
    assert kept(stage) == []


def test_many_files_in_one_form_are_one_or_none(stage: Stage) -> None:
    answer = stage.browser().post("/chat/files", {"id": str(uuid.uuid4())},
                                  files=[("file", (f"{n}.png", PNG, "image/png")) for n in range(9)])
    assert answer.status_code == 400 and kept(stage) == []
