"""The frame around every page of the desk: who is signed in, what the menu shows, the fragments of live panes."""
from __future__ import annotations

from typing import Any, Mapping

from fastapi import Request
from fastapi.responses import HTMLResponse

from bot.desk.guard import Visit
from bot.pages.parts import WebParts
from bot.pages.render import Pages


class Frame:
    """Renders pages for a visit; every page gets the viewer, the csrf value and the time of the server."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        self.parts, self.pages = parts, pages

    def html(self, template: str, visit: Visit, status: int = 200, **values: Any) -> HTMLResponse:
        """A page or a fragment of one."""
        viewer = visit.viewer
        return self.pages.html(
            template, status, viewer=viewer, csrf=visit.csrf, must_change=visit.must_change, now=self.parts.now(),
            unit_name=self.parts.unit_names.get(viewer.unit_id or "", ""), **values)


def pane_of(request: Request, panes: Mapping[str, str]) -> str | None:
    """The template of the one pane a live page asks for; None: the whole page."""
    return panes.get(request.query_params.get("pane", ""))


def plain_answers(facts: Mapping[str, Any] | None) -> dict[str, Any]:
    """{fact: value} out of what a conversation or ticket keeps, with or without how each was learnt."""
    answers = (facts or {}).get("answers", facts) or {}
    return {fact: entry["value"] if isinstance(entry, Mapping) and "value" in entry else entry
            for fact, entry in answers.items()}
