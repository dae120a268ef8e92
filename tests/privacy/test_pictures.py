"""What the camera wrote beside a picture is not handed out; the picture, its colours and which way up it is are."""
from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.privacy.media import media_type
from actions.privacy.pictures import without_metadata

SECRET = b"29.5630N 106.5516E Xiao Wang's phone"


def tiff(orientation: int | None, order: str = "<") -> bytes:
    """A block as cameras write it: orientation among others, a place behind it."""
    entries = [struct.pack(order + "HHII", 0x010F, 2, 4, 0)]
    if orientation is not None:
        entries.append(struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0))
    entries.append(struct.pack(order + "HHII", 0x8825, 4, 1, 99))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(entries)) + b"".join(entries) + b"\0\0\0\0" + SECRET


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


SCAN = b"\x01\xff\x00\x02\xff\xd0\x03"
FRAME = segment(0xDB, b"table") + segment(0xC0, b"frame") + segment(0xDA, b"scan") + SCAN
JFIF, ICC = segment(0xE0, b"JFIF\0\x01\x01"), segment(0xE2, b"ICC_PROFILE\0\x01\x01colours")


def jpeg(orientation: int | None = 6, order: str = "<", behind: bytes = b"") -> bytes:
    beside = (segment(0xE1, b"Exif\0\0" + tiff(orientation, order)) + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)
              + segment(0xED, b"Photoshop 3.0\0" + SECRET) + segment(0xFE, SECRET) + segment(0xE2, b"MPF\0" + SECRET))
    return b"\xff\xd8" + JFIF + beside + ICC + FRAME + b"\xff\xd9" + behind


def turned(orientation: int) -> bytes:
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, orientation, 0, 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [2, 6, 8])
def test_a_photo_keeps_its_picture_and_which_way_up_it_is(orientation: int, order: str) -> None:
    clean = without_metadata(jpeg(orientation, order), "image/jpeg")
    assert clean == b"\xff\xd8" + JFIF + segment(0xE1, b"Exif\0\0" + turned(orientation)) + ICC + FRAME + b"\xff\xd9"
    assert without_metadata(clean, "image/jpeg") == clean


@pytest.mark.parametrize("orientation", [None, 1, 0, 9])
def test_the_right_way_up_nothing_is_added(orientation: int | None) -> None:
    assert without_metadata(jpeg(orientation), "image/jpeg") == b"\xff\xd8" + JFIF + ICC + FRAME + b"\xff\xd9"


def test_what_hangs_behind_the_end_is_gone() -> None:
    """Phones put a second, whole picture there, with a place of its own."""
    assert without_metadata(jpeg(1, behind=jpeg(1)), "image/jpeg") == without_metadata(jpeg(1), "image/jpeg")


def test_several_scans_and_a_picture_that_was_cut_off() -> None:
    progressive = b"\xff\xd8" + FRAME + segment(0xC4, b"huffman") + segment(0xDA, b"two") + SCAN + b"\xff\xd9"
    assert without_metadata(progressive, "image/jpeg") == progressive
    assert without_metadata(progressive[:-9], "image/jpeg") == progressive[:-9]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_png() -> None:
    head, data, end = chunk(b"IHDR", b"0" * 13), chunk(b"IDAT", zlib.compress(b"pixel")), chunk(b"IEND", b"")
    start = b"\x89PNG\r\n\x1a\n"
    beside = chunk(b"tEXt", SECRET) + chunk(b"iTXt", SECRET) + chunk(b"zTXt", SECRET) + chunk(b"tIME", b"1234567") + chunk(b"prVt", SECRET)
    content = start + head + chunk(b"gAMA", b"0000") + beside + chunk(b"eXIf", tiff(3)) + data + end + SECRET
    assert without_metadata(content, "image/png") == start + head + chunk(b"gAMA", b"0000") + chunk(b"eXIf", turned(3)) + data + end


def test_webp() -> None:
    def part(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    def whole(*parts: bytes) -> bytes:
        return b"RIFF" + struct.pack("<I", 4 + sum(map(len, parts))) + b"WEBP" + b"".join(parts)

    rest = b"\0" * 9
    content = whole(part(b"VP8X", b"\x2c" + rest), part(b"ICCP", b"col"), part(b"VP8 ", b"pix"), part(b"EXIF", tiff(6)), part(b"XMP ", SECRET))
    assert without_metadata(content, "image/webp") == whole(
        part(b"VP8X", b"\x28" + rest), part(b"ICCP", b"col"), part(b"VP8 ", b"pix"), part(b"EXIF", turned(6)))
    plain = whole(part(b"VP8 ", b"pixel"))
    assert without_metadata(plain, "image/webp") == plain


def test_other_files_are_as_they_are() -> None:
    for content in (b"%PDF-1.4 " + SECRET, b"OggS", b"<html>", b""):
        assert without_metadata(content, media_type(content)[0]) == content


@given(st.sampled_from(["image/jpeg", "image/png", "image/webp"]), st.binary(max_size=300), st.integers(0, 700))
@settings(max_examples=300, deadline=None)
def test_a_broken_file_shows_less_and_never_more(kind: str, noise: bytes, cut: int) -> None:
    for content in (noise, jpeg()[:cut], jpeg()[:cut] + noise):
        clean = without_metadata(content, kind)
        assert len(clean) <= len(content) + 40
    assert SECRET not in without_metadata(jpeg()[:cut], "image/jpeg")
