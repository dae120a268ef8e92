"""The training utterances: known intents, no doubles, no near-doubles across intents, nothing personal."""
from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

from tests.house.files import ROOT

# DESIGN 4; what the dialogue itself needs is read from its domain
INTENTS = frozenset("""
    ask_temporary_assistance ask_subsistence_allowance ask_destitute_support ask_disability_subsidy ask_child_support
    ask_homeless_help ask_disaster_relief ask_medical_aid ask_education_aid ask_housing_aid ask_employment_aid
    ask_elderly_care ask_mental_health report_for_other report_abuse report_fraud check_progress complain_delay
    complain_unfair give_suggestion ask_policy_standard ask_documents ask_where_to_apply request_human greet thanks
    out_of_scope""".split())
MOST_ALIKE = 0.10  # of an intent's utterances may have a near-double in the same intent
ALIKE = 0.8        # Jaccard of character trigrams

NUMBERS = {
    "mobile number": re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)"),
    "identity number": re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)"),
    "card number": re.compile(r"(?<!\d)\d{16,19}(?!\d)"),
    "telephone number": re.compile(r"(?<!\d)0\d{2,3}[- ]?\d{7,8}(?!\d)"),
}


class Example(NamedTuple):
    """One training utterance and where it stands."""

    intent: str
    text: str
    where: str


def examples_of(source: str, name: str) -> Iterator[Example]:
    """The utterances of one file with their lines; annotations are taken off."""
    intent = None
    for number, line in enumerate(source.splitlines(), 1):
        head = re.match(r"\s*-?\s*(intent|lookup|synonym|regex):\s*(\S+)", line)
        if head:
            intent = head[2] if head[1] == "intent" else None
            continue
        item = re.match(r"\s+-(?:\s+(.*))?$", line)
        if item and intent:
            text = re.sub(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})", r"\1", item[1] or "").strip()
            yield Example(intent, text, f"{name}:{number}")


@lru_cache(None)
def examples() -> tuple[Example, ...]:
    """Every utterance of nlu_data."""
    files = sorted((ROOT / "nlu_data").rglob("*.yml"))
    return tuple(example for path in files
                 for example in examples_of(path.read_text("utf-8"), str(path.relative_to(ROOT))))


def plain(text: str) -> str:
    """What is compared: without spaces and punctuation, small letters."""
    return re.sub(r"[\W_]+", "", text).lower()


def trigrams(text: str) -> frozenset[str]:
    """The character trigrams of a plain text; a shorter text is its own only gram."""
    return frozenset(text[i:i + 3] for i in range(len(text) - 2)) or frozenset([text])


