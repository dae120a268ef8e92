"""What a file is, by its first bytes and never by what its sender says. Pure."""

from __future__ import annotations

# beginning of the content → what a browser may show; everything else is only handed out as a file
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg", "jpg"), (b"\x89PNG\r\n\x1a\n", "image/png", "png"), (b"GIF8", "image/gif", "gif"),
    (b"OggS", "audio/ogg", "ogg"), (b"ID3", "audio/mpeg", "mp3"), (b"\xff\xfb", "audio/mpeg", "mp3"),
    (b"%PDF-", "application/pdf", "pdf"),
)
_WEBP = ("image/webp", "webp")
OTHER = ("application/octet-stream", "bin")
MEDIA_TYPES = dict([(kind, ending) for _, kind, ending in _SIGNATURES] + [_WEBP, OTHER])  # → ending of a file name
SHOWN = ("image/", "audio/")  # what a page of ours may hold; everything else is saved, never opened in it


def media_type(content: bytes) -> tuple[str, str]:
    """(media type, ending of a file name) by what the content is, never by what its sender says it is."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _WEBP
    return next(((kind, ending) for start, kind, ending in _SIGNATURES if content.startswith(start)), OTHER)


def ending_of(kind: str) -> str:
    """How the name of a file of this media type ends."""
    return MEDIA_TYPES[kind]
