"""The judge: compares the books of residents and app server with the database. Every list holds what is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.conductor import Conductor
from tests.faults.residents import Resident, WebResident
from tests.faults.storm import Storm, is_shown

IN_FLIGHT = 4  # threads that deliver: so many may be between sending and answer when the courier is killed
PATIENCE = 240

OPEN = (
    "SELECT (SELECT count(*) FROM message WHERE waiting),"
    " (SELECT count(*) FROM delivery WHERE state IN ('waiting', 'sending')),"
    " (SELECT count(*) FROM timer WHERE kind = 'danger_unanswered')"
)


@dataclass
class Verdict:
    """What was found. Figures in `counts`, faults in the lists."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    sent_twice: list[str] = field(default_factory=list)
    never_sent: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    page: list[str] = field(default_factory=list)
    bot_over_person: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    out_of_step: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def settle(storm: Storm, residents: Iterable[Resident]) -> tuple[int, int, int] | None:
    """Waits until nothing waits any more, while every page reads what is new; what is still open, or None."""
    pages = [one for one in residents if isinstance(one, WebResident)]

    def still() -> Any:
        for page in pages:
            page.look()
        rows = storm.rows(OPEN)
        return rows is not None and not storm.api.open_updates() and tuple(rows[0]) == (0, 0, 0)

    if storm.until(still, PATIENCE, 0.5):
        return None
    rows = storm.rows(OPEN)
    return tuple(rows[0]) if rows else (-1, -1, -1)


def doubtful(storm: Storm) -> list[int]:
    """Conversations with a reply of which nobody knows whether it arrived."""
    rows = storm.rows("SELECT DISTINCT conversation_id FROM delivery WHERE state = 'unclear' ORDER BY 1")
    return [int(row[0]) for row in rows or []]


def judge(storm: Storm, residents: list[Any], conductor: Conductor, reference: dict[tuple[str, str], Any]) -> Verdict:
    """Everything of the table that books can tell."""
    verdict = Verdict()
    messages = storm.rows(
        "SELECT m.id, m.conversation_id AS talk, m.contact_id AS contact, m.seq, m.author, m.kind, m.text, m.external_id,"
        " m.answers, m.asks, m.handed_over, m.waiting, m.danger, c.channel FROM message m"
        " JOIN contact c ON c.id = m.contact_id ORDER BY m.conversation_id, m.seq"
    )
    assert messages is not None
    talks: dict[int, list[Any]] = defaultdict(list)
    for message in messages:
        talks[message.talk].append(message)
    _inbound(storm, messages, verdict)
    for talk, lines in talks.items():
        _order(talk, lines, verdict)
        _silence(storm, talk, lines, verdict)
        _answered(storm, talk, lines, verdict)
    _outbound(storm, messages, verdict)
    _pages(residents, messages, verdict)
    _tickets(storm, residents, messages, verdict)
    _in_step(residents, reference, verdict)
    verdict.counts["messages"] = len(storm.written)
    verdict.counts["conversations"] = len(talks)
    verdict.counts["courier_kills"] = conductor.injected["courier"]
    return verdict


def _inbound(storm: Storm, messages: list[Any], verdict: Verdict) -> None:
    stored = Counter(one.external_id for one in messages if one.author == "resident")
    for written in storm.written:
        if stored[written.external_id] == 0:
            verdict.lost.append(f"{written.channel} {written.external_id}")
        elif stored[written.external_id] > 1:
            verdict.doubled.append(f"{written.channel} {written.external_id} × {stored[written.external_id]}")
    known = {written.external_id for written in storm.written}
    verdict.unknown += [str(name) for name in stored if name not in known]


def _order(talk: int, lines: list[Any], verdict: Verdict) -> None:
    if [line.seq for line in lines] != list(range(1, len(lines) + 1)):
        verdict.order.append(f"conversation {talk}: seq has gaps")
    ids = [line.id for line in lines]
    if ids != sorted(ids):
        verdict.order.append(f"conversation {talk}: seq and order of writing differ")


def _silence(storm: Storm, talk: int, lines: list[Any], verdict: Verdict) -> None:
    person = False
    for line in lines:
        if line.author == "system" and line.text == storm.texts["operator_joined"]:
            person = True
        elif line.author == "system" and line.text == storm.texts["operator_left"]:
            person = False
        elif person and line.author == "bot":
            verdict.bot_over_person.append(f"conversation {talk} seq {line.seq}")
    verdict.counts["takeovers"] = verdict.counts.get("takeovers", 0) + sum(
        line.text == storm.texts["operator_joined"] for line in lines
    )


def _answered(storm: Storm, talk: int, lines: list[Any], verdict: Verdict) -> None:
    """Each message has an answer behind it, or a person has it."""
    answered = max((line.answers or 0 for line in lines if line.author == "bot"), default=0)
    for line in lines:
        if line.author == "resident" and not line.handed_over and line.seq > answered:
            verdict.unanswered.append(f"conversation {talk} seq {line.seq}")
    given_up = sum(line.text == storm.texts["turn_failed"] for line in lines)
    verdict.counts["given_to_a_person"] = verdict.counts.get("given_to_a_person", 0) + given_up