def alike(texts: list[str], least: float = ALIKE) -> list[tuple[int, int]]:
    """Pairs of positions whose trigram Jaccard is at least `least`.

    Prefix filter: two such sets share one of the rarest grams of each, so only those few are indexed.
    """
    grams = [trigrams(text) for text in texts]
    count = Counter(gram for one in grams for gram in one)
    index: dict[str, list[int]] = defaultdict(list)
    pairs = []
    for position, own in enumerate(grams):
        rarest = sorted(own, key=lambda gram: (count[gram], gram))
        prefix = rarest[:len(own) - int(-(-len(own) * least // 1)) + 1]
        candidates = {other for gram in prefix for other in index[gram]}
        for other in candidates:
            theirs = grams[other]
            if len(own & theirs) >= least * len(own | theirs):
                pairs.append((other, position))
        for gram in prefix:
            index[gram].append(position)
    return sorted(pairs)


def known_intents() -> frozenset[str]:
    """DESIGN 4 and the intents of the dialogue's domain."""
    own = set()
    for path in (ROOT / "bot" / "dialogue" / "domain").glob("*.yml"):
        for entry in (YAML(typ="safe").load(path.read_text("utf-8")) or {}).get("intents", []):
            own.add(entry if isinstance(entry, str) else next(iter(entry)))
    return INTENTS | own


def test_the_files_are_read_as_rasa_reads_them() -> None:
    counted: Counter[str] = Counter()
    for path in (ROOT / "nlu_data").rglob("*.yml"):
        for entry in (YAML(typ="safe").load(path.read_text("utf-8")) or {}).get("nlu", []):
            if "intent" in entry:
                counted[entry["intent"]] += sum(line.startswith("-") for line in entry["examples"].splitlines())
    assert counted == Counter(example.intent for example in examples())


def test_every_intent_is_known() -> None:
    known = known_intents()
    assert [f"{example.where}: {example.intent}" for example in examples() if example.intent not in known] == []


def test_every_intent_has_utterances() -> None:
    assert len(examples()) > 2000
    counted = Counter(example.intent for example in examples())
    assert {intent: counted[intent] for intent in INTENTS if counted[intent] < 40} == {}


def test_no_utterance_is_blank() -> None:
    # a text without letters or digits may be training for noise; one without anything crashes the classifier
    assert [example.where for example in examples() if not example.text.strip()] == []


def test_no_utterance_stands_twice() -> None:
    places = defaultdict(list)
    for example in examples():
        places[plain(example.text) or example.text].append(example)
    twice = [" = ".join(f"{one.where} ({one.intent})" for one in same) for same in places.values() if len(same) > 1]
    assert twice == [], "\n".join(twice)


def test_near_doubles() -> None:
    everything = [example for example in examples() if plain(example.text)]
    pairs = alike([plain(example.text) for example in everything])
    across = [f"{everything[a].where} ({everything[a].intent}) ~ {everything[b].where} ({everything[b].intent})"
              for a, b in pairs if everything[a].intent != everything[b].intent]
    assert across == [], "two intents teach nearly the same words:\n" + "\n".join(across)
    total = Counter(example.intent for example in everything)
    doubled: dict[str, set[int]] = defaultdict(set)
    for _, later in pairs:
        doubled[everything[later].intent].add(later)
    too_many = {intent: f"{len(some)} of {total[intent]}" for intent, some in doubled.items()
                if len(some) > MOST_ALIKE * total[intent]}
    assert too_many == {}


@pytest.mark.parametrize("kind", sorted(NUMBERS))
def test_no_number_of_a_person(kind: str) -> None:
    assert [example.where for example in examples() if NUMBERS[kind].search(example.text)] == []


@pytest.mark.measure
def test_nothing_is_copied_from_the_measure() -> None:
    shared = os.environ.get("YOUMEN_SHARED")
    path = Path(shared or "/nonexistent") / "data" / "utterances_dev.jsonl"
    if not path.exists():
        pytest.skip("the measuring data are not here (YOUMEN_SHARED)")
    measured = [plain(json.loads(line)["text"]) for line in path.read_text("utf-8").splitlines() if line.strip()]
    measured = [text for text in measured if len(text) >= 8]  # a greeting is nobody's own
    own = [example for example in examples() if len(plain(example.text)) >= 8]
    pairs = alike([plain(example.text) for example in own] + measured)
    assert [own[a].where for a, b in pairs if a < len(own) <= b] == []


def test_likeness_is_what_it_says() -> None:
    # by hand: abcdef has abc bcd cde def, abcdeg has abc bcd cde deg: 3 of 5
    assert alike(["abcdef", "abcdeg"], 0.6) == [(0, 1)]
    assert alike(["abcdef", "abcdeg"], 0.61) == []
    texts = [example.text for example in examples()][:300]
    slow = [(a, b) for b in range(len(texts)) for a in range(b)
            if len(trigrams(texts[a]) & trigrams(texts[b])) >= 0.5 * len(trigrams(texts[a]) | trigrams(texts[b]))]
    assert alike(texts, 0.5) == sorted(slow)


def test_annotations_and_blanks_are_read() -> None:
    source = 'nlu:\n- intent: greet\n  examples: |\n    - 在[龙溪](event){"role": 1}吗\n    - \n    -\n- lookup: x\n  examples: |\n    - y\n'
    assert [(example.text, example.where) for example in examples_of(source, "f")] == [
        ('在龙溪{"role": 1}吗', "f:4"), ("", "f:5"), ("", "f:6")]
