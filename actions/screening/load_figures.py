"""Reads sources, regions, dated figures and documents: whatever a rule may cite or compare with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, require_keys
from actions.screening.fields import day, figure, files, frozen, mapping, named, stem, text
from actions.screening.logic import Interval
from actions.screening.model import Document, Parameter, ParameterRegion, ParameterRow, Region, Source

STATUSES = ("stored_source", "pending", "comparator")


def read_sources(path: Path) -> dict[str, Source]:
    data = load_yaml(path)
    require_keys(path, data, ("sources",))
    found = {}
    for name, entry in mapping(path, data, "sources").items():
        require_keys(path, entry, ("title", "article", "effective_from", "status", "stored", "plain"))
        status = named(path, entry, "status", entry["status"], STATUSES, "status")
        found[str(name)] = Source(
            str(name),
            text(path, entry, "title"),
            text(path, entry, "article"),
            None if entry["effective_from"] is None else day(path, entry, "effective_from").isoformat(),
            status,
            text(path, entry, "plain"),
        )
    return found


def read_regions(path: Path) -> tuple[dict[str, Region], str]:
    data = load_yaml(path)
    require_keys(path, data, ("default", "regions"))
    entries = mapping(path, data, "regions")
    found: dict[str, Region] = {}
    for code, entry in entries.items():
        if not isinstance(code, str):
            raise ConfigError(path, line_of(entries, code), f"the code {code} is a number", f'quote it: "{code}"')
        require_keys(path, entry, ("title", "parent"))
        found[code] = Region(code, text(path, entry, "title"), entry["parent"])
    for code, region in found.items():
        seen = [code]
        while region.parent is not None:
            named(path, entries[region.code], "parent", region.parent, found, "region")
            if region.parent in seen:
                raise ConfigError(
                    path,
                    line_of(entries, code),
                    "regions go in a circle: " + " → ".join(seen + [region.parent]),
                    "give one of them another parent",
                )
            seen.append(region.parent)
            region = found[region.parent]
    return found, named(path, data, "default", data["default"], found, "region")


def read_parameters(folder: Path, sources: Mapping[str, Source], regions: Mapping[str, Region]) -> dict[str, Parameter]:
    found = {}
    for path in files(folder, "parameters"):
        data = load_yaml(path)
        require_keys(path, data, ("id", "title", "unit", "by_region"))
        name = stem(path, data)
        entries = mapping(path, data, "by_region")
        levels = {}
        for code, entry in entries.items():
            if not isinstance(code, str):
                raise ConfigError(path, line_of(entries, code), f"the code {code} is a number", f'quote it: "{code}"')
            named(path, entries, code, code, regions, "region")
            levels[str(code)] = _parameter_region(path, entry, sources)
        found[name] = Parameter(name, text(path, data, "title"), text(path, data, "unit"), frozen(levels))
    return found


def _parameter_region(path: Path, data: Any, sources: Mapping[str, Source]) -> ParameterRegion:
    require_keys(path, data, ("values",), ("expect_next", "while_pending"))
    rows: list[ParameterRow] = []
    for entry in data["values"] or ():
        require_keys(path, entry, ("from", "value", "status"), ("cite",))
        if "cite" not in entry:
            raise ConfigError(path, line_of(entry), "this figure cites no source", "add cite: <id of sources.yaml>")
        cite = named(path, entry, "cite", entry["cite"], sources, "source")
        status = named(path, entry, "status", entry["status"], STATUSES[:2], "status")
        value: Interval | None = None
        if entry["value"] is not None:
            amount = figure(path, entry, "value", entry["value"])
            value = (amount, amount)
        elif status != "pending":
            raise ConfigError(
                path,
                line_of(entry, "value"),
                "no figure, but the status is not pending",
                "write the figure or status: pending",
            )
        rows.append(ParameterRow(day(path, entry, "from"), value, cite, status))
        if len(rows) > 1 and rows[-1].start <= rows[-2].start:
            raise ConfigError(
                path,
                line_of(entry, "from"),
                "the dates must rise from line to line",
                "put the rows in order; two values cannot start on one day",
            )
    if not rows:
        raise ConfigError(path, line_of(data, "values"), "there is no value", "add one with status: pending")
    expect = day(path, data, "expect_next") if data.get("expect_next") else None
    if expect is not None and expect <= rows[-1].start:
        raise ConfigError(
            path,
            line_of(data, "expect_next"),
            "expect_next is not after the last value",
            "write the day from which the last value must be doubted",
        )
    assumed, why = data.get("while_pending"), ""
    band: Interval | None = None
    if assumed:
        require_keys(path, assumed, ("to", "why"))
        top, last = figure(path, assumed, "to", assumed["to"]), rows[-1].value
        if last is None or top < last[0]:
            raise ConfigError(
                path,
                line_of(assumed, "to"),
                "the assumed band lies below the last value",
                "write a figure from the last value up",
            )
        band, why = (last[0], top), text(path, assumed, "why")
    return ParameterRegion(tuple(rows), expect, band, why)


def read_documents(path: Path, sources: Mapping[str, Source]) -> dict[str, Document]:
    data = load_yaml(path)
    require_keys(path, data, ("documents",))
    found = {}
    for name, entry in mapping(path, data, "documents").items():
        require_keys(path, entry, ("title", "cite"))
        found[str(name)] = Document(
            str(name), text(path, entry, "title"), named(path, entry, "cite", entry["cite"], sources, "source")
        )
    return found
