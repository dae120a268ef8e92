"""Encrypts single fields and makes keyed hashes of them; the key lives in the home folder or the environment."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken


class KeyWrong(Exception):
    """A field cannot be opened with this key: the key file was lost or exchanged."""


class Keys:
    """`secret` is 32 bytes. From it come three keys: to encrypt, to hash, to chain the audit; none tells another."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ValueError("the field key must be 32 bytes")
        self._fernet = Fernet(base64.urlsafe_b64encode(hmac.digest(secret, b"encrypt", "sha256")))
        self._hash_key = hmac.digest(secret, b"hash", "sha256")
        self.audit_key = hmac.digest(secret, b"audit", "sha256")

    def seal(self, text: str) -> bytes:
        """The encrypted form of `text`."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The text again. Raises KeyWrong."""
        return self.open_bytes(sealed).decode()

    def seal_bytes(self, content: bytes) -> bytes:
        """The encrypted form of what is no text, such as a picture."""
        return self._fernet.encrypt(content)

    def open_bytes(self, sealed: bytes) -> bytes:
        """The content again. Raises KeyWrong."""
        try:
            return self._fernet.decrypt(bytes(sealed))
        except InvalidToken:
            raise KeyWrong("a stored field was encrypted with another key") from None

    def seal_or_none(self, text: str | None) -> bytes | None:
        """As seal; nothing stays nothing."""
        return None if text is None else self.seal(text)

    def open_or_none(self, sealed: bytes | None) -> str | None:
        """As open; nothing stays nothing."""
        return None if sealed is None else self.open(sealed)

    def fingerprint(self, *parts: str) -> bytes:
        """A keyed hash of the parts: equal inputs give equal hashes, and nothing leads back."""
        return hmac.digest(self._hash_key, "\0".join(parts).encode(), hashlib.sha256)


def load_keys(path: Path, from_environment: str | None) -> Keys:
    """Keys from the environment (64 hex digits) or from the file, which is made once, readable by its owner only.

    Raises KeyWrong when the file holds no key. The file appears whole or not at all.
    """
    if from_environment:
        return Keys(bytes.fromhex(from_environment))
    try:
        return Keys(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except ValueError:
        raise KeyWrong(f"{path} holds no key: restore it from your backup") from None
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(os.urandom(32).hex() + "\n")
        out.flush()
        os.fsync(out.fileno())
    with contextlib.suppress(FileExistsError):  # another process was faster: its key counts
        os.link(part, path)
    part.unlink()
    return load_keys(path, None)
