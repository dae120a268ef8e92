"""A Telegram Bot API on loopback that keeps its own books: what was sent, what was fetched, what was confirmed.

Residents act through its methods (write, press, edit, …); the bot reaches it over real HTTP. It can fail as the real one
does: answer 500, 429 with retry_after, 401, 403, 400, drop or hang after it has delivered, repeat and reorder updates.
"""

from __future__ import annotations

import json
import random
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
BOT = {"id": 110201543, "is_bot": True, "first_name": "有门", "username": "youmen_bot"}
DATE = 1795176000
TEXT_LIMIT = 4096


@dataclass(frozen=True)
class Sent:
    """One message as the resident's app shows it. `buttons`: [{text, callback_data or url}]."""

    message_id: int
    chat: int
    text: str
    buttons: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Fault:
    """What happens to one call. `code` 0: no answer at all. `delivers`: the message goes out all the same."""

    code: int = 500
    description: str = "Internal Server Error"
    retry_after: int | None = None
    delivers: bool = False
    hang: bool = False


DROP_AFTER = Fault(0, delivers=True)
HANG_AFTER = Fault(0, delivers=True, hang=True)
DROP_BEFORE = Fault(0)


def flood(seconds: int) -> Fault:
    """429: too many requests."""
    return Fault(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


@dataclass
class BotApi:
    """The server. Everything public is safe to use from the test's thread."""

    token: str = TOKEN
    seed: int = 1
    duplicates: bool = False
    reorders: bool = False
    revoked: bool = False
    sent: list[Sent] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    blocked: set[int] = field(default_factory=set)
    unknown_chats: set[int] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    webhook: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._updates: list[dict[str, Any]] = []
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._random = random.Random(self.seed)
        self._next_update, self._next_message = 1_000, 1
        self._shown: dict[str, dict[str, Any]] = {}
        self._closing = False
        self._fetched: set[int] = set()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Ends the server and everybody who waits."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    # what residents do

    def update(self, kind: str, content: dict[str, Any]) -> int:
        """Any update; returns its id."""
        with self._changed:
            self._next_update += 1
            self._updates.append({"update_id": self._next_update, kind: content})
            self._changed.notify_all()
            return self._next_update

    def message(
        self, chat: int, kind: str = "private", message_id: int | None = None, **content: Any
    ) -> dict[str, Any]:
        """A message of a resident as the API describes it."""
        if message_id is None:
            message_id = self._new_message_id()
        person = {"id": abs(chat), "is_bot": False, "first_name": "王"}
        where = {"id": chat, "type": kind, **({"first_name": "王"} if kind == "private" else {"title": "业主群"})}
        sender = {} if kind == "channel" else {"from": person}
        return {"message_id": message_id, **sender, "chat": where, "date": DATE, **content}

    def write(self, chat: int, text: str, **more: Any) -> int:
        """A text; returns its message id."""
        message = self.message(chat, text=text, **more)
        self.update("message", message)
        return int(message["message_id"])

    def edit(self, chat: int, message_id: int, text: str) -> int:
        """A text changed afterwards; returns the update's id."""
        return self.update("edited_message", self.message(chat, message_id=message_id, text=text, edit_date=DATE + 60))

    def press(self, chat: int, data: str, callback_id: str = "cb1") -> int:
        """A button under the last message that has it."""
        shown = next(
            (
                one
                for one in reversed(self.sent)
                if one.chat == chat and any(button.get("callback_data") == data for button in one.buttons)
            ),
            None,
        )
        keyboard = {"inline_keyboard": [[button] for button in shown.buttons]} if shown else None
        message = self.message(chat, message_id=shown.message_id if shown else 1, text=shown.text if shown else "…")
        message["from"] = BOT
        if keyboard:
            message["reply_markup"] = keyboard
        return self.update(
            "callback_query",
            {
                "id": callback_id,
                "from": {"id": chat, "is_bot": False, "first_name": "王"},
                "chat_instance": "1",
                "message": message,
                "data": data,
            },
        )

    def member(self, chat: int, status: str, kind: str = "private") -> int:
        """The bot was blocked (kicked), unblocked (member), added to a group (member)."""
        user = {"user": BOT, "status": status, **({"until_date": 0} if status == "kicked" else {})}
        return self.update(
            "my_chat_member",
            {
                "chat": self.message(chat, kind)["chat"],
                "from": {"id": 5, "is_bot": False, "first_name": "王"},
                "date": DATE,
                "old_chat_member": {"user": BOT, "status": "left"},
                "new_chat_member": user,
            },
        )

    # the books

    def texts(self, chat: int) -> list[str]:
        """What this resident has been shown, in order."""
        return [one.text for one in self.sent if one.chat == chat]

    def open_updates(self) -> list[dict[str, Any]]:
        """What has not been confirmed."""
        with self._changed:
            return list(self._updates)

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(name == method for name, _ in self.calls)

    def wait_until(self, told: Callable[[], bool], seconds: float = 10) -> None:
        """Waits for a condition on the books."""
        with self._changed:
            assert self._changed.wait_for(told, seconds), "it did not happen"

    # how it fails

    def fail(self, method: str, *faults: Fault) -> None:
        """The next calls of this method meet these faults, in order."""
        self._faults[method].extend(faults)

    def push(self, post: Callable[[str, dict[str, Any], dict[str, str]], int]) -> list[int]:
        """Gives open updates to the webhook, each until it answers 200 or refuses three times; returns the answers."""
        answers = []
        for update in self.open_updates():
            for _ in range(3):
                headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret_token"]}
                answers.append(post(self.webhook["url"], update, headers))
                if answers[-1] == 200:
                    with self._changed:
                        self._updates.remove(update)
                    break
        return answers

    # the other side of the wire

    def _new_message_id(self) -> int:
        with self._changed:
            self._next_message += 1
            return self._next_message

    def handle(self, method: str, values: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """(status, body); None: the connection is dropped without an answer."""
        with self._changed:
            self.calls.append((method, values))
            self._changed.notify_all()
            if self.revoked:
                return _refusal(401, "Unauthorized")
            fault = self._faults[method].popleft() if self._faults[method] else None
        if fault is None or fault.delivers:
            answer = self._do(method, values)
            if fault is None:
                return answer
        if fault.code == 0:
            if fault.hang:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, 60)
            return None
        return _refusal(fault.code, fault.description, fault.retry_after)

    def _do(self, method: str, values: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        action = getattr(self, f"_do_{method}", None)
        if action is None:
            return _refusal(404, "Not Found")
        found = action(values)
        with self._changed:
            self._changed.notify_all()
        return found if isinstance(found, tuple) else (200, {"ok": True, "result": found})

    def _do_getMe(self, values: dict[str, Any]) -> Any:
        return {**BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    def _do_getUpdates(self, values: dict[str, Any]) -> Any:
        if self.webhook:
            return _refusal(409, "Conflict: can't use getUpdates method while webhook is active")
        with self._changed:
            offset = values.get("offset")
            if offset is not None:
                self._updates = [one for one in self._updates if one["update_id"] >= int(offset)]
            self._changed.wait_for(
                lambda: self._updates or self._closing or self.revoked, float(values.get("timeout", 0))
            )
            batch = self._updates[: int(values.get("limit", 100))]
            self._fetched.update(one["update_id"] for one in batch)
        if self.duplicates:
            batch = [one for one in batch for _ in range(2)]
        if self.reorders:
            self._random.shuffle(batch)
        return batch

    def _do_setWebhook(self, values: dict[str, Any]) -> Any:
        self.webhook = {key: str(value) for key, value in values.items()}
        return True

    def _do_deleteWebhook(self, values: dict[str, Any]) -> Any:
        self.webhook = {}
        return True

    def _do_sendMessage(self, values: dict[str, Any]) -> Any:
        chat = int(values["chat_id"])
        if chat in self.blocked:
            return _refusal(403, "Forbidden: bot was blocked by the user")
        if chat in self.unknown_chats:
            return _refusal(400, "Bad Request: chat not found")
        text = str(values["text"])
        if len(text.encode("utf-16-le")) // 2 > TEXT_LIMIT:
            return _refusal(400, "Bad Request: message is too long")
        if not text.strip():
            return _refusal(400, "Bad Request: message text is empty")
        buttons = [button for row in values.get("reply_markup", {}).get("inline_keyboard", []) for button in row]
        if any(len(button.get("callback_data", "").encode()) > 64 for button in buttons):
            return _refusal(400, "Bad Request: BUTTON_DATA_INVALID")
        message_id = self._new_message_id()
        with self._changed:
            self.sent.append(Sent(message_id, chat, text, tuple(buttons)))
        return {
            "message_id": message_id,
            "from": BOT,
            "chat": {"id": chat, "type": "private", "first_name": "王"},
            "date": DATE,
            "text": text,
        }

    def _do_answerCallbackQuery(self, values: dict[str, Any]) -> Any:
        self.answered.append(str(values["callback_query_id"]))
        return True

    def _do_leaveChat(self, values: dict[str, Any]) -> Any:
        self.left.append(int(values["chat_id"]))
        return True

    def _do_getFile(self, values: dict[str, Any]) -> Any:
        content = self.files.get(str(values["file_id"]))
        if content is None:
            return _refusal(400, "Bad Request: invalid file_id")
        return {
            "file_id": values["file_id"],
            "file_unique_id": "u1",
            "file_size": len(content),
            "file_path": f"photos/{values['file_id']}.jpg",
        }

    def download(self, path: str) -> bytes | None:
        """The content of a file by its path."""
        return self.files.get(path.rsplit("/", 1)[-1].removesuffix(".jpg"))


def _refusal(code: int, description: str, retry_after: int | None = None) -> tuple[int, dict[str, Any]]:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if retry_after is not None:
        body["parameters"] = {"retry_after": retry_after}
    return code, body


class _Handler(BaseHTTPRequestHandler):
    api: BotApi
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", "0")))
        values = {name: _value(found[0]) for name, found in parse_qs(raw.decode(), keep_blank_values=True).items()}
        _, token, method = self.path.split("/", 2)
        if token != f"bot{self.api.token}":
            self._answer(*_refusal(401, "Unauthorized"))
            return
        answer = self.api.handle(method, values)
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(*answer)

    def do_GET(self) -> None:
        path = unquote(self.path)
        content = self.api.download(path) if path.startswith(f"/file/bot{self.api.token}/") else None
        if content is None:
            self._answer(*_refusal(404, "Not Found"))
        else:
            self._write(200, "application/octet-stream", content)

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        self._write(code, "application/json", json.dumps(body).encode())

    def _write(self, code: int, kind: str, content: bytes) -> None:
        try:
            self.send_response(code)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # the bot is gone
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
