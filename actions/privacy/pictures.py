"""A picture without what the camera wrote beside it: no place, no time, no owner; only which way up it is. Pure.

The file itself is kept as it came (it may be evidence); what is handed out has been through here (个人信息保护法 6).
What cannot be read as a part of the picture is left out, so a broken file shows less and never more.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

_EXIF, _ICC, _JFIF, _ADOBE = b"Exif\0\0", b"ICC_PROFILE\0", b"JFIF\0", b"Adobe"
_COLOURS = ((0xE0, _JFIF), (0xE2, _ICC), (0xEE, _ADOBE))
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # inside a scan: zeros are stuffed, D0 to D7 belong to it
_ORIENTATION, _SHORT = 0x0112, 3
_PNG = b"\x89PNG\r\n\x1a\n"
# of what may be left out of a PNG, that which changes how it looks
_PNG_KEPT = frozenset(b"tRNS gAMA cHRM sRGB iCCP sBIT pHYs bKGD hIST sPLT acTL fcTL fdAT".split())
_WEBP_KEPT = frozenset([b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"])
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04  # bits of VP8X that say what else is there


def without_metadata(content: bytes, kind: str) -> bytes:
    """The picture alone. Other kinds of files as they are. Raises nothing."""
    clean = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}.get(kind)
    return content if clean is None else clean(content)


def _tiff(orientation: int) -> bytes:
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", _ORIENTATION, _SHORT, 1, orientation, 0, 0)


def _orientation(tiff: bytes) -> int:
    """Which way up, 1 to 8; 1 where nothing readable says so."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    try:
        if order is None:
            return 1
        start = struct.unpack_from(order + "I", tiff, 4)[0]
        for entry in range(struct.unpack_from(order + "H", tiff, start)[0]):
            tag, type_, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if (tag, type_) == (_ORIENTATION, _SHORT):
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _jpeg(content: bytes) -> bytes:
    out, at = [content[:2]], 2
    while at + 2 <= len(content) and content[at] == 0xFF:
        marker, size = content[at + 1], int.from_bytes(content[at + 2:at + 4], "big")
        end = at + 2 + size
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker == 0xD9:  # what stands behind the end is no part of the picture
            out.append(content[at:at + 2])
            break
        if size < 2 or end > len(content):
            break
        body, segment = content[at + 4:end], content[at:end]
        at = end
        if marker == 0xDA:
            at = _end_of_scan(content, end)
            out.append(segment + content[end:at])
        elif marker == 0xE1 and body.startswith(_EXIF):
            out.append(_exif_segment(_orientation(body[len(_EXIF):])))
        elif _shows(marker, body):
            out.append(segment)
    return b"".join(out)


def _end_of_scan(content: bytes, start: int) -> int:
    found = _NEXT_MARKER.search(content, start)
    return found.start() if found is not None else len(content)


def _shows(marker: int, body: bytes) -> bool:
    """Tables and frames; of the rest only what says how colours are meant."""
    if marker in (0xDB, 0xDC, 0xDD) or 0xC0 <= marker <= 0xCF:
        return True
    return any(marker == one and body.startswith(start) for one, start in _COLOURS)


def _exif_segment(orientation: int) -> bytes:
    if orientation == 1:
        return b""
    body = _EXIF + _tiff(orientation)
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body


def _png(content: bytes) -> bytes:
    out, at = [content[:8]], 8
    while at + 12 <= len(content):
        size, kind = int.from_bytes(content[at:at + 4], "big"), content[at + 4:at + 8]
        end = at + 12 + size
        if end > len(content):
            break
        if kind == b"eXIf" and (turned := _orientation(content[at + 8:end - 4])) != 1:
            out.append(_png_chunk(b"eXIf", _tiff(turned)))
        elif kind[:1].isupper() or kind in _PNG_KEPT:
            out.append(content[at:end])
        at = end
        if kind == b"IEND":
            break
    return b"".join(out)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(content):
        kind, size = content[at:at + 4], int.from_bytes(content[at + 4:at + 8], "little")
        if at + 8 + size > len(content):
            return
        yield kind, content[at + 8:at + 8 + size]
        at += 8 + size + size % 2


def _webp(content: bytes) -> bytes:
    chunks = list(_webp_chunks(content))
    turned = next((_orientation(body.removeprefix(_EXIF)) for kind, body in chunks if kind == b"EXIF"), 1)
    out = []
    for kind, body in chunks:
        if kind == b"VP8X" and body:
            flags = body[0] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if turned != 1 else 0)
            body = bytes([flags]) + body[1:]
        if kind in _WEBP_KEPT:
            out.append(_webp_chunk(kind, body))
    if turned != 1:
        out.append(_webp_chunk(b"EXIF", _tiff(turned)))
    said = b"WEBP" + b"".join(out)
    return b"RIFF" + len(said).to_bytes(4, "little") + said


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)
