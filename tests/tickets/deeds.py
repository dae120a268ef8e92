"""What tests need to do any command at once: a ticket in any state by one insert, and a form that every guard likes."""
from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from actions.storage.tables import (
    Aid,
    Approval,
    Contact,
    ContactJoin,
    Intake,
    Person,
    SharingConsent,
    Staff,
    Ticket,
    TicketEvent,
    TicketPerson,
)
from actions.tickets.numbers import check_character, new_number
from tests.cast import LONGTA, LONGXI, Stage

BESIDE = ("before", "signed", "aid", "joined")  # what `put` is told that is no column of a ticket
TODAY, YESTERDAY, LATER = "2026-11-20", "2026-11-19", "2026-12-04"
WORDS = {"words": "写明情况"}
INTO = "YM261119-33333-" + check_character("33333")  # 王婶's own ticket, beside those that neighbours told of
# command → the form a person would fill in
FORMS: dict[str, dict[str, str]] = {
    "dispatch": {"unit": LONGTA},
    "accept": {},
    "return": {"reason": "不在我们这边", "unit": LONGTA},
    "assign": {"unit": LONGTA},
    "transfer": {"unit": LONGTA, "reason": "人搬过去了"},
    "verify": {"way": "visit", "findings": "房子烧了，住在亲戚家"},
    "ask_supplement": {"missing": "身份证复印件、火灾证明"},
    "receive_supplement": {"received": "都补齐了"},
    "submit": {"opinion": "give", "amount": "1540", **WORDS},
    "review": {"opinion": "give", **WORDS},
    "approve": {"amount": "1540", **WORDS},
    "send_up": dict(WORDS),
    "record_meeting": {"held_on": YESTERDAY, "attendees": "陈科长，区民政局\n周主任，区财政局", "record": "逐条看了材料", "decision": "同意救助",
                       "opinion": "give", "amount": "1540"},
    "return_for_rework": {"reason": "缺入户照片"},
    "publish": {"where": "社区公示栏", "until": LATER},
    "end_publication": {"objections": "none"},
    "pay": {"amount": "1540.00", "way": "account", "on": TODAY},
    "give_aid": {"object": "王婶一家三口", "circumstance": "当晚没地方住", "way": "cash", "amount": "600"},
    "confirm_aid": {},
    "complete_paperwork": dict(WORDS),
    "close": {"result": "settled", **WORDS},
    "refuse": {"reason": "查明没有这件事", "ground": "untrue", "served": TODAY},
    "declare_tie": {"relation": "sibling"},
    "refer": {"department": "housing", "contact": "住建委 张工", "reason": "房子要鉴定", "consent": "yes"},
    "hand_over": {"request": "housing.safety", "words": "请看看房子还能不能住"},
    "note_sharing": {"request": "charity.charity_help", "recipient": "某慈善会 023-0000", "answer": "given", "by": "self", "way": "phone",
                     "on": YESTERDAY},
    "end_sharing": {"consent": "disabled"},
    "take_back": {"reason": "对方不接"},
    "urge": dict(WORDS),
    "ask_call": {"phone": "13800138000", "when": "any"},
    "note_call": {"outcome": "reached", **WORDS},
    "supervise": dict(WORDS),
    "ask_extension": {"until": LATER, "reason": "等火灾认定书"},
    "decide_extension": {"granted": "yes"},
    "withdraw": {},
    "supplement": dict(WORDS),
    "follow_up": {"satisfied": "yes"},
    "reopen": {"reason": "又没地方住了"},
    "addend": dict(WORDS),
    "note_consent": {"consent": "given"},
    "give_code": {"checked": "met"},
    "send_code": {},
    "note_finding": {"finding": "in_need", "on": YESTERDAY},
    "merge": {"into": INTO},
    "add_person": {"role": "member", "name": "王小宝", "relation": "孙子", "minor": "yes"},
    "remove_person": {"person": "1", "reason": "填错了"},
}
UNTIL = {"fields": {"until": {"title": "到", "kind": "date", "value": YESTERDAY}}}
ASKED = {"fields": {"until": {"title": "到", "kind": "date", "value": LATER}}}
# command → what must have happened before: (kind, data)
BEFORE: dict[str, list[tuple[str, Any]]] = {
    "complete_paperwork": [("aid_given", {})],
    "decide_extension": [("extension_asked", ASKED)],
    "end_publication": [("published", UNTIL)],
    "note_call": [("call_asked", {"fields": {"when": {"title": "什么时候方便", "kind": "choice", "value": "都可以"}}, "call_phone": ""})],
}


