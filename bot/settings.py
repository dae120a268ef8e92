"""Every setting in one place: read from the environment once, checked, typed. A wrong value names itself."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.areas import merged_config

PROJECT = Path(__file__).resolve().parent.parent


class SettingWrong(Exception):
    """A setting has a value that cannot be; the text names setting, value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """How this installation runs. `database_url` and `redis_url` None mean the embedded servers."""

    home: Path
    host: str
    port: int
    public_url: str | None
    database_url: str | None
    redis_url: str | None
    workers: int
    turn_seconds: int
    log_level: str
    area: str
    field_key: str | None
    telegram_token: str | None
    telegram_api_url: str | None
    telegram_updates: str
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    build: Path
    upload_megabytes: int

    @property
    def config(self) -> Path:
        """Where the data files lie; with an area, its files over the common ones. Raises ConfigError."""
        common = PROJECT / "config"
        if not self.area:
            return common
        folder = Path(self.area) if os.sep in self.area else common / "areas" / self.area
        return merged_config(common, folder.resolve(), self.build)

    @property
    def address(self) -> str:
        """Where people reach the pages."""
        return (
            self.public_url
            or f"http://{'localhost' if self.host in ('127.0.0.1', '0.0.0.0') else self.host}:{self.port}"
        )

    @property
    def secure_cookies(self) -> bool:
        """True where the pages are served over https."""
        return self.address.startswith("https://")


def _default_home() -> Path:
    # the embedded PostgreSQL runs as a user of its own under root, and could not reach below root's home
    if os.geteuid() == 0:
        return Path("/var/lib/youmen")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "youmen"


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if urlsplit(text).scheme not in schemes:
            raise ValueError
        return text

    return read


def _choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return read


def _networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(","))


def _hex_key(text: str) -> str:
    if len(bytes.fromhex(text)) != 32:
        raise ValueError
    return text


# name → (how to read it, what is allowed, default)
SETTINGS: dict[str, tuple[Callable[[str], object], str, object]] = {
    "YOUMEN_HOME": (lambda text: Path(text).expanduser().resolve(), "a folder", None),
    "YOUMEN_HOST": (str, "an address to listen on", "127.0.0.1"),
    "YOUMEN_PORT": (_whole(1, 65535), "a port from 1 to 65535", 8480),
    "YOUMEN_PUBLIC_URL": (_url("http", "https"), "an http:// or https:// address", None),
    "DATABASE_URL": (_url("postgresql", "postgres"), "a postgresql:// address", None),
    "REDIS_URL": (_url("redis", "rediss", "unix"), "a redis://, rediss:// or unix:// address", None),
    "YOUMEN_WORKERS": (_whole(1, 64), "a number of workers from 1 to 64", 2),
    "YOUMEN_TURN_SECONDS": (_whole(2, 300), "seconds from 2 to 300", 30),
    "YOUMEN_LOG_LEVEL": (_choice("debug", "info", "warning", "error"), "debug, info, warning or error", "info"),
    "YOUMEN_AREA": (str, "a folder name of config/areas, or a path", ""),
    "YOUMEN_FIELD_KEY": (_hex_key, "64 hexadecimal digits", None),
    "TELEGRAM_TOKEN": (str, "the token of a bot", None),
    "TELEGRAM_API_URL": (_url("http", "https"), "the address of a Bot API server", None),
    "TELEGRAM_UPDATES": (_choice("poll", "webhook"), "poll or webhook", "poll"),
    "YOUMEN_TRUSTED_PROXIES": (_networks, "addresses or networks of our own proxies, such as 10.0.0.5,10.1.0.0/16", ()),
    "YOUMEN_UPLOAD_MB": (_whole(1, 20), "megabytes of a file residents send, from 1 to 20", 10),
    "YOUMEN_BUILD": (lambda text: Path(text).expanduser().resolve(), "a folder", PROJECT / "build"),
}


def load_settings(environment: Mapping[str, str], home: Path | None = None) -> Settings:
    """The settings of this environment; `home` overrides YOUMEN_HOME. Raises SettingWrong."""
    values: dict[str, object] = {}
    for name, (read, allowed, default) in SETTINGS.items():
        text = environment.get(name, "").strip()
        try:
            values[name] = read(text) if text else default
        except ValueError:
            shown = "(hidden)" if name in ("YOUMEN_FIELD_KEY", "TELEGRAM_TOKEN") or "URL" in name else repr(text)
            raise SettingWrong(f"{name} is {shown}; allowed is {allowed}") from None
    unknown = [
        name
        for name in environment
        if name.startswith("YOUMEN_") and name not in SETTINGS and name not in ("YOUMEN_SHARED", "YOUMEN_VENV")
    ]
    if unknown:
        raise SettingWrong(f"{unknown[0]} is no setting; known are {', '.join(sorted(SETTINGS))}")
    database_url = values["DATABASE_URL"]
    if isinstance(database_url, str):
        database_url = database_url.replace("postgres://", "postgresql://", 1)
    return Settings(
        home=home.expanduser().resolve() if home else values["YOUMEN_HOME"] or _default_home(),  # type: ignore[arg-type]
        host=values["YOUMEN_HOST"],
        port=values["YOUMEN_PORT"],
        public_url=values["YOUMEN_PUBLIC_URL"],  # type: ignore[arg-type]
        database_url=database_url,
        redis_url=values["REDIS_URL"],
        workers=values["YOUMEN_WORKERS"],  # type: ignore[arg-type]
        turn_seconds=values["YOUMEN_TURN_SECONDS"],
        log_level=values["YOUMEN_LOG_LEVEL"],  # type: ignore[arg-type]
        area=values["YOUMEN_AREA"],
        field_key=values["YOUMEN_FIELD_KEY"],  # type: ignore[arg-type]
        telegram_token=values["TELEGRAM_TOKEN"],
        telegram_api_url=values["TELEGRAM_API_URL"],  # type: ignore[arg-type]
        telegram_updates=values["TELEGRAM_UPDATES"],
        trusted_proxies=values["YOUMEN_TRUSTED_PROXIES"],  # type: ignore[arg-type]
        build=values["YOUMEN_BUILD"],  # type: ignore[arg-type]
        upload_megabytes=values["YOUMEN_UPLOAD_MB"],  # type: ignore[arg-type]
    )
