"""Reads the programmes: their periods, conditions, words, and the order in which they are judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.screening import conditions as c
from actions.screening.fields import day, figure, files, frozen, named, number, stem, text
from actions.screening.logic import COMPARISONS
from actions.screening.model import (
    DATE,
    GUIDANCE,
    MEASURES,
    ONE_OF,
    RULE,
    SOME_OF,
    YES_NO,
    Check,
    Document,
    Fact,
    Parameter,
    Period,
    Programme,
    Source,
)

PLACES = ("event", "household", "residence", "hospital", "none")
SHARED = "conditions.yaml"
PLACEHOLDER = re.compile(r"\{(\w*)\}")


class Parser:
    """Turns the `when` of one file into conditions; it knows every name that may be used."""

    def __init__(
        self,
        path: Path,
        facts: Mapping[str, Fact],
        sources: Mapping[str, Source],
        parameters: Mapping[str, Parameter],
        programmes: Iterable[str],
        shared: Mapping[str, Any],
    ) -> None:
        self.path, self.facts, self.sources, self.parameters = path, facts, sources, parameters
        self.shared = shared
        self.programmes = set(programmes)
        self.references: dict[str, int] = {}  # programme referred to → line
        self.cited_one_by_one = True  # every figure names its own source, also where its group names one

    def node(self, data: Any, cite: str | None = None) -> c.Node:
        kinds = ("all", "any", "not", "fact", "programme", "clerk", "use")
        if not isinstance(data, dict):
            raise self.error(data, None, "a condition must be a mapping", "write one of: " + ", ".join(kinds))
        kind = next((name for name in kinds if name in data), None)
        if kind is None:
            word = next(iter(data), "")
            raise self.error(data, word, f"unknown condition {word!r}", nearest(str(word), kinds))
        if "cite" in data:
            cite = named(self.path, data, "cite", data["cite"], self.sources, "source")
        if kind in ("all", "any"):
            require_keys(self.path, data, (kind,), ("cite",))
            if not isinstance(data[kind], list) or not data[kind]:
                raise self.error(data, kind, f"{kind} holds no condition", "list at least one below it")
            children = tuple(self.node(child, cite) for child in data[kind])
            return c.make_all(children) if kind == "all" else c.make_any(children)
        if kind == "not":
            require_keys(self.path, data, (kind,), ("cite",))
            return c.make_not(self.node(data[kind], cite))
        if cite is None:
            raise self.error(data, kind, "this condition cites no article", "add cite: <id of sources.yaml>")
        if kind == "use":
            return self.shared_node(data, cite)
        if kind == "clerk":
            require_keys(self.path, data, (kind,), ("cite",))
            return c.make_clerk(text(self.path, data, kind), cite)
        if kind == "programme":
            require_keys(self.path, data, (kind,), ("cite",))
            name = named(self.path, data, kind, data[kind], self.programmes, "programme")
            self.references.setdefault(name, line_of(data, kind) or 0)
            return c.make_programme(name, cite)
        return self.leaf(data, cite)

    def shared_node(self, data: Any, cite: str) -> c.Node:
        """A condition several programmes share, each citing its own article for it."""
        require_keys(self.path, data, ("use",), ("cite",))
        name = named(self.path, data, "use", data["use"], self.shared, "shared condition")
        here, self.path = self.path, self.path.parent.parent / SHARED
        try:
            return self.node(self.shared[name], cite)
        finally:
            self.path = here

    def leaf(self, data: Any, cite: str) -> c.Node:
        fact = self.facts[named(self.path, data, "fact", data["fact"], self.facts, "fact")]
        if fact.type in (YES_NO, ONE_OF):
            operators: tuple[str, ...] = ("is", "in")
        elif fact.type == SOME_OF:
            operators = ("has", "has_any", "has_all")
        else:
            operators = tuple(COMPARISONS)
        measured = fact.type not in (YES_NO, ONE_OF, SOME_OF)
        require_keys(self.path, data, ("fact",), ("cite", *operators, *(("per",) if measured else ())))
        used = [name for name in operators if name in data]
        if len(used) != 1:
            raise self.error(data, "fact", f"{fact.id} needs exactly one of {', '.join(operators)}", "add or remove")
        operator = used[0]
        if not measured:
            given = data[operator] if operator in ("in", "has_any", "has_all") else [data[operator]]
            if not isinstance(given, list) or not given:
                raise self.error(data, operator, f"{operator} needs a list", "write [a, b]")
            values = frozenset(self.choice(data, operator, fact, value) for value in given)
            if fact.type == SOME_OF:
                return c.make_has(fact.id, values, operator == "has_all", cite)
            return c.make_is_in(fact.id, values, cite)
        if "cite" not in data and self.cited_one_by_one:
            raise self.error(data, operator, "this figure cites no source", "add cite: <id of sources.yaml>")
        per = None
        if data.get("per") is not None:
            per = named(self.path, data, "per", data["per"], self.facts, "fact")
            if self.facts[per].type not in MEASURES:
                raise self.error(data, "per", f"{per} is no number", "name a fact of type number or money")
        return c.make_compare(fact.id, per, operator, self.threshold(data, operator, fact), cite)

    def choice(self, data: Any, key: str, fact: Fact, value: Any) -> Any:
        if fact.type == YES_NO:
            if not isinstance(value, bool):
                raise self.error(data, key, f"{fact.id} is true or false, not {value!r}", "write true or false")
            return value
        return named(self.path, data, key, value, fact.options, f"option of {fact.id}")

    def threshold(self, data: Any, key: str, fact: Fact) -> c.Threshold:
        value = data[key]
        if isinstance(value, dict):
            require_keys(self.path, value, ("param",), ("times",))
            param = named(self.path, value, "param", value["param"], self.parameters, "parameter")
            if isinstance(value.get("times"), dict):
                factor = value["times"]
                require_keys(self.path, factor, ("param",))
                named(self.path, factor, "param", factor["param"], self.parameters, "parameter")
                return c.Threshold(param=param, times_param=str(factor["param"]))
            times = figure(self.path, value, "times", value.get("times", 1))
            return c.Threshold(param=param, times=(1, 1) if times == 1 else (times, times))
        if fact.type == DATE:
            ordinal = day(self.path, data, key).toordinal()
            return c.Threshold(literal=(ordinal, ordinal))
        amount = figure(self.path, data, key, value)
        return c.Threshold(literal=(amount, amount))

    def error(self, data: Any, key: Any, what: str, mend: str) -> ConfigError:
        return ConfigError(self.path, line_of(data, key), what, mend)


def read_programmes(
    folder: Path,
    facts: Mapping[str, Fact],
    sources: Mapping[str, Source],
    parameters: Mapping[str, Parameter],
    documents: Mapping[str, Document],
) -> tuple[dict[str, Programme], dict[str, tuple[Path, dict[str, int]]]]:
    paths = files(folder, "programmes")
    names = [path.stem for path in paths]
    shared = load_yaml(folder / SHARED)
    programmes, lines = {}, {}
    for path in paths:
        data = load_yaml(path)
        require_keys(path, data, ("id", "title", "periods"), ("weight", "kind", "relevant"))
        name = stem(path, data)
        kind = named(path, data, "kind", data.get("kind", RULE), (RULE, GUIDANCE), "kind")
        parser = Parser(path, facts, sources, parameters, names, shared)
        if not isinstance(data["periods"], list) or not data["periods"]:
            raise ConfigError(path, line_of(data, "periods"), "there is no period", "add one with from: and when:")
        periods: list[Period] = []
        for entry in data["periods"]:
            period = _period(path, entry, parser, documents)
            if periods:
                previous = periods[-1]
                if period.start <= previous.start or (previous.end is not None and period.start <= previous.end):
                    raise ConfigError(
                        path,
                        line_of(entry, "from"),
                        "this period overlaps the one before",
                        "put the periods in order and end the earlier one first",
                    )
                if previous.end is None:  # an open period ends the day before the next law
                    periods[-1] = replace(previous, end=period.start - timedelta(days=1))
            periods.append(period)
        weight = number(path, data, "weight") if "weight" in data else 0.0 if kind == GUIDANCE else 1.0
        if kind == GUIDANCE and weight > 0:
            raise ConfigError(
                path, line_of(data, "weight"), "guidance is no right: nobody is asked for it", "remove weight"
            )
        relevant = _relevant(path, data["relevant"], parser, periods[-1].cite) if "relevant" in data else None
        programmes[name] = Programme(name, text(path, data, "title"), weight, tuple(periods), kind, relevant)
        lines[name] = (path, parser.references)
    return programmes, lines


def _relevant(path: Path, data: Any, parser: Parser, cite: str) -> c.Node:
    """When a programme is worth asking about: facts only, and no article, for it decides nothing."""
    parser.cited_one_by_one = False
    node = parser.node(data, cite)
    parser.cited_one_by_one = True
    for part in c.walk(node):
        if isinstance(part, (c.ProgrammeRef, c.Clerk)):
            raise ConfigError(
                path, line_of(data), "relevant looks at facts only", "take programmes and clerk judgements out"
            )
    return node


def _period(path: Path, data: Any, parser: Parser, documents: Mapping[str, Document]) -> Period:
    require_keys(path, data, ("from", "cite", "when", "handled_by", "say"), ("to", "verify", "documents", "figures"))
    start, end = day(path, data, "from"), day(path, data, "to") if data.get("to") else None
    if end is not None and end < start:
        raise ConfigError(path, line_of(data, "to"), "the period ends before it begins", "swap from and to")
    checks = []
    for entry in data.get("verify") or ():
        require_keys(path, entry, ("text", "cite"), ("param",))
        param = entry.get("param")
        checks.append(
            Check(
                text(path, entry, "text"),
                named(path, entry, "cite", entry["cite"], parser.sources, "source"),
                None if param is None else named(path, entry, "param", param, parser.parameters, "parameter"),
            )
        )
    handled = data["handled_by"]
    require_keys(path, handled, ("place", "text", "cite"))
    say = data["say"]
    require_keys(path, say, ("likely", "check", "less"))
    for key in say:
        for placeholder in PLACEHOLDER.findall(text(path, say, key)):
            if (key, placeholder) != ("check", "missing"):
                raise ConfigError(
                    path,
                    line_of(say, key),
                    f"{{{placeholder}}} cannot be filled in {key}",
                    "only check may use {missing}",
                )
    listed, paid = data.get("documents") or [], data.get("figures") or []
    return Period(
        start,
        end,
        named(path, data, "cite", data["cite"], parser.sources, "source"),
        parser.node(data["when"]),
        tuple(checks),
        named(path, handled, "place", handled["place"], PLACES, "place"),
        text(path, handled, "text"),
        named(path, handled, "cite", handled["cite"], parser.sources, "source"),
        frozen({key: str(say[key]) for key in say}),
        tuple(named(path, listed, index, name, documents, "document") for index, name in enumerate(listed)),
        tuple(named(path, paid, index, name, parser.parameters, "parameter") for index, name in enumerate(paid)),
    )


def in_order(programmes: Mapping[str, Programme], lines: Mapping[str, tuple[Path, dict[str, int]]]) -> tuple[str, ...]:
    """Programmes after those they refer to. A circle is refused with its path."""
    order: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in order:
            return
        path, references = lines[name]
        for other, line in references.items():
            if other in (*trail, name):
                circle = (*trail, name)[(*trail, name).index(other) :] + (other,)
                raise ConfigError(
                    path,
                    line,
                    "programmes refer to one another in a circle: " + " → ".join(circle),
                    "take one of these references out",
                )
            visit(other, (*trail, name))
        order.append(name)

    for name in programmes:
        visit(name, ())
    return tuple(order)