# command → the signatures of others it stands on: (step, opinion, amount); a district decides after its own review
PROPOSED = ("propose", "give", "1540")
SIGNED: dict[str, list[tuple[str, str, str | None]]] = {
    "review": [PROPOSED],
    "approve": [PROPOSED, ("review", "give", "1540")],
    "send_up": [("propose", "give", "5000"), ("review", "give", "5000")],
    "refuse": [("propose", "not_give", None), ("review", "not_give", None)],
    "pay": [PROPOSED, ("review", "give", "1540"), ("approve", "give", "1540")],
    "record_meeting": [PROPOSED, ("review", "give", "1540")],
}
COLLEAGUES = ("王科员", "孙科员", "钱科员", "赵科长")  # nobody of the cast: they sign what stands before


def signed_of(command: str, up: bool = False) -> list[tuple[str, str, str, str | None]]:
    """The signatures before a command: (level, step, opinion, amount)."""
    signed = [("township", *one) for one in SIGNED.get(command, [])]
    if up and command in ("approve", "refuse"):
        signed.append(("district", *SIGNED[command][-1]))
    return signed


def colleagues(session: Any, stage: Stage) -> list[int]:
    """Staff ids of the colleagues, hired when they are first needed."""
    logins = [f"colleague{place}" for place in range(len(COLLEAGUES))]
    found = dict(session.execute(sa.select(Staff.login, Staff.id).where(Staff.login.in_(logins))).all())
    if not found:
        session.execute(sa.insert(Staff), [
            {"login": login, "name": name, "role": "officer", "unit_id": LONGXI, "password_hash": "-", "created_at": stage.clock(),
             "active": False, "failed_signins": 0, "must_change_password": False}
            for login, name in zip(logins, COLLEAGUES, strict=True)])
        return colleagues(session, stage)
    return [found[login] for login in logins]


def form_of(command: str, state: str) -> dict[str, str]:
    """The form of a command in a state: a ticket in payment is closed as aided."""
    more = {"result": "aided"} if (command, state) == ("close", "paying") else {}
    return {**FORMS[command], **more}


def before_of(command: str, state: str) -> list[tuple[str, Any]]:
    """What must have happened before this command in this state."""
    return [("paid", {})] if (command, state) == ("close", "paying") else BEFORE.get(command, [])


def numbers(count: int, day: Any, taken: Collection[str]) -> list[str]:
    """So many different numbers that nobody has."""
    found: dict[str, None] = {}
    while len(found) < count:
        number = new_number(day)
        if number not in taken:
            found[number] = None
    return list(found)


