"""Reads one update of Telegram: what it is to us. Pure: no network, no database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from telegram import CallbackQuery, Message, Update
from telegram.constants import ChatType

from actions.language.mask import find_phones
from bot.channels.telegram.words import CHANNEL, Words
from bot.conversation.accept import Incoming

ALLOWED = ("message", "edited_message", "channel_post", "callback_query", "my_chat_member")
GONE = ("kicked", "left", "banned")


@dataclass(frozen=True)
class Heard:
    """`what`: message, group, blocked, nothing. `chat` is the chat's id; `kind` names the update for the log."""

    what: str
    kind: str
    chat: str | None = None
    incoming: Incoming | None = None
    callback_id: str | None = None


def read_update(update: Update, words: Words) -> Heard:
    """What this update is. Whatever we do not know is `nothing`."""
    if update.callback_query is not None:
        return _callback(update.callback_query)
    if update.my_chat_member is not None:
        member = update.my_chat_member
        if member.chat.type == ChatType.PRIVATE:
            gone = member.new_chat_member.status in GONE
            return Heard("blocked" if gone else "nothing", "my_chat_member", str(member.chat.id))
        gone = member.new_chat_member.status in GONE
        return Heard("nothing" if gone else "group", "my_chat_member", str(member.chat.id))
    message = update.message or update.edited_message or update.channel_post
    if message is None:
        return Heard("nothing", _kind_of(update))
    if message.chat.type != ChatType.PRIVATE:
        return Heard("group", _kind_of(update), str(message.chat.id))
    incoming = (
        _edited(message, words, update.update_id) if update.edited_message is not None else _message(message, words)
    )
    return Heard("message" if incoming is not None else "nothing", _kind_of(update), str(message.chat.id), incoming)


def _kind_of(update: Update) -> str:
    """The name of the update's content, such as edited_message; never the content."""
    return next((name for name in update.to_dict() if name != "update_id"), "unknown")


def _callback(query: CallbackQuery) -> Heard:
    if query.message is None or query.message.chat.type != ChatType.PRIVATE or not query.data:
        return Heard("nothing", "callback_query", None, None, query.id)
    chat = str(query.message.chat.id)
    # a button whose conversation is over is read as its title
    keyboard = getattr(query.message, "reply_markup", None)
    titles = [
        button.text
        for row in (keyboard.inline_keyboard if keyboard else ())
        for button in row
        if button.callback_data == query.data
    ]
    incoming = Incoming(CHANNEL, chat, f"callback:{query.id}", titles[0] if titles else "", button_id=query.data)
    return Heard("message", "callback_query", chat, incoming, query.id)


def _message(message: Message, words: Words) -> Incoming | None:
    content = _content(message, words)
    if content is None:
        return None
    text, kind, extra = content
    return Incoming(CHANNEL, str(message.chat.id), f"{message.chat.id}:{message.message_id}", text, kind, extra=extra)


def _edited(message: Message, words: Words, update_id: int) -> Incoming | None:
    """A message that was changed comes as a new one; a place that moves on is told once, at its beginning."""
    text = message.text or message.caption
    if text is None:
        return None
    # not its date: two changes within one second share it
    return Incoming(
        CHANNEL,
        str(message.chat.id),
        f"{message.chat.id}:{message.message_id}:edit:{update_id}",
        words.edited_mark + text,
    )


def _content(message: Message, words: Words) -> tuple[str, str, dict[str, Any]] | None:
    """(text, kind, what is kept encrypted), or None where there is nothing to keep."""
    if message.text is not None:
        return _text(message.text, words), "text", {}
    caption = message.caption or ""
    if message.location is not None:
        place = message.location
        if message.venue is not None:
            caption = words.venue.format(title=message.venue.title, address=message.venue.address)
        return (
            caption,
            "location",
            {
                "location": {
                    "latitude": place.latitude,
                    "longitude": place.longitude,
                    "accuracy": place.horizontal_accuracy,
                    "datum": "WGS-84",
                }
            },
        )
    if message.contact is not None:
        phones = [phone.number for phone in find_phones(message.contact.phone_number)]
        return "", "contact", {"phones": phones or [message.contact.phone_number]}
    if message.photo:
        return caption, "photo", {"photo": _file(message.photo[-1])}
    if voice := message.voice or message.audio:
        return caption, "voice", {"voice": _file(voice)}
    if document := message.document or message.video or message.video_note or message.animation:
        return caption, "document", {"document": _file(document)}
    if message.sticker is not None:
        return message.sticker.emoji or "", "document", {"document": _file(message.sticker)}
    return None


def _file(file: Any) -> dict[str, Any]:
    return {"file_id": file.file_id, "size": file.file_size, "type": getattr(file, "mime_type", None)}


def _text(text: str, words: Words) -> str:
    """The text; a command of ours as the words it stands for. An unknown one stays what was typed."""
    if not text.startswith("/"):
        return text
    name = text[1:].split(None, 1)[0].split("@")[0].lower() if text[1:].strip() else ""
    return words.commands.get(name, text)
