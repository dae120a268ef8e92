"""Draws the lifecycle from its table: states and commands as a Mermaid picture, who may what as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from actions.access.rules import Role
from actions.tickets.rules import SAME, Command, Lifecycle

HEAD = """\
# The lifecycle of a ticket

Drawn from `config/tickets/lifecycle.yaml` and `subtickets.yaml` beside it by `youmen tickets draw`; do not edit it by
hand, a test compares it with the tables. What the words mean for officers and developers:
[docs/tickets.md](../tickets.md), [docs/handover.md](../handover.md).
"""


def _edges(commands: Iterable[Command]) -> Mapping[tuple[str, str], list[str]]:
    """(from, to) → titles of the commands that lead there."""
    found: dict[tuple[str, str], list[str]] = {}
    for command in commands:
        for state in sorted(command.start):
            if (after := command.after(state)) != state:
                found.setdefault((state, after), []).append(command.title)
    return found


def diagram(lifecycle: Lifecycle, commands: Iterable[Command]) -> str:
    """The states these commands touch, and the ways between them, as a Mermaid state diagram."""
    edges = _edges(commands)
    touched = {state for edge in edges for state in edge}
    lines = ["```mermaid", "stateDiagram-v2"]
    for state in lifecycle.states.values():
        if state.id in touched:
            lines.append(f"    {state.id} : {state.title}")
            if state.start:
                lines.append(f"    [*] --> {state.id}")
            if not state.open:
                lines.append(f"    {state.id} --> [*]")
    order = list(lifecycle.states)
    for (start, after), titles in sorted(edges.items(), key=lambda edge: tuple(map(order.index, edge[0]))):
        lines.append(f"    {start} --> {after} : {' / '.join(titles)}")
    return "\n".join([*lines, "```"])


def _from(lifecycle: Lifecycle, command: Command) -> str:
    everywhere, still = set(lifecycle.states), lifecycle.open_states
    for name, group in (("every state", everywhere), ("every open state", still),
                        ("every closed state", everywhere - still)):
        if command.start == group:
            return name
    return "; ".join(lifecycle.states[state].title for state in lifecycle.states if state in command.start)


def _rows(lifecycle: Lifecycle, roles: Mapping[str, Role]) -> Iterator[str]:
    yield "| command | | from | to | who may | asks for | resident is told |"
    yield "|---|---|---|---|---|---|---|"
    for command in lifecycle.commands.values():
        may = ", ".join(role.title for role in roles.values() if command.permission in role.may)
        fields = ", ".join(f"{one.title}{'' if one.required else '?'}{'*' if one.sealed else ''}"
                           for one in command.fields)
        to = "stays" if command.to == SAME else lifecycle.states[command.to].title
        yield (f"| {command.title} | `{command.id}` | {_from(lifecycle, command)} | {to} | {may} | {fields} | "
               f"{'yes' if command.tells else ''} |")


def page(lifecycle: Lifecycle, roles: Mapping[str, Role]) -> str:
    """The page docs/tickets/lifecycle.md."""
    commands = list(lifecycle.commands.values())
    closed = [state.title for state in lifecycle.states.values() if not state.open]
    return "\n".join([
        HEAD, "## The way", "", diagram(lifecycle, [one for one in commands if not one.more]), "",
        "## Ways aside", "", diagram(lifecycle, [one for one in commands if one.more]), "",
        "## Every command", "", *_rows(lifecycle, roles), "",
        "`?` may be left empty, `*` is kept encrypted. Who may is who has the permission in `config/roles`; a guard "
        "may ask for more.", "", f"Closed: {', '.join(closed)}.", "", *_parts(lifecycle, roles),
    ])


def _parts(lifecycle: Lifecycle, roles: Mapping[str, Role]) -> list[str]:
    """The table of sub-tickets, below that of tickets."""
    if lifecycle.subtickets is None:
        return []
    parts = lifecycle.subtickets
    return ["## Sub-tickets", "", "What a department is asked for; the ticket keeps its state meanwhile.", "",
            diagram(parts, parts.commands.values()), "", *_rows(parts, roles), ""]