def _outbound(storm: Storm, messages: list[Any], verdict: Verdict) -> None:
    """By the books of the app server: what was shown, once each and in the order of seq."""
    rows = storm.rows(
        "SELECT d.message_id, d.seq, d.state, d.external_id, d.error, m.text, m.author, q.danger IS NOT NULL AS safety,"
        " (SELECT split_part(r.external_id, ':', 1) FROM message r WHERE r.contact_id = m.contact_id"
        "  AND r.external_id NOT LIKE 'callback:%' AND r.author = 'resident' LIMIT 1) AS chat"
        " FROM delivery d JOIN message m ON m.id = d.message_id"
        " LEFT JOIN message q ON q.conversation_id = m.conversation_id AND q.seq = m.answers"
        " WHERE d.channel = 'telegram' ORDER BY d.id"
    )
    assert rows is not None
    states = Counter((row.state, row.error if row.state in ("unclear", "failed") else "") for row in rows)
    verdict.counts["deliveries_sent"] = sum(count for (state, _), count in states.items() if state == "sent")
    verdict.counts["unclear_crash"] = states[("unclear", "crash")]
    verdict.counts["unclear_app"] = sum(
        count for (state, error), count in states.items() if state == "unclear" and error != "crash"
    )
    verdict.counts["withheld"] = states[("failed", "overtaken")]
    verdict.never_sent += [f"{state} {error} × {n}" for (state, error), n in states.items() if state == "failed" and error != "overtaken"]
    by_id = {row.external_id: row for row in rows if row.state == "sent" and row.external_id}
    perhaps: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if row.state == "unclear" or (row.safety and row.author == "system"):
            perhaps[row.chat].append(row)
    place: dict[int, int] = {}
    shown_ids = set()
    for one in storm.api.sent:
        row = by_id.get(str(one.message_id))
        if row is None:
            row = next((r for r in perhaps[str(one.chat)] if is_shown(one.text, r.text)), None)
            if row is None:
                verdict.sent_twice.append(f"chat {one.chat}: message {one.message_id} belongs to no delivery")
                continue
            if not (row.safety and row.author == "system"):
                perhaps[str(one.chat)].remove(row)
        elif row.message_id in shown_ids and not row.safety:
            verdict.sent_twice.append(f"chat {one.chat}: message of seq {row.seq} was sent twice")
        if row.message_id not in shown_ids and row.seq < place.get(one.chat, 0):
            verdict.order.append(f"chat {one.chat}: seq {row.seq} came after {place[one.chat]}")
        shown_ids.add(row.message_id)
        place[one.chat] = max(place.get(one.chat, 0), row.seq)
    for name, row in by_id.items():
        if row.message_id not in shown_ids:
            verdict.never_sent.append(f"delivery {name} is called sent and was not")


def _pages(residents: list[Any], messages: list[Any], verdict: Verdict) -> None:
    """By the books of the page: every line once, in the order of seq."""
    contact_of = {one.external_id: one.contact for one in messages if one.author == "resident"}
    stored: dict[int, list[int]] = defaultdict(list)
    for one in messages:
        if one.kind != "note":
            stored[one.contact].append(one.id)
    for page in residents:
        if not isinstance(page, WebResident) or not page.last_id:
            continue
        contact = contact_of.get(page.last_id)
        if contact is None:
            continue  # it is among the lost
        if sorted(page.shown) != sorted(stored[contact]):
            verdict.page.append(f"page {page.cast.number}: {len(page.shown)} lines shown, {len(stored[contact])} stored")
        if page.shown_order != sorted(page.shown_order):
            verdict.page.append(f"page {page.cast.number}: lines came out of order")


def _tickets(storm: Storm, residents: list[Any], messages: list[Any], verdict: Verdict) -> None:
    rows = storm.rows("SELECT conversation_id, read_back, legal_basis FROM ticket ORDER BY id")
    assert rows is not None
    verdict.counts["tickets"] = len(rows)
    tickets: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        tickets[row.conversation_id].append(row)
    talk_of = {one.external_id: one.talk for one in messages if one.author == "resident"}
    cried = {
        one.talk for one in messages if any(hit["level"] == "now" for hit in (one.danger or [])) and one.author == "resident"
    }
    confirmed = {talk_of.get(one.last_id) for one in residents if one.confirmed}
    verdict.counts["confirmed"], verdict.counts["cried"] = len(confirmed), len(cried)
    for talk in sorted({talk for talk in talk_of.values()}):
        mine = tickets.get(talk, [])
        if len(mine) > 1:
            verdict.tickets.append(f"conversation {talk}: {len(mine)} tickets")
        if (talk in confirmed or talk in cried) and not mine:
            verdict.tickets.append(f"conversation {talk}: no ticket")
        read_back = sum(row.read_back == "confirmed" for row in mine)
        if talk not in cried and read_back != (talk in confirmed):
            verdict.tickets.append(f"conversation {talk}: confirmed {talk in confirmed}, tickets say {read_back}")


def _in_step(residents: list[Any], reference: dict[tuple[str, str], Any], verdict: Verdict) -> None:
    """What was asked after each message is what is asked when nothing fails."""
    judged = 0
    for one in residents:
        known = reference.get((one.cast.story.name, one.cast.channel))
        if known is None or one.disturbed or not one.asked:
            continue
        judged += 1
        wanted = known[: len(one.asked)]
        if one.asked[: len(wanted)] != wanted:
            place = next(i for i, (a, b) in enumerate(zip(one.asked, wanted, strict=False)) if a != b)
            verdict.out_of_step.append(
                f"{one.cast.channel} {one.cast.story.name} {one.cast.number}, message {place + 1}:"
                f" asked {one.asked[place]}, should ask {wanted[place]}"
            )
    verdict.counts["judged_in_step"] = judged
