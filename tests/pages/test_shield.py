"""Whatever goes wrong, the reader gets a sentence and the three numbers."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bot.pages import shield
from bot.pages.render import Pages
from bot.pages.shield import Shield


def app() -> FastAPI:
    app = FastAPI()
    app.state.pages = Pages({"pages": Path(shield.__file__).parent})
    app.add_middleware(Shield, pages=app.state.pages)

    @app.get("/fails")
    def fails() -> None:
        raise RuntimeError("the disk is full")

    return app


def refuses(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


def test_log_that_cannot_be_written_takes_no_page_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shield, "log", type("Full", (), {"error": refuses, "warning": refuses}))
    answer = client(app()).get("/fails")
    assert answer.status_code == 500 and "系统出了点问题" in answer.text
    answer = client(app()).post("/fails", content=b"a" * 70_000)
    assert answer.status_code == 413 and "内容太大了" in answer.text


def test_page_goes_out_before_the_log_line(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    site = app()
    real = site.state.pages.error
    monkeypatch.setattr(site.state.pages, "error", lambda *a: (order.append("page"), real(*a))[1])
    monkeypatch.setattr(shield.log, "error", lambda *_, **__: order.append("log"), raising=False)
    client(site).get("/fails")
    assert order == ["page", "log"]


def test_last_resort_when_the_template_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    site = app()
    monkeypatch.setattr(site.state.pages, "error", refuses)
    answer = client(site).get("/fails")
    assert answer.status_code == 500
    for number in ("110", "119", "120"):
        assert f'href="tel:{number}"' in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff" and "Traceback" not in answer.text


@pytest.mark.parametrize("host", ["[::1", "a:b:c", "h:99999999"])
def test_host_that_is_none_is_400(host: str) -> None:
    answer = client(app()).get("/fails", headers={"host": host})
    assert answer.status_code == 400 and "这条内容没看懂" in answer.text


def test_body_that_never_ends_is_408() -> None:
    import asyncio

    site, sent = app(), []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.sleep(60)

    scope = {"type": "http", "method": "POST", "path": "/fails", "headers": [(b"host", b"x")], "query_string": b"",
             "http_version": "1.1", "scheme": "http", "server": ("x", 80), "client": ("x", 1), "root_path": ""}
    asyncio.run(Shield(site, site.state.pages, body_seconds=0.01)(scope, receive, send))
    assert sent[0]["status"] == 408 and "没有收全" in sent[1]["body"].decode()
