"""The table of the lifecycle: what it says, and that a wrong table is refused with file, line, what and how to mend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from actions.access.rules import Role
from actions.language.files import ConfigError
from actions.language.replies import Replies
from actions.tickets.commands import EFFECTS, GUARDS
from actions.tickets.rules import Known, Lifecycle, WrongState, load_lifecycle

GOOD = """\
states:
  begun: {title: 开始, open: true, start: true}
  done: {title: 完成, open: false}
commands:
  finish:
    title: 办完
    event: finished
    from: open
    to: done
    permission: work_ticket
    fields:
      - {id: words, title: 说明, kind: text, required: true}
"""


def load(folder: Path, text: str, known: Known | None = None) -> Lifecycle:
    (folder / "lifecycle.yaml").write_text(text, encoding="utf-8")
    (folder / "reasons.yaml").write_text("wrong: 不行\n", encoding="utf-8")
    return load_lifecycle(folder / "lifecycle.yaml", known or Known())


def test_a_small_table_is_read(tmp_path: Path) -> None:
    table = load(tmp_path, GOOD)
    assert table.after("finish", "begun") == "done" and table.open_states == {"begun"}
    with pytest.raises(WrongState) as wrong:
        table.after("finish", "done")
    assert wrong.value.state == "done"


@pytest.mark.parametrize(("good", "bad", "line", "says"), [
    ("to: done", "to: doen", 9, "unknown state 'doen'.*did you mean done"),
    ("from: open", "from: [begin]", 8, "unknown state 'begin'.*did you mean begun"),
    ("from: open", "from: all", 8, "unknown group of states 'all'"),
    ("from: open", "from: []", 8, "starts nowhere"),
    ("permission: work_ticket", "permission: work_tickets", 10, "unknown permission.*did you mean work_ticket"),
    ("kind: text", "kind: words", 12, "unknown kind of field 'words'"),
    ("kind: text", "kind: choice", 12, "a choice without options"),
    ("kind: text", "kind: text, options: {a: 甲}", 12, "a text with options"),
    ("kind: text", "kind: date, sealed: true", 12, "only a text"),
    ("kind: text", "kind: text, sealed: true, tell: true", 12, "only a text"),
    ("kind: text", "kind: text, most: many", 12, "most is 'many'"),
    ("kind: text", "kind: text, colour: red", 12, "unknown key 'colour'"),
    ("kind: text", "kind: date, when: soon", 12, "unknown time 'soon'"),
    ("kind: text", "kind: staff, may: fly", 12, "unknown permission 'fly'"),
    ("required: true}", "required: true}\n      - {id: words, title: 又一个, kind: text}", 11, "two fields have the same id"),
    ("to: done", "to: same", 2, "no way leads to an end|no command leads to done"),
    ("start: true", "start: false", 1, "no ticket can begin"),
    ("open: true", "open: maybe", 2, "open is 'maybe'"),
    ("  done:", "  lost: {title: 没人去, open: true}\n  done:", 3, "no command leads to lost"),
    ("from: open", "from: open\n    desks: [roof]", 9, "unknown desk 'roof'"),
    ("from: open", "from: open\n    clocks: {after: words}", 9, "unknown day this command asks for 'words'"),
    ("commands:", "commands:\n  wait: {title: 等, event: finished, from: open, to: same, permission: work_ticket}", 8,
     "two things write 'finished'"),
])
def test_a_wrong_table_names_place_and_mend(tmp_path: Path, good: str, bad: str, line: int, says: str) -> None:
    assert good in GOOD
    with pytest.raises(ConfigError, match=says) as error:
        load(tmp_path, GOOD.replace(good, bad, 1))
    assert error.value.path.name == "lifecycle.yaml" and error.value.mend
    assert error.value.line in (line, line + 1)  # of the key, or of the mapping it stands in


def test_an_open_state_without_a_way_to_an_end_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("  done:", "  stuck: {title: 卡住, open: true}\n  done:").replace(
        "commands:", "commands:\n  lose: {title: 丢, event: lost, from: [begun], to: stuck, permission: work_ticket}").replace(
        "from: open", "from: [begun]")
    with pytest.raises(ConfigError, match="from stuck no way leads to an end") as error:
        load(tmp_path, text)
    assert error.value.line == 3


def role(*may: str) -> Mapping[str, Role]:
    return {"officer": Role("officer", "经办", "unit", frozenset(may))}


@pytest.mark.parametrize(("more", "known", "says"), [
    ("", Known(roles=role("see_tickets")), "nobody may work_ticket.*delete finish"),
    ("    guards: [two_person]\n", Known(guards={"two_persons"}), "unknown guard 'two_person'.*two_persons"),
    ("    effect: moove\n", Known(effects={"move"}), "unknown effect 'moove'.*move"),
])
def test_names_the_code_or_the_roles_do_not_know_are_refused(tmp_path: Path, more: str, known: Known, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(tmp_path, GOOD + more, known)


def test_replies_must_exist_and_be_fillable(tmp_path: Path, replies: Replies) -> None:
    text = GOOD.replace("begun", "dispatched").replace("done", "closed")
    with pytest.raises(ConfigError, match="unknown reply 'ticket_gone'"):
        load(tmp_path, text + "    tells: ticket_gone\n", Known(replies=replies))
    with pytest.raises(ConfigError, match="ticket_supplement needs missing"):
        load(tmp_path, text + "    tells: ticket_supplement\n", Known(replies=replies))
    with pytest.raises(ConfigError, match="nothing says what comes after begun"):
        load(tmp_path, GOOD, Known(replies=replies))


def test_every_guard_and_effect_is_used(lifecycle: Lifecycle) -> None:
    commands = [*lifecycle.commands.values(), *lifecycle.parts.commands.values()]
    assert set(GUARDS) == {name for command in commands for name in command.guards}
    assert set(EFFECTS) == {command.effect for command in commands} - {None}


def test_closed_tickets_take_addenda_follow_up_and_reopening_only(lifecycle: Lifecycle) -> None:
    closed = {state.id for state in lifecycle.states.values() if not state.open}
    assert closed == {"closed", "followed_up", "refused", "withdrawn"}
    for state in closed:
        # aid given before a resident withdrew still gets its second signature and its papers: that is no change of the case
        late = {"confirm_aid", "complete_paperwork"} if state == "withdrawn" else set()
        assert {command.id for command in lifecycle.open_to(state)} <= {"addend", "follow_up", "reopen"} | late


def test_every_reason_a_guard_gives_has_its_words_and_no_other(lifecycle: Lifecycle) -> None:
    code = "".join(path.read_text("utf-8") for path in [*Path("actions/tickets").rglob("*.py"), *Path("actions/access").rglob("*.py")])
    given = {reason for reason in lifecycle.reasons.texts if f'"{reason}"' in code}
    assert given == set(lifecycle.reasons.texts)


def test_who_may_nothing_reads(roles: Mapping[str, Any], lifecycle: Lifecycle) -> None:
    for name in ("auditor", "administrator"):
        assert not [command.id for command in lifecycle.commands.values() if command.permission in roles[name].may]
