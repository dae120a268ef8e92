"""The decision record: everything needed to show later why a case was judged so, and to judge it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from actions.screening.evaluate import Screening, Verdict, evaluate
from actions.screening.model import ParameterUse, RuleSet
from actions.screening.values import Answer, plain

Json = dict[str, Any]


def decision_record(screening: Screening, questions: Iterable[Mapping[str, Any]] = ()) -> Json:
    """The record of one screening, JSON-able: rule-set hash, day, region, answers with where they come from, figures
    with their sources, verdicts. `questions`: what was asked in which order, as the conversation kept it."""
    return {
        "kind": "screening",
        "ruleset": screening.ruleset.version,
        "as_of": screening.as_of.isoformat(),
        "region": screening.region,
        "answers": {
            name: _answer(answer, screening.settled.shown[name]) for name, answer in screening.settled.answers.items()
        },
        "parameters": [parameter_dict(use) for use in screening.parameters],
        "verdicts": [verdict_dict(screening.ruleset, verdict) for verdict in screening.verdicts],
        "questions": [dict(question) for question in questions],
    }


def replay(ruleset: RuleSet, record: Mapping[str, Any]) -> list[Json]:
    """Judges the recorded case again with these rules: [{"path", "then", "now"}], empty if nothing differs.

    Raises ScreenInputError if the record names a fact or region these rules no longer know.
    """
    answers = {
        name: Answer(name, kept["value"], kept["how"], kept["confidence"], kept["text"], kept["at"])
        for name, kept in record["answers"].items()
    }
    again = decision_record(evaluate(ruleset, answers, date.fromisoformat(record["as_of"]), record["region"]))
    return [
        difference
        for key in ("ruleset", "parameters", "verdicts")
        for difference in _differences(key, _by_id(record[key]), _by_id(again[key]))
    ]


def verdict_dict(ruleset: RuleSet, verdict: Verdict) -> Json:
    """A verdict as the `screen` command prints it (absent values are null)."""
    return {
        "programme": verdict.programme,
        "verdict": verdict.verdict,
        "because": [
            {
                "fact": reason.fact,
                "value": reason.value,
                "cite": ruleset.sources[reason.cite].name,
                "source": reason.cite,
                "parameter": reason.parameter,
            }
            for reason in verdict.because
        ],
        "missing": [
            {"fact": missing.fact, "reason": missing.reason, "what": missing.what, "parameter": missing.parameter}
            for missing in verdict.missing
        ],
        "flip": [{"fact": flip.fact, "value": flip.value, "to": flip.to} for flip in verdict.flip],
    }


def parameter_dict(use: ParameterUse) -> Json:
    """A figure as used: money and dates as strings; `compared` is the band compared with while it is pending."""
    return {
        "id": use.id,
        "title": use.title,
        "unit": use.unit,
        "region": use.region,
        "status": use.status,
        "value": None if use.last is None else format(use.last[0], "f"),
        "compared": None if use.value is None else {"from": plain(use.value[0]), "to": plain(use.value[1])},
        "from": None if use.start is None else use.start.isoformat(),
        "source": use.cite,
        "why": use.why or None,
    }


def _answer(answer: Answer, shown: Any) -> Json:
    return {"value": shown, "how": answer.how, "confidence": answer.confidence, "text": answer.text, "at": answer.at}


def _by_id(value: Any) -> Any:
    """Lists of programmes and figures as mappings, so that a difference names the programme and not a number."""
    if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        for key in ("programme", "id"):
            if all(key in entry for entry in value):
                return {entry[key]: entry for entry in value}
    return value


def _differences(path: str, then: Any, now: Any) -> list[Json]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return [
            difference
            for key in dict.fromkeys([*then, *now])
            for difference in _differences(f"{path}.{key}", then.get(key), now.get(key))
        ]
    return [] if then == now else [{"path": path, "then": then, "now": now}]
