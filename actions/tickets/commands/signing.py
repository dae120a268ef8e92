"""Signatures under a decision: who may give them, at which level, and what else it needs (docs/approval.md)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from actions.access.queries import Lent, lent_to
from actions.storage.tables import Approval, Authorisation, AuthorisationMember, Meeting, Relative, Staff
from actions.tickets.approval.limits import Limit
from actions.tickets.approval.queries import (
    candidates,
    given_so_far,
    handlers,
    level_of,
    meetings,
    paid_so_far,
    round_began,
    round_of,
    signatures,
    ties,
)
from actions.tickets.approval.rules import (
    ABOVE,
    APPROVE,
    GIVE,
    NOT_GIVE,
    OWN,
    PROPOSE,
    REFUSE,
    RELATIVE,
    REVIEW,
    TOWNSHIP,
    TWICE,
    Case,
    case_of,
    conflict,
    missing_step,
    why_district,
)
from actions.tickets.commands.doing import Doing, NotAllowed, NothingToDo, effect, guard, standing
from actions.tickets.forms import FieldsWrong

# ids of reasons.yaml
NEEDS = {PROPOSE: "needs_propose", REVIEW: "needs_review"}
DIFFERENT = {GIVE: "opinion_is_give", NOT_GIVE: "opinion_is_not_give"}
STEPS = {"submit": PROPOSE, "review": REVIEW, "approve": APPROVE, "refuse": REFUSE}


def _lent(doing: Doing) -> list[Lent]:
    """In whose place the viewer could do this command; nothing where their own role permits it."""
    if doing.command.permission in doing.viewer.role.may:
        return []
    staff = doing.session.get(Staff, doing.viewer.staff_id)
    found = lent_to(doing.session, staff, doing.work.roles, doing.now)
    return [lent for lent in found if lent.permission == doing.command.permission]


def _signed(doing: Doing) -> list[Any]:
    return signatures(doing.session, doing.ticket, round_of(doing.session, doing.ticket))


def _in_whose_place(doing: Doing) -> Lent | None:
    """The first delegation that nothing speaks against, else the first; None: in their own right."""
    lents = _lent(doing)
    own, tied, signed = handlers(doing.session, doing.ticket), _ties(doing), _signed(doing)
    free = [
        lent for lent in lents
        if conflict({doing.viewer.staff_id, lent.in_place_of.id}, own=own, relatives=tied, signatures=signed) is None
    ]
    return (free or lents or [None])[0]


def _persons(doing: Doing) -> set[int]:
    lent = _in_whose_place(doing)
    return {doing.viewer.staff_id} | ({lent.in_place_of.id} if lent is not None else set())


def _ties(doing: Doing) -> dict[int, str]:
    return ties(doing.session, doing.work.keys, doing.ticket)


def _limit(doing: Doing) -> Limit:
    return doing.work.book.limit(doing.ticket.unit_id, doing.ticket.programme, doing.today)


def _case(doing: Doing) -> Case:
    case = case_of(_signed(doing))
    if case is None:
        raise NotAllowed("needs_propose")
    return case


@standing
def not_own(doing: Doing) -> None:
    """Who registered the case or looked into it does not decide about it; nor does anybody in their place."""
    if conflict(_persons(doing), own=handlers(doing.session, doing.ticket), relatives=(), signatures=()):
        raise NotAllowed(OWN)


@standing
def not_relative(doing: Doing) -> None:
    """Nobody signs for somebody they have declared a tie to (回避); nor does anybody in their place."""
    if conflict(_persons(doing), own=(), relatives=_ties(doing), signatures=()):
        raise NotAllowed(RELATIVE)


@standing
def not_twice(doing: Doing) -> None:
    """One person, one signature in a round; a signature counts for its signer and for whose place it was given in."""
    if conflict(_persons(doing), own=(), relatives=(), signatures=_signed(doing)):
        raise NotAllowed(TWICE)


@standing
def two_persons(doing: Doing) -> None:
    """A decision stands on the signatures of others: 经办 and 审核 before the head, the district officer before the
    supervisor."""
    missing = missing_step(_signed(doing), level_of(doing.ticket))
    if missing is not None:
        raise NotAllowed(NEEDS[missing])


@standing
def opinion_agrees(doing: Doing) -> None:
    """Aid is given where giving was the opinion, and refused where it was not; otherwise the case goes back."""
    wanted = NOT_GIVE if doing.command.id == "refuse" else GIVE
    if _case(doing).opinion != wanted:
        raise NothingToDo(DIFFERENT[_case(doing).opinion])


@guard
def amount_named(doing: Doing) -> None:
    """Who is for giving says how much."""
    giving, amount = doing.picked("opinion") == GIVE, doing.picked("amount")
    if not giving:
        return
    if amount is None and (doing.command.id != "review" or _case(doing).amount is None):
        raise FieldsWrong({"amount": ("field_missing", {"title": _title(doing, "amount")})})


@guard
def amount_as_reviewed(doing: Doing) -> None:
    """What is approved is what two others have looked at; another amount goes back to them."""
    standing = _case(doing).amount
    if doing.picked("amount") != standing:
        raise NotAllowed("amount_differs", amount=yuan(standing))


@standing
def within_limit(doing: Doing) -> None:
    """A township decides what its limit covers today, and nothing while nobody has confirmed a limit."""
    if level_of(doing.ticket) == TOWNSHIP:
        limit = _limit(doing)
        why = why_district(_case(doing), limit)
        if why is not None:
            raise NotAllowed(why, **({"limit": yuan(limit.yuan)} if why == ABOVE else {}))


@guard
def above_limit(doing: Doing) -> None:
    """To the district goes what the township cannot decide: above its limit, a special case, nobody there who may."""
    case, limit = _case(doing), _limit(doing)
    if why_district(case, limit) is not None or doing.values.get("away"):
        return
    deciding = doing.work.lifecycle.commands["approve" if case.opinion == GIVE else "refuse"].permission
    who = candidates(doing.session, doing.work.keys, doing.work.roles, doing.ticket, deciding, doing.now)
    if any(one.why_not is None for one in who):
        raise NotAllowed("decide_here", limit=yuan(limit.yuan))


@standing
def meeting_needed(doing: Doing) -> None:
    """A special case is decided as a meeting of this round has decided it (一事一议)."""
    case = _case(doing)
    if not case.special:
        return
    held = meetings(doing.session, doing.ticket, round_began(doing.session, doing.ticket))
    if not held:
        raise NotAllowed("needs_meeting")
    last = held[-1]
    if (last.opinion, last.amount) != (case.opinion, case.amount if case.opinion == GIVE else None):
        raise NotAllowed("meeting_differs")


@guard
def authorised(doing: Doing) -> None:
    """Where means are looked at, the proposal says how; by authorisation only with one (社会救助法 40, 41).

    What a check has found never stops anything: a mismatch is a task.
    """
    way = doing.picked("check")
    if way is None and doing.ticket.programme in doing.work.book.procedure.checked:
        raise FieldsWrong({"check": ("field_missing", {"title": _title(doing, "check")})})
    if way == "authorised":
        given = sa.exists().where(
            Authorisation.ticket_id == doing.ticket.id, AuthorisationMember.authorisation_id == Authorisation.id,
            AuthorisationMember.answer == "given")
        if not doing.session.execute(sa.select(given)).scalar():
            raise NotAllowed("not_authorised")


def _approved(doing: Doing) -> Decimal | None:
    """Yuan approved in this round; None before anybody has approved."""
    signed = [one for one in _signed(doing) if one.step == APPROVE]
    return (signed[-1].amount or Decimal(0)) if signed else None


@standing
def something_to_pay(doing: Doing) -> None:
    """Money goes out on an approval of this round, until it is all paid."""
    approved = _approved(doing)
    if approved is None:
        raise NotAllowed("nothing_approved")
    if paid_so_far(doing.session, doing.ticket) >= approved:
        raise NothingToDo("all_paid", amount=yuan(approved))


@guard
def paid_within_approved(doing: Doing) -> None:
    """No more is paid than was approved in this round, however often."""
    approved, paid = _approved(doing) or Decimal(0), paid_so_far(doing.session, doing.ticket)
    if paid + doing.values["amount"] > approved:
        raise NotAllowed("paid_above_approved", amount=yuan(approved), paid=yuan(paid))


@guard
def approved_is_paid(doing: Doing) -> None:
    """Closed as aided is not what was approved and never given; aid given first counts towards it."""
    approved = _approved(doing)
    if doing.picked("result") != "aided" or approved is None or paid_so_far(doing.session, doing.ticket):
        return
    if given_so_far(doing.session, doing.ticket) < approved:
        raise NotAllowed("approved_not_paid", amount=yuan(approved))


@effect
def sign(doing: Doing) -> None:
    """Adds the signature, with the limit as it stood at this moment."""
    step, ticket = STEPS[doing.command.id], doing.ticket
    signed = _signed(doing)
    before = case_of(signed)
    opinion = doing.picked("opinion") or (NOT_GIVE if step == REFUSE else GIVE)
    amount: Decimal | None = doing.picked("amount")
    if amount is None and before is not None:
        amount = before.amount
    limit, lent = _limit(doing), _in_whose_place(doing)
    doing.session.add(Approval(
        ticket_id=ticket.id,
        round=round_of(doing.session, ticket),
        level=level_of(ticket),
        step=step,
        opinion=opinion,
        amount=amount if opinion == GIVE else None,
        special=doing.values.get("special") is True,
        staff_id=doing.viewer.staff_id,
        in_place_of=None if lent is None else lent.in_place_of.id,
        delegation_id=None if lent is None else lent.delegation_id,
        limit_used=limit_kept(limit),
        data={name: doing.picked(name) for name in ("check", "ground") if doing.values.get(name) is not None},
        note=doing.work.keys.seal_or_none(doing.values.get("words") or doing.values.get("reason")),
        at=doing.now,
    ))
    doing.session.flush()
    if lent is not None:
        doing.data["in_place_of"] = {"staff": lent.in_place_of.id, "name": lent.in_place_of.name}


@effect
def refuse(doing: Doing) -> None:
    """The decision with its article and the way to contest it, as the written one says them (社会救助法 45, 76)."""
    procedure = doing.work.book.procedure
    sign(doing)
    doing.data["article"] = doing.work.book.cited(procedure.grounds[doing.picked("ground")])
    doing.data["appeal"] = [doing.work.book.cited(source) for source in procedure.appeal]
    doing.said = {"article": doing.data["article"],
                  "appeal": "".join(doing.work.book.plain(source) for source in procedure.appeal)}


@effect
def declare_tie(doing: Doing) -> None:
    """The viewer takes no part in this case any more."""
    doing.session.add(Relative(
        staff_id=doing.viewer.staff_id, relation=doing.picked("relation"), ticket_id=doing.ticket.id,
        declared_by=doing.viewer.staff_id, declared_at=doing.now,
    ))
    doing.session.flush()


@effect
def note_meeting(doing: Doing) -> None:
    """Keeps the record of a meeting: when, who, what was said and decided."""
    names = [line.strip() for line in str(doing.values["attendees"]).splitlines() if line.strip()]
    opinion = doing.picked("opinion")
    doing.session.add(Meeting(
        ticket_id=doing.ticket.id,
        held_on=doing.values["held_on"],
        attendees=names,
        record=doing.work.keys.seal(doing.values["record"]),
        decision=doing.work.keys.seal(doing.values["decision"]),
        opinion=opinion,
        amount=doing.picked("amount") if opinion == GIVE else None,
        recorded_by=doing.viewer.staff_id,
        recorded_at=doing.now,
    ))
    doing.session.flush()


@guard
def enough_attendees(doing: Doing) -> None:
    """One person is no meeting."""
    least = doing.work.book.procedure.attendees_least
    names = {line.strip() for line in str(doing.values["attendees"]).splitlines() if line.strip()}
    if len(names) < least:
        raise FieldsWrong({"attendees": ("too_few_attendees", {"title": _title(doing, "attendees"), "least": least})})


def limit_kept(limit: Limit) -> dict[str, Any]:
    """A limit as a row keeps it."""
    return {
        "yuan": None if limit.yuan is None else str(limit.yuan),
        "confirmed": limit.confirmed,
        "provisional": limit.provisional,
        "since": None if limit.since is None else limit.since.isoformat(),
        "cite": limit.cite,
    }


def _title(doing: Doing, field: str) -> str:
    return next(one.title for one in doing.command.fields if one.id == field)


def yuan(amount: Decimal | None) -> str:
    """An amount as people write it: 3000, 1200.5."""
    return "" if amount is None else f"{amount.normalize():f}"
