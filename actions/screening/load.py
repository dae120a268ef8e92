"""Reads and checks all of config/screening: one wrong name, figure or date and nothing is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.screening.fields import frozen, mapping
from actions.screening.load_facts import read_facts
from actions.screening.load_figures import read_documents, read_parameters, read_regions, read_sources
from actions.screening.load_interview import read_interview
from actions.screening.load_programmes import PLACEHOLDER, in_order, read_programmes
from actions.screening.model import Fact, RuleSet

CONFIG = Path(__file__).resolve().parents[2] / "config" / "screening"
WORDING = {  # sections and entries wording.yaml must have; the frames' placeholders are checked below
    "answers": (
        "unsure",
        "declined",
        "yes",
        "no",
        "negations",
        "questions",
        "starters",
        "endings",
        "short",
        "unsure_title",
        "declined_title",
    ),
    "counting": (),
    "explain": (
        "verdicts",
        "sentence",
        "sentence_likely",
        "sentence_check",
        "sentence_nothing",
        "between",
        "because",
        "parameter",
        "parameter_pending",
        "parameter_missing",
        "where",
        "documents",
        "clerk_check",
        "missing",
        "missing_parameter",
        "flip",
        "already",
    ),
    "narrow": ("band", "reach", "exceed", "yes", "no"),
    "read_back": ("band", "from_only", "to_only", "count_from", "count_to", "date", "date_band", "unsure", "declined"),
}
FRAMES = {
    "sentence": {"likely", "check"},
    "sentence_likely": {"titles"},
    "sentence_check": {"titles"},
    "because": {"facts", "cite"},
    "parameter": {"title", "value", "unit", "cite", "from"},
    "parameter_pending": {"title", "value", "unit", "cite", "from"},
    "parameter_missing": {"title"},
    "where": {"text", "cite"},
    "documents": {"titles"},
    "clerk_check": {"what", "cite"},
    "missing": {"titles"},
    "missing_parameter": {"title"},
    "flip": {"fact", "title", "verdict"},
    "already": {"titles"},
    "reach": {"title", "value", "unit"},
    "exceed": {"title", "value", "unit"},
    "band": {"from", "to", "unit", "title"},
    "from_only": {"from", "unit"},
    "to_only": {"to", "unit"},
    "count_from": {"from"},
    "count_to": {"to"},
    "date": {"year", "month", "day"},
    "date_band": {"from", "to"},
    "unsure": {"title"},
    "declined": {"title"},
}


def load_ruleset(folder: Path = CONFIG) -> RuleSet:
    """The checked rule set of a folder. ConfigError names file, line, what is wrong and how to mend it."""
    if not folder.is_dir():
        raise ConfigError(folder, None, "the folder is missing", "restore it from version control")
    regions, default_region = read_regions(folder / "regions.yaml")
    sources = read_sources(folder / "sources.yaml")
    facts = read_facts(folder)
    parameters = read_parameters(folder, sources, regions)
    documents = read_documents(folder / "documents.yaml", sources)
    programmes, lines = read_programmes(folder, facts, sources, parameters, documents)
    return RuleSet(
        version=_version(folder),
        facts=frozen(facts),
        sources=frozen(sources),
        parameters=frozen(parameters),
        programmes=frozen(programmes),
        order=in_order(programmes, lines),
        documents=frozen(documents),
        regions=frozen(regions),
        default_region=default_region,
        interview=read_interview(folder, facts, sources, parameters),
        wording=_wording(folder / "wording.yaml", facts),
    )


def _version(folder: Path) -> str:
    """A hash of names and contents: two folders with the same bytes are the same rules."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.yaml")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _wording(path: Path, facts: Mapping[str, Fact]) -> Mapping[str, Any]:
    data = load_yaml(path)
    require_keys(path, data, WORDING)
    for section, entries in WORDING.items():
        if entries:
            require_keys(path, data[section], entries)
        for key, value in mapping(path, data, section).items():
            allowed = FRAMES.get(str(key), set()) if section in ("explain", "read_back", "narrow") else set()
            for placeholder in PLACEHOLDER.findall(value) if isinstance(value, str) else ():
                if placeholder not in allowed:
                    raise ConfigError(
                        path,
                        line_of(data[section], key),
                        f"{{{placeholder}}} cannot be filled in {key}",
                        "allowed are: " + ", ".join(sorted(allowed)),
                    )
    counted = {fact.counts for fact in facts.values() if fact.counts}
    for name in sorted(counted - set(data["counting"])):
        raise ConfigError(
            path,
            line_of(data, "counting"),
            f"there are no words for counting {name!r}",
            nearest(name, data["counting"]),
        )
    return frozen({section: _plain(data[section]) for section in data})


def _plain(value: Any) -> Any:
    """Round-trip YAML as plain read-only Python."""
    if isinstance(value, dict):
        return MappingProxyType({str(key): _plain(entry) for key, entry in value.items()})
    if isinstance(value, list):
        return tuple(_plain(entry) for entry in value)
    return value
