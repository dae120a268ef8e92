"""The door of other systems: a key, one ticket for one id, every mistake named, nothing told that is not theirs."""
from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from actions.intake.commands import end_api_key, make_api_key
from actions.storage.tables import Audit, Intake, Ticket, TicketPerson
from tests.cast import LONGXI, Stage
from tests.intake.test_taking_in import rows, the_ticket

BODY = {"external_id": "12345-2026-88", "cause": "fire", "event_place": "龙溪街道花卉园西路8号", "name": "王秀英",
        "phone": "13800138000", "told": "家里烧了", "reference": "12345工单88", "facts": {"need_tonight": ["bed"], "living_hard": True},
        "persons": [{"role": "member", "name": "王小宝", "minor": True}]}


def a_key(stage: Stage, name: str = "12345热线") -> str:
    with stage.parts.database.begin() as session:
        return make_api_key(session, name, stage.clock())


def send(stage: Stage, key: str | None, body: Any = BODY, **more: Any) -> Any:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return stage.browser().client.post("/api/tickets", headers=headers, **(more or {"json": body}))


def test_filed_once_with_number_and_code(stage: Stage) -> None:
    key = a_key(stage)
    answer = send(stage, key)
    told, ticket = answer.json(), the_ticket(stage)
    assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
    assert told == {"number": ticket.number, "state": "dispatched", "state_title": "已派单，待受理", "unit_name": "龙溪街道",
                    "district": "两江新区", "due": "2026-11-23T23:59:59+08:00", "provisional": False, "query_code": told["query_code"]}
    assert len(told["query_code"]) == 6
    assert (ticket.source, ticket.unit_id, ticket.aid_first, ticket.legal_basis) == ("api", LONGXI, True, "duty")
    assert [(p.role, p.minor) for p in rows(stage, sa.select(TicketPerson).order_by(TicketPerson.id))] == [
        ("applicant", False), ("member", True)]
    [audit] = rows(stage, sa.select(Audit).where(Audit.action == "ticket_taken_in"))
    assert audit.actor == "api:1"
    assert ticket.number in stage.sign_in("zhang").get("/desk/tickets").text


def test_sent_again_it_is_the_same_ticket_without_the_code(stage: Stage) -> None:
    key = a_key(stage)
    first, second = send(stage, key), send(stage, key)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {**first.json(), "query_code": None}
    changed = send(stage, key, {**BODY, "told": "别的事"})
    assert changed.status_code == 409 and changed.json()["error"] == "id_used"
    assert len(rows(stage, sa.select(Ticket))) == 1


def test_sent_ten_times_at_once_it_is_one_ticket(stage: Stage) -> None:
    key = a_key(stage)
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(send(stage, key))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["number"] for answer in answers}) == len(rows(stage, sa.select(Ticket))) == 1


def test_ids_of_two_systems_are_two_things(stage: Stage) -> None:
    one, other = a_key(stage), a_key(stage, "社区平台")
    assert send(stage, one).json()["number"] != send(stage, other).json()["number"]


@pytest.mark.parametrize("key", [None, "", "wrong", "ym_" + "x" * 43, "x" * 500, "错"])
def test_without_a_good_key(stage: Stage, key: str | None) -> None:
    a_key(stage)
    header = {} if key is None else {"authorization": f"Bearer {key}".encode()}
    for answer in (stage.browser().client.post("/api/tickets", json=BODY, headers=header),
                   stage.browser().client.get("/api/tickets/1", headers=header)):
        assert answer.status_code == 401 and answer.json()["error"] == "no_key" and answer.headers["www-authenticate"] == "Bearer"
    assert rows(stage, sa.select(Ticket)) == []


def test_an_ended_key_opens_nothing(stage: Stage) -> None:
    key = a_key(stage)
    with stage.parts.database.begin() as session:
        assert end_api_key(session, "12345热线", stage.clock()) and not end_api_key(session, "12345热线", stage.clock())
    assert send(stage, key).status_code == 401


def test_a_signed_in_person_is_no_key_and_a_key_is_no_person(stage: Stage) -> None:
    assert stage.sign_in("chen").post_json("/api/tickets", BODY).status_code == 401
    key = a_key(stage)
    assert stage.browser().get("/desk/tickets", headers={"authorization": f"Bearer {key}"}).status_code == 303


