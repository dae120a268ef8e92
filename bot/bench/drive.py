"""Talks to both sides as their residents do: a browser on our web chat, a client on Rasa's REST channel."""
from __future__ import annotations

import asyncio
import itertools
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.processes.parts import NotReady
from bot.settings import PROJECT

STORY = PROJECT / "tests" / "bench" / "fire.yaml"
TURN_SECONDS = 120.0
LOOK_SECONDS = 10.0  # as often as the page looks by itself
_LINE = re.compile(r'<li class="line (\w+)[^"]*" id="m(\d+)"[^>]*data-seq="(\d+)"')
_STATE = re.compile(r'class="mark"[^>]*data-state="(\w+)"')


def story() -> list[str]:
    """What a resident says, message by message."""
    from actions.language.files import load_yaml

    return [str(line) for line in load_yaml(Path(STORY))["turns"]]


@dataclass
class Driven:
    """What became of a number of conversations: seconds of each turn, and seconds of the whole."""

    seconds: float = 0.0
    turns: list[float] = field(default_factory=list)
    last_answers: list[str] = field(default_factory=list)


def answered(page: str, seq: int) -> tuple[bool, int]:
    """(whether the bot has answered the message `seq`, the last id or 0) from a fragment of the chat page."""
    lines = [(author, int(number), int(place)) for author, number, place in _LINE.findall(page)]
    state = _STATE.search(page)
    spoke = any(author == "bot" and place > seq for author, _, place in lines)
    return spoke and state is not None and state[1] != "thinking", max((number for _, number, _ in lines), default=0)


class Browser:
    """One resident's browser at our web chat: posts, hears hints, and reads what is new, as chat.js does."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self._last, self._hint = 0, asyncio.Event()
        self._stream: asyncio.Task[None] | None = None
        self.page = ""

    async def say(self, text: str) -> None:
        """Sends a message and returns when the bot's answer has been read. Raises NotReady."""
        sent = {"id": str(uuid.uuid4()), "text": text, "button": "", "after": self._last}
        async with self._client.post(self._address + "/chat/messages", json=sent,
                                     headers={"Accept": "application/json"}) as response:
            if response.status != 200:
                raise NotReady(f"the web chat answered {response.status} to a message")
            answer = await response.json()
        if self._stream is None:
            self._stream = asyncio.create_task(self._listen())
        deadline, found = time.perf_counter() + TURN_SECONDS, False
        while time.perf_counter() < deadline:
            self._hint.clear()
            done, last = answered(await self._read(), answer["seq"])
            self._last, found = max(self._last, last), found or done
            if found:
                return
            try:
                await asyncio.wait_for(self._hint.wait(), LOOK_SECONDS)
            except asyncio.TimeoutError:
                continue
        raise NotReady(f"no answer within {TURN_SECONDS:.0f} s")

    async def _read(self) -> str:
        async with self._client.get(f"{self._address}/chat/messages?after={self._last}",
                                    headers={"Accept": "text/html"}) as response:
            self.page = await response.text()
            return self.page

    async def _listen(self) -> None:
        headers = {"Accept": "text/event-stream"}
        async with self._client.get(self._address + "/chat/stream", headers=headers) as response:
            async for line in response.content:
                if line.startswith(b"data:"):
                    self._hint.set()

    async def leave(self) -> None:
        """Closes the page."""
        if self._stream is not None:
            self._stream.cancel()
            await asyncio.gather(self._stream, return_exceptions=True)


def home_of(number: int) -> str:
    """The address a resident writes from: each one has their own, or the limit for one network would slow them."""
    return f"127.{1 + number // 65536 % 254}.{number // 256 % 256}.{number % 256}"


async def _talk_to_us(number: int, address: str, driven: Driven) -> None:
    import aiohttp  # comes with Rasa

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(home_of(number), 0)),
                                     timeout=aiohttp.ClientTimeout(None),
                                     cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        browser = Browser(client, address)
        try:
            for text in story():
                begun = time.perf_counter()
                await browser.say(text)
                driven.turns.append(time.perf_counter() - begun)
            driven.last_answers.append(browser.page)
        finally:
            await browser.leave()


async def _talk_to_stock(number: int, address: str, driven: Driven) -> None:
    import aiohttp

    sender = uuid.uuid4().hex
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(home_of(number), 0)),
                                     timeout=aiohttp.ClientTimeout(TURN_SECONDS)) as client:
        answer: list[dict[str, Any]] = []
        for text in story():
            begun = time.perf_counter()
            sent = {"sender": sender, "message": text}
            async with client.post(address + "/webhooks/rest/webhook", json=sent) as response:
                answer = await response.json() if response.status == 200 else []
            driven.turns.append(time.perf_counter() - begun)
            if not answer:
                raise NotReady("stock Rasa gave no answer to a message")
        driven.last_answers.append(" ".join(str(part.get("text", "")) for part in answer))


Talk = Callable[[int, str, Driven], Awaitable[None]]
_numbers = itertools.count(1)
TALKS: dict[str, Talk] = {"ours": _talk_to_us, "stock": _talk_to_stock}


def drive(side: str, address: str, conversations: int, at_once: int) -> Driven:
    """Holds that many conversations of the story, `at_once` of them side by side, without pauses. Raises NotReady."""
    return asyncio.run(_drive(TALKS[side], address, conversations, at_once))


async def _drive(talk: Talk, address: str, conversations: int, at_once: int) -> Driven:
    import aiohttp

    driven, left = Driven(), conversations

    async def resident() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await talk(next(_numbers), address, driven)

    started = time.perf_counter()
    try:
        await asyncio.gather(*(resident() for _ in range(at_once)))
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        raise NotReady(f"{address} stopped answering ({type(error).__name__})") from None
    finally:
        driven.seconds = time.perf_counter() - started
    return driven
