"""Figures of a run: as JSON below build/faults, and as the table of the promise on the screen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

RECOVERY = [("worker", 3), ("courier", 3), ("web", 3), ("redis", 3), ("postgres", 10), ("engine", 45)]


def write_report(folder: Path, found: dict[str, Any]) -> None:
    """One file for each size and seed; the newest run replaces the older one."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = found["plan"]
    path = folder / f"run-{plan['messages']}-{plan['conversations']}-{plan['seed']}.json"
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


def _seconds(values: list[float]) -> str:
    if not values:
        return "not measured"
    return f"{median(values):.2f} s, longest {max(values):.2f} s ({len(values)} times)"


def figures(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(what, measured, reach) of every row."""
    verdict, faults, hang = found["verdict"], found["plan"]["faults"], found["hang"]
    counts = verdict["counts"]
    cut = faults.get("app_hangs_after", 0) + faults.get("app_drops_after", 0)
    rows = [
        ("messages / conversations", f"{counts['messages']} / {counts['conversations']}", ""),
        ("storm", f"{found['seconds']['storm']:.0f} s, {sum(faults.values())} faults", ""),
        ("inbound lost / doubled", f"{len(verdict['lost'])} / {len(verdict['doubled'])}", "0 / 0"),
        ("neither answered nor with a person", str(len(verdict["unanswered"])), "0"),
        ("given to a person after three tries", str(counts["given_to_a_person"]), ""),
        ("replies on Telegram sent / sent twice", f"{counts['deliveries_sent']} / {len(verdict['sent_twice'])}", "– / 0"),
        ("unclear: cut by the app / by a kill", f"{counts['unclear_app']} / {counts['unclear_crash']}",
         f"≤ {cut} / ≤ 4 × {faults.get('courier', 0)} kills"),
        ("unclear and marked at the desk", f"{counts['unclear_at_the_desk']} of {counts['unclear_app'] + counts['unclear_crash']}",
         "all"),
        ("order violated / page differs", f"{len(verdict['order'])} / {len(verdict['page'])}", "0 / 0"),
        ("takeovers / bot after takeover", f"{counts['takeovers']} / {len(verdict['bot_over_person'])}", "– / 0"),
        ("tickets / doubled or missing", f"{counts['tickets']} / {len(verdict['tickets'])}", "– / 0"),
        ("dialogues judged / out of step", f"{counts['judged_in_step']} / {len(verdict['out_of_step'])}", "– / 0"),
    ]
    rows += [(f"recovery of {name}", _seconds(found["recovered"].get(name, [])), f"≤ {reach} s") for name, reach in RECOVERY]
    down = found["down"]
    rows.append(("engine down: accepted", _seconds([pair[0] for pair in down]), "goes on"))
    rows.append(("engine down: safety text there", _seconds([pair[1] for pair in down]), "goes on"))
    if hang is not None:
        rows.append(("a turn hangs: accept", _seconds(hang["accept"]), "< 0.2 s"))
        rows.append(("a turn hangs: takeover", _seconds([hang["take_over"]]), "< 0.2 s"))
    return rows


def print_table(rows: list[tuple[str, str, str]]) -> None:
    """The table, as wide as its words."""
    wide = [max(len(row[place]) for row in rows) for place in range(2)]
    sys.stdout.write("\n\n")
    for what, measured, reach in rows:
        sys.stdout.write(f"  {what:<{wide[0]}}  {measured:<{wide[1]}}  {reach}\n")
    sys.stdout.flush()