@pytest.mark.parametrize("more, field, what", [
    ({"cause": "flood"}, "cause", "unknown"), ({"external_id": ""}, "external_id", "missing"), ({"external_id": 7}, "external_id", "kind"),
    ({"source": "operator"}, "source", "unknown"), ({"phone": "110"}, "phone", "phone"), ({"identity": "123"}, "identity", "identity"),
    ({"facts": {"nothing": 1}}, "facts.nothing", "fact"), ({"facts": {"age": "old"}}, "facts.age", "fact"),
    ({"facts": []}, "facts", None), ({"facts": "x"}, "facts", "kind"), ({"persons": {}}, "persons", None),
    ({"persons": [{"role": "applicant"}]}, "persons[0].role", "unknown"), ({"persons": ["x"]}, "persons[0]", "kind"),
    ({"persons": [{"role": "member", "phone": "1"}]}, "persons[0].phone", "phone"), ({"persons": [{}] * 21}, "persons", "kind"),
    ({"minor": "yes"}, "minor", "kind"), ({"told": "长" * 2001}, "told", "too_long"), ({"nme": "x"}, "nme", "unknown"),
    ({"reporter": {"name": "李大爷"}}, "reporter", "here"), ({"reporter": {"x": 1}}, "reporter.x", "unknown"), ({"unit": "nowhere"}, "unit", "unknown"),
])
def test_every_mistake_is_named_and_nothing_is_filed(stage: Stage, more: dict[str, Any], field: str, what: str | None) -> None:
    answer = send(stage, a_key(stage), {**BODY, **more})
    if what is None:  # an empty list or object is nothing said
        assert answer.status_code == 201
        return
    assert answer.status_code == 422
    found = {(one["field"], one["what"]) for one in answer.json()["problems"]}
    assert (field, what) in found and all(one["mend"] for one in answer.json()["problems"])
    assert rows(stage, sa.select(Ticket)) == rows(stage, sa.select(Intake)) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'"x"', b"[" * 5000, b'{"facts":{"a":{"b":{"c":{"d":{"e":{}}}}}}}'])
def test_what_is_no_request(stage: Stage, content: bytes) -> None:
    answer = stage.browser().client.post("/api/tickets", content=content, headers={"authorization": f"Bearer {a_key(stage)}"})
    assert answer.status_code == 400 and answer.json()["error"] == "bad_request"


def test_what_is_too_large(stage: Stage) -> None:
    assert send(stage, a_key(stage), content=b'{"told": "' + b"x" * 70_000 + b'"}').status_code == 413


def test_a_system_reads_the_step_of_its_own_and_nothing_of_the_case(stage: Stage) -> None:
    one, other = a_key(stage), a_key(stage, "社区平台")
    number = send(stage, one).json()["number"]
    stage.sign_in("zhang").do(f"/desk/ticket/{number}/do/accept", version="1")

    def look(key: str, external: str = BODY["external_id"]) -> Any:  # type: ignore[assignment]
        return stage.browser().client.get(f"/api/tickets/{external}", headers={"authorization": f"Bearer {key}"})

    answer = look(one)
    assert answer.status_code == 200 and answer.json()["state"] == "accepted"
    for kept in ("王秀英", "花卉园", "13800138000", "query_code", "fire"):
        assert kept not in answer.text
    assert look(other).status_code == look(one, "nothing").status_code == look(one, "x" * 200).status_code == 404
    assert look(other).json() == look(one, "nothing").json()


def test_danger_in_the_words_raises_the_ticket(stage: Stage) -> None:
    send(stage, a_key(stage), {**BODY, "told": "屋里正在着火，人还在里面"})
    assert the_ticket(stage).urgency == "life_danger"


def test_marks_that_turn_the_direction_do_not_reach_the_rows(stage: Stage) -> None:
    send(stage, a_key(stage), {**BODY, "name": "王\u202e秀\u0000英"})
    [name] = rows(stage, sa.select(TicketPerson.name).where(TicketPerson.role == "applicant"))
    assert stage.parts.keys.open(name) == "王秀英"
