"""Whose address counts: who connects, unless that is a proxy we trust; nobody talks themselves out of a limit."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from bot.pages.limits import client_of, network
from bot.settings import SettingWrong, load_settings

PROXIES = {"YOUMEN_TRUSTED_PROXIES": "10.0.0.5, 10.1.0.0/16,fd00::/8"}


def asked(host: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return Request({"type": "http", "headers": headers, "client": (host, 1) if host is not None else None})


@pytest.mark.parametrize("host, forwarded, client", [
    ("10.0.0.5", ["203.0.113.7"], "203.0.113.7"),
    ("10.0.0.5", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # the first was written by the one who asks
    ("10.0.0.5", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
    ("10.0.0.5", ["203.0.113.7, 10.1.2.3"], "203.0.113.7"),  # through two of ours
    ("::ffff:10.0.0.5", ["203.0.113.7"], "203.0.113.7"),
    ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
    ("10.0.0.5", [], "10.0.0.5"),
    ("10.0.0.5", ["nonsense"], "10.0.0.5"),
    ("10.0.0.5", ["203.0.113.7, "], "10.0.0.5"),
    ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours: not believed
    ("10.0.0.6", ["198.51.100.1"], "10.0.0.6"),
    (None, ["198.51.100.1"], ""),
])
def test_only_our_own_proxies_are_believed(host: str | None, forwarded: list[str], client: str) -> None:
    assert client_of(asked(host, *forwarded), load_settings(PROXIES).trusted_proxies) == client


def test_nobody_is_trusted_at_first() -> None:
    settings = load_settings({})
    assert settings.trusted_proxies == ()
    assert network(asked("10.0.0.5", "203.0.113.7"), settings.trusted_proxies) == "10.0.0.5"


def test_the_network_behind_the_proxy_counts() -> None:
    trusted = load_settings(PROXIES).trusted_proxies
    assert network(asked("10.0.0.5", "2001:db8:1:2:3::4"), trusted) == "2001:db8:1:2::/64"
    assert network(asked("10.0.0.5", "203.0.113.7"), trusted) == "203.0.113.7"


@pytest.mark.parametrize("wrong", ["proxy.example", "10.0.0.5/8", "10.0.0.5;10.0.0.6", "10.0.0.0/33", ","])
def test_a_wrong_setting_names_itself(wrong: str) -> None:
    with pytest.raises(SettingWrong, match="YOUMEN_TRUSTED_PROXIES"):
        load_settings({"YOUMEN_TRUSTED_PROXIES": wrong})
