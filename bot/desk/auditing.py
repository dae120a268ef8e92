"""审计: who read and did what, by person, ticket, kind and day; handed out as a file; and whether the log is whole."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from actions.access.audit import READ, Wanted, audit_rows, export_audit, names_of_actors
from actions.due.clock import SHANGHAI
from actions.privacy.anchors import FILE
from actions.privacy.verifying import last_verified, verify_and_note
from actions.privacy.words import OF_TICKET
from actions.storage.tables import Audit
from actions.tickets.numbers import tidy_number
from bot.desk.frame import Visit
from bot.desk.guard import door, needs, staff
from bot.desk.looks import note_look
from bot.pages.forms import fields

PAGE = 50
FILTERS = ("actor", "number", "action", "from_day", "to_day")
FORMULA = ("=", "+", "-", "@", "\t")  # a table program would run what begins so
LOG = "audit"

router = APIRouter(dependencies=[Depends(door)])


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(day: date | None, later: int = 0) -> datetime | None:
    return None if day is None else datetime.combine(day + timedelta(days=later), time.min, SHANGHAI)


def _wanted(asked: Mapping[str, str]) -> Wanted:
    """What the filters say; what cannot be read filters nothing out, but a ticket nobody knows finds nothing."""
    typed = asked.get("number", "").strip()
    number = (tidy_number(typed) or typed[:40]) if typed else None
    first, last = _day(asked.get("from_day", "")), _day(asked.get("to_day", ""))
    return Wanted(asked.get("actor") or None, number, asked.get("action") or None, _moment(first), _moment(last, 1))


def _asked(source: Mapping[str, str]) -> dict[str, str]:
    return {name: source.get(name, "")[:60] for name in FILTERS}


def _kinds(visit: Visit) -> dict[str, dict[str, str]]:
    """Group → action → title, what commands do with tickets among them."""
    words, lifecycle = visit.parts.knowledge.audit, visit.parts.lifecycle
    deeds = {f"{OF_TICKET}{one.event}": lifecycle.event_titles[one.event] for one in lifecycle.commands.values()}
    return {**{title: dict(actions) for title, actions in words.groups.items()}, words.tickets: deeds}


def _who(visit: Visit, names: Mapping[str, str], actor: str) -> str:
    words = visit.parts.knowledge.audit.actors
    return names.get(actor) or words.get(actor.partition(":")[0], actor)


def _reason(visit: Visit, row: Audit) -> str:
    """Why a masked field was shown: the reason and the words beside it, which the auditor weighs."""
    reason = visit.parts.knowledge.intake.reasons.get(row.data.get("reason", ""), "")
    words = row.data.get("words")
    return "：".join(filter(None, (reason, visit.parts.opened(words.encode()) if words else "")))


def _told(visit: Visit, names: Mapping[str, str], row: Audit) -> dict[str, Any]:
    kind, _, what = row.object.partition(":")
    parts = visit.parts
    return {
        "id": row.id, "at": row.at, "who": _who(visit, names, row.actor), "actor": row.actor,
        "title": parts.knowledge.audit.title(row.action, parts.lifecycle.event_titles), "action": row.action,
        "object": names.get(row.object) or parts.knowledge.audit.object(row.object),
        "number": what if kind == "ticket" else None,
        "reason": _reason(visit, row) if row.action == "masked_read" else "",
        "ok": row.data.get("ok") if row.action == "audit_verified" else None,
    }


def _verified(session: Session, visit: Visit) -> dict[str, Any] | None:
    """The last verification in words."""
    found = last_verified(session)
    if found is None:
        return None
    at, data = found
    broken = data.get("broken")
    return {"at": at, "rows": data.get("rows"), "anchors": data.get("anchors"), "broken": None if not broken else {
        "row": broken["row"], "says": visit.parts.knowledge.audit.broken.get(broken["what"], broken["what"])}}


@router.get("/desk/audit")
@needs(READ)
def page(request: Request, visit: Visit = Depends(staff)) -> Response:
    """The rows, newest first; `before` is the row from which the next page goes back."""
    asked, parts = _asked(request.query_params), visit.parts
    typed = request.query_params.get("before", "")
    before = int(typed) if typed.isascii() and typed.isdigit() and 0 < len(typed) < 19 else None
    with parts.database.begin() as session:
        rows = audit_rows(session, visit.viewer, _wanted(asked), before=before, limit=PAGE + 1)
        names = names_of_actors(session, visit.viewer)
        told = [_told(visit, names, row) for row in rows[:PAGE]]
        people = {actor: name for actor, name in names.items() if actor.startswith("staff:")}
        verified = _verified(session, visit)
        note_look(session, visit.viewer, "audit_read", LOG, parts.now())
    given = {name: value for name, value in asked.items() if value}
    older = urlencode({**given, "before": rows[PAGE - 1].id}) if len(rows) > PAGE else ""
    return visit.html(
        "desk/audit.html", page="audit", rows=told, asked=asked, kinds=_kinds(visit), older=older, names=people,
        newest=urlencode(given) if before is not None else None, others=parts.knowledge.audit.actors,
        verified=verified)


@router.post("/desk/audit/verify")
@needs(READ)
def verify(visit: Visit = Depends(staff)) -> Response:
    """Walks the whole log now; that it was done stands in it."""
    parts = visit.parts
    verify_and_note(parts.database, parts.settings.home / FILE, actor=visit.viewer.actor, now=parts.now())
    return RedirectResponse("/desk/audit", 303)


@router.post("/desk/audit/export")
@needs(READ)
def export(visit: Visit = Depends(staff), sent: dict[str, str] = Depends(fields)) -> Response:
    """The rows the filters let through as a table, with their hashes; what was sealed stays sealed."""
    parts = visit.parts
    with parts.database.begin() as session:
        rows, more = export_audit(session, visit.viewer, _wanted(_asked(sent)), parts.now())
        names = names_of_actors(session, visit.viewer)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(parts.knowledge.audit.columns)
    for row in rows:
        writer.writerow(_safe(one) for one in _line(visit, names, row))
    name = f"audit-{parts.now().astimezone(SHANGHAI):%Y%m%d-%H%M%S}{'-newest' if more else ''}.csv"
    return Response("\ufeff" + table.getvalue(), media_type="text/csv; charset=utf-8", headers={
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox"})


def _line(visit: Visit, names: Mapping[str, str], row: Audit) -> list[str]:
    title = visit.parts.knowledge.audit.title(row.action, visit.parts.lifecycle.event_titles)
    return [str(row.id), row.at.astimezone(SHANGHAI).isoformat(), row.actor, _who(visit, names, row.actor), title,
            row.action, row.object, json.dumps(row.data, ensure_ascii=False, sort_keys=True),
            bytes(row.previous).hex() if row.previous is not None else "", bytes(row.hash).hex()]


def _safe(text: str) -> str:
    """As text, also where a table program would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
