"""The judge sees what is wrong: each fault of the table, made by hand."""

from __future__ import annotations

from types import SimpleNamespace as Row
from typing import Any

from actions.turn import HIDDEN
from tests.channels.bot_api import Sent
from tests.faults import judge
from tests.faults.judge import Verdict
from tests.faults.plan import make_plan
from tests.faults.storm import Written, is_shown

JOINED, LEFT = "工作人员来了", "工作人员走了"
TEXTS = {"operator_joined": JOINED, "operator_left": LEFT, "turn_failed": "抱歉"}


def line(seq: int, author: str = "resident", text: str = "好", **more: Any) -> Row:
    values = {"id": 100 + seq, "talk": 1, "contact": 1, "external_id": None, "answers": None, "handed_over": False, "danger": None}
    return Row(seq=seq, author=author, text=text, kind="text", **{**values, **more})


def storm(**more: Any) -> Any:
    return Row(texts=TEXTS, **more)


def test_lost_doubled_and_unknown() -> None:
    verdict = Verdict()
    books = storm(written=[Written("web", name, "好") for name in "abc"])
    judge._inbound(books, [line(n, external_id=name) for n, name in enumerate("abbx", 1)], verdict)
    assert verdict.lost == ["web c"] and verdict.doubled == ["web b × 2"] and verdict.unknown == ["x"]


def test_gaps_and_disorder() -> None:
    good, gap, swapped = Verdict(), Verdict(), Verdict()
    judge._order(1, [line(1), line(2)], good)
    judge._order(1, [line(1), line(3)], gap)
    judge._order(1, [line(1, id=9), line(2, id=8)], swapped)
    assert good.order == [] and len(gap.order) == 1 and len(swapped.order) == 1


def test_a_bot_over_a_person() -> None:
    verdict = Verdict()
    talk = [line(1), line(2, "bot"), line(3, "system", JOINED), line(4, "bot"), line(5, "system", LEFT), line(6, "bot")]
    judge._silence(storm(), 1, talk, verdict)
    assert verdict.bot_over_person == ["conversation 1 seq 4"] and verdict.counts["takeovers"] == 1


def test_a_message_without_answer() -> None:
    verdict = Verdict()
    judge._answered(storm(), 1, [line(1), line(2, "bot", answers=1), line(3), line(4, handed_over=True)], verdict)
    assert verdict.unanswered == ["conversation 1 seq 3"]


def delivery(message: int, state: str = "sent", app_id: str | None = None, **more: Any) -> Row:
    values = {"error": None, "text": f"第{message}句", "author": "bot", "safety": False, "chat": "7"}
    return Row(message_id=message, seq=message, state=state, external_id=app_id, **{**values, **more})


def outbound(rows: list[Row], *shown: tuple[int, str]) -> Verdict:
    verdict = Verdict()
    api = Row(sent=[Sent(number, 7, text, ()) for number, text in shown])
    judge._outbound(storm(api=api, rows=lambda query: rows), [], verdict)
    return verdict


def test_what_the_app_server_has_sent() -> None:
    rows = [delivery(1, app_id="11"), delivery(2, "unclear"), delivery(3, app_id="13")]
    good = outbound(rows, (11, "第1句"), (12, "第2句"), (13, "第3句"))
    assert good.sent_twice == good.order == good.never_sent == [] and good.counts["unclear_app"] == 1
    assert len(outbound(rows, (11, "第1句"), (12, "第1句"), (13, "第3句")).sent_twice) == 1
    assert len(outbound(rows, (13, "第3句"), (11, "第1句")).order) == 1
    assert len(outbound(rows, (11, "第1句")).never_sent) == 1


def test_a_safety_text_may_be_said_twice() -> None:
    safety = {"author": "system", "safety": True}
    rows = [delivery(1, "retried", **safety), delivery(1, app_id="12", **safety)]
    assert outbound(rows, (11, "第1句"), (12, "第1句")).sent_twice == []


def resident(asked: list[Any], **more: Any) -> Row:
    cast = Row(number=1, channel="web", story=Row(name="fire"))
    return Row(cast=cast, asked=asked, disturbed=set(), confirmed=False, last_id="a", **more)


def test_a_dialogue_out_of_step() -> None:
    known = {("fire", "web"): [("consent",), ("phone",)]}
    good, bad = Verdict(), Verdict()
    judge._in_step([resident([("consent",)])], known, good)
    judge._in_step([resident([("consent",), ("consent",)])], known, bad)
    assert good.out_of_step == [] and len(bad.out_of_step) == 1


def test_tickets_doubled_and_missing() -> None:
    told = [line(1, external_id="a")]
    ticket = Row(conversation_id=1, read_back="confirmed", legal_basis="consent")

    def found(confirmed: bool, *tickets: Row) -> list[str]:
        verdict, one = Verdict(), resident([])
        one.confirmed = confirmed
        judge._tickets(storm(rows=lambda query: list(tickets)), [one], told, verdict)
        return verdict.tickets

    assert found(True, ticket) == [] and found(False) == []
    assert found(True) and found(True, ticket, ticket) and found(False, ticket)


def test_one_seed_makes_one_plan() -> None:
    assert make_plan() == make_plan()
    assert {one.channel for one in make_plan().conversations} == {"web", "telegram"}


def test_what_hides_a_code_is_known_by_what_it_shows() -> None:
    stored = f"工单已经登记。查询码{HIDDEN}，请记下。"
    assert is_shown("工单已经登记。查询码K7QX3M，请记下。", stored)
    assert not is_shown("工单已经登记。查询码K7QX3M", stored) and not is_shown("别的话", stored)
    unsure = [delivery(1, "unclear", text=stored)]
    assert outbound(unsure, (11, "工单已经登记。查询码K7QX3M，请记下。")).sent_twice == []
    assert len(outbound(unsure, *[(n, "工单已经登记。查询码K7QX3M，请记下。") for n in (11, 12)]).sent_twice) == 1
