"""Photos and papers from our own pages: what may come, checked by what it is, and kept encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actions.privacy.keys import Keys
from actions.privacy.media import media_type

# what residents can send from our pages → the kind of message it makes; checked by content, never by name
TAKEN = {"image/jpeg": "photo", "image/png": "photo", "image/webp": "photo", "application/pdf": "document"}
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Upload:
    """A file that may be taken: the kind of message it makes, its content, its media type."""

    kind: str
    content: bytes
    media: str

    def extra(self) -> dict[str, Any]:
        """What is noted with the message, encrypted; no name: names tell about people."""
        return {self.kind: {"size": len(self.content), "type": self.media}}

    def sealed(self, keys: Keys) -> bytes:
        """The content as it is stored."""
        return keys.seal_bytes(self.content)


class NotTaken(Exception):
    """This file cannot be taken; `code` is one of bot.pages.errors."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_upload(content: bytes, megabytes: int) -> Upload:
    """The file as it came. Raises NotTaken: no_file, file_large, file_kind."""
    if not content:
        raise NotTaken("no_file")
    if len(content) > megabytes * MEGABYTE:
        raise NotTaken("file_large")
    media, _ = media_type(content)
    if media not in TAKEN:
        raise NotTaken("file_kind")
    return Upload(TAKEN[media], content, media)