def put(stage: Stage, wanted: list[Mapping[str, Any]]) -> list[str]:
    """Tickets of 龙溪街道 as `wanted` says ({state, before: [(kind, data)], signed: [(level, step, opinion, amount)],
    aid: yes or no, joined: to a contact or not, more columns}), by one insert. Numbers.

    What happened before was done by colleagues who are nobody of the cast.
    """
    model = stage.ticket()
    with stage.parts.database.begin() as session:
        row = session.execute(sa.select(Ticket).where(Ticket.id == model.id)).scalar_one()
        values = {column.key: getattr(row, column.key) for column in Ticket.__table__.columns if column.key != "id"}
        names = numbers(len(wanted), stage.clock().date(), set(session.execute(sa.select(Ticket.number)).scalars()))
        # a neighbour told of every one of them, at the desk
        rows = [{**values, "number": number, "source": "neighbour", **{k: v for k, v in one.items() if k not in BESIDE}}
                for number, one in zip(names, wanted, strict=True)]
        if session.execute(sa.select(Ticket.id).where(Ticket.number == INTO)).first() is None:
            rows.append({**values, "number": INTO, "state": "accepted"})
        session.execute(sa.insert(Ticket), rows)
        ids = dict(session.execute(sa.select(Ticket.number, Ticket.id).where(Ticket.number.in_(names))).all())
        hands = colleagues(session, stage)
        # 王婶 is registered as the person concerned
        session.execute(sa.insert(Intake), [
            {"ticket_id": id_, "source": "neighbour", "caller": "staff:0", "external_id": number, "body_hash": b"",
             "reporter_hidden": True, "consent": "given", "finding": "open", "created_at": earlier(stage)}
            for number, id_ in ids.items()])
        session.execute(sa.insert(TicketPerson), [
            {"ticket_id": id_, "role": "applicant", "minor": False, "created_at": earlier(stage), "created_by": "staff:0"}
            for id_ in ids.values()])
        # and 王婶 has agreed that 残联 may be told
        session.execute(sa.insert(SharingConsent), [
            {"ticket_id": id_, "department": "disabled", "request": "devices", "recipient": b"-", "fields": ["name", "phone"],
             "answer": "given", "given_by": "self", "way": "phone", "asked_on": stage.clock().date(), "noted_by": hands[0],
             "noted_at": earlier(stage)} for id_ in ids.values()])
        before = [(ids[number], kind, data) for number, one in zip(names, wanted, strict=True)
                  for kind, data in one.get("before", [])]
        if before:
            session.execute(sa.insert(TicketEvent), [
                {"ticket_id": ticket, "kind": kind, "actor": "staff:0", "at": earlier(stage), "data": data, "version": 1}
                for ticket, kind, data in before])
        signed = [
            {"ticket_id": ids[number], "round": 1, "level": level, "step": step, "opinion": opinion, "amount": amount,
             "special": False, "staff_id": hand, "limit_used": {}, "data": {}, "at": earlier(stage)}
            for number, one in zip(names, wanted, strict=True)
            for hand, (level, step, opinion, amount) in zip(hands, one.get("signed", []), strict=False)]
        if signed:
            session.execute(sa.insert(Approval), signed)
        for number, one in zip(names, wanted, strict=True):
            if one.get("joined"):
                join(session, ids[number], earlier(stage))
        aid = [{"ticket_id": ids[number], "object": b"-", "circumstance": b"-", "form": "cash", "amount": 100,
                "given_at": earlier(stage), "handler": hands[0], "recorded_at": earlier(stage)}
               for number, one in zip(names, wanted, strict=True) if one.get("aid")]
        if aid:
            session.execute(sa.insert(Aid), aid)
    return names


def join(session: Any, ticket: int, at: datetime) -> int:
    """王婶's chat on our page, which an operator has made sure of, is the contact of this ticket. Its id."""
    person = Person(created_at=at)
    contact = Contact(channel="web", address_hash=f"ticket {ticket}".encode(), created_at=at, last_seen_at=at)
    session.add_all([person, contact])
    session.flush()
    session.add(ContactJoin(contact_id=contact.id, person_id=person.id, ticket_id=ticket, how="staff", joined_at=at,
                            joined_by="staff:0"))
    session.execute(sa.update(Ticket).where(Ticket.id == ticket).values(contact_id=contact.id, person_id=person.id))
    return int(contact.id)


def earlier(stage: Stage) -> datetime:
    """A moment ago."""
    moment: datetime = stage.clock() - timedelta(minutes=5)
    return moment


