"""Reads the bank of facts: config/screening/facts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, require_keys
from actions.screening.fields import figure, files, frozen, mapping, named, number, text, whole, words
from actions.screening.model import DATE, MEASURES, ONE_OF, SOME_OF, TYPES, YES_NO, Band, Fact, Option


def read_facts(folder: Path) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    origin: dict[str, tuple[Path, Any]] = {}
    for path in files(folder, "facts"):
        data = load_yaml(path)
        require_keys(path, data, ("topic", "facts"))
        topic = text(path, data, "topic")
        for name, entry in mapping(path, data, "facts").items():
            if name in facts:
                raise ConfigError(
                    path,
                    line_of(data["facts"], name),
                    f"fact {name!r} is already in {origin[name][0].name}",
                    "keep one of the two",
                )
            facts[name] = _fact(path, str(name), topic, entry)
            origin[name] = (path, entry)
    for name, fact in facts.items():
        path, entry = origin[name]
        for other in fact.also_hears:
            named(path, entry, "also_hears", other, facts, "fact")
    return facts


def _fact(path: Path, name: str, topic: str, data: Any) -> Fact:
    require_keys(
        path,
        data,
        ("type", "title", "text", "why", "reads", "cost", "sensitivity"),
        (
            "unit",
            "options",
            "none",
            "bands",
            "minimum",
            "maximum",
            "says",
            "zero",
            "counts",
            "also_hears",
            "buttons",
            "period",
            "negations",
        ),
    )
    kind = named(path, data, "type", data["type"], TYPES, "type")
    sensitivity = named(path, data, "sensitivity", data["sensitivity"], ("plain", "sensitive"), "sensitivity")
    cost = number(path, data, "cost")
    if cost <= 0:
        raise ConfigError(path, line_of(data, "cost"), "cost must be above 0", "1 is a plain yes or no")
    if kind in (ONE_OF, SOME_OF) and not data.get("options"):
        raise ConfigError(path, line_of(data), f"{name} is {kind} but has no options", "add options: …")
    if kind not in (ONE_OF, SOME_OF) and data.get("options"):
        raise ConfigError(path, line_of(data, "options"), f"{name} is {kind} and can have no options", "remove them")
    options = {
        str(key): _option(path, str(key), entry)
        for key, entry in (mapping(path, data, "options").items() if data.get("options") else ())
    }
    says = mapping(path, data, "says") if data.get("says") else {}
    if says:
        require_keys(path, says, (), ("yes", "no"))
    return Fact(
        id=name,
        type=kind,
        topic=topic,
        title=text(path, data, "title"),
        text=text(path, data, "text"),
        why=text(path, data, "why"),
        reads=_reads(path, name, kind, data),
        buttons=_buttons(path, name, kind, data),
        cost=cost,
        sensitive=sensitivity == "sensitive",
        unit=str(data.get("unit") or ""),
        options=frozen(options),
        period=""
        if data.get("period") is None
        else named(path, data, "period", data["period"], ("month", "year"), "period"),
        nothing=_option(path, "none", data["none"]) if data.get("none") else None,
        bands=tuple(_band(path, band, DATE if kind == DATE else kind) for band in data.get("bands") or ()),
        minimum=whole(path, data, "minimum"),
        maximum=whole(path, data, "maximum"),
        says=frozen({key: words(path, says, key) for key in says}),
        zero=words(path, data, "zero"),
        negations=words(path, data, "negations"),
        counts=str(data.get("counts") or ""),
        also_hears=words(path, data, "also_hears"),
    )


def _reads(path: Path, name: str, kind: str, data: Any) -> Mapping[str, str]:
    reads = data["reads"]
    if kind == YES_NO:
        require_keys(path, reads, ("yes", "no"))
        return frozen({"yes": text(path, reads, "yes"), "no": text(path, reads, "no")})
    if "{value}" not in text(path, data, "reads"):
        raise ConfigError(path, line_of(data, "reads"), f"reads of {name} has no {{value}}", "say where it goes")
    return frozen({"value": str(reads)})


def _buttons(path: Path, name: str, kind: str, data: Any) -> Mapping[str, str]:
    if (kind == YES_NO) != bool(data.get("buttons")):
        raise ConfigError(
            path,
            line_of(data),
            f"{name} is {kind}: only and every yes_no fact has buttons",
            "write buttons: {yes: …, no: …}, or remove them",
        )
    if kind != YES_NO:
        return frozen({})
    require_keys(path, data["buttons"], ("yes", "no"))
    return frozen({key: text(path, data["buttons"], key) for key in ("yes", "no")})


def _option(path: Path, name: str, data: Any) -> Option:
    require_keys(path, data, ("title",), ("reads", "says", "offered"))
    title = text(path, data, "title")
    return Option(
        name, title, str(data.get("reads") or title), words(path, data, "says"), data.get("offered", True) is not False
    )


def _band(path: Path, data: Any, kind: str) -> Band:
    require_keys(path, data, ("title", "from", "to"))
    if kind not in MEASURES:
        raise ConfigError(path, line_of(data), f"a {kind} fact has no bands", "remove them")
    low, high = (None if data[key] is None else figure(path, data, key, data[key]) for key in ("from", "to"))
    if low is not None and high is not None and low > high:
        raise ConfigError(path, line_of(data), "the band ends before it begins", "swap from and to")
    return Band(text(path, data, "title"), None if low is None else str(low), None if high is None else str(high))
