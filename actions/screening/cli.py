"""What the `screen` command prints: one document in, one object out, and the vocabulary of facts and programmes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from actions.language.files import nearest
from actions.screening.ask import Question, choices, next_fact
from actions.screening.evaluate import Screening, evaluate
from actions.screening.model import CHECK, LIKELY, RuleSet
from actions.screening.record import parameter_dict, verdict_dict
from actions.screening.values import ScreenInputError

Json = dict[str, Any]
KEYS = ("as_of", "region", "answers", "id")


def screen_document(doc: Mapping[str, Any], ruleset: RuleSet) -> Json:
    """The `screen` output for one document {as_of, region, answers}. Pure: the day is in the document.

    Raises ScreenInputError (UnknownFact, BadAnswer) with what is wrong and how to mend it: the command's exit 2.
    """
    if not isinstance(doc, Mapping):
        raise ScreenInputError("a document must be a mapping", "write as_of:, region: and answers:")
    for key in doc:
        if key not in KEYS:
            raise ScreenInputError(f"unknown key {key!r}", nearest(str(key), KEYS))
    answers = doc.get("answers")
    if answers is None:
        answers = {}
    if not isinstance(answers, Mapping):
        raise ScreenInputError("answers must be a mapping", "write fact: value pairs below answers:")
    day = _day(doc.get("as_of"))
    region = ruleset.default_region if doc.get("region") is None else str(doc["region"])
    screening = evaluate(ruleset, {str(name): given for name, given in answers.items()}, day, region)
    question = next_fact(ruleset, screening, answers)
    return {
        **({"id": doc["id"]} if "id" in doc else {}),
        "as_of": day.isoformat(),
        "region": region,
        "ruleset": ruleset.version,
        "verdicts": [verdict_dict(ruleset, verdict) for verdict in screening.verdicts],
        "next": None if question is None else question_dict(question),
        "documents": _documents(ruleset, screening),
        "parameters": [parameter_dict(use) for use in screening.parameters],
        "contradictions": contradictions(screening),
    }


def contradictions(screening: Screening) -> list[Json]:
    """Answers that cannot both hold: [{"facts", "ask", "text"}]; the verdicts are judged on them all the same."""
    case = screening.case
    return [
        {"facts": list(entry.facts), "ask": entry.ask, "text": entry.text}
        for entry in screening.ruleset.interview.contradictions
        if entry.when.run(case.values, case.figures, {}) is True
    ]


def question_dict(question: Question) -> Json:
    """A question as JSON: {"fact", "text", "options": [{"id", "title", "value"}], "why"}."""
    return {
        "fact": question.fact,
        "text": question.text,
        "options": [{"id": choice.id, "title": choice.title, "value": choice.value} for choice in question.options],
        "why": question.why,
    }


def facts_vocabulary(ruleset: RuleSet) -> list[Json]:
    """Every fact that may stand under `answers`, with what it takes."""
    return [
        {
            "fact": fact.id,
            "type": fact.type,
            "title": fact.title,
            "topic": fact.topic,
            "unit": fact.unit or None,
            "values": list(fact.options) if fact.options else None,
            "minimum": fact.minimum,
            "maximum": fact.maximum,
            "sensitive": fact.sensitive,
            "text": fact.text,
            "why": fact.why,
            "options": [
                {"id": choice.id, "title": choice.title, "value": choice.value} for choice in choices(ruleset, fact)
            ],
        }
        for fact in ruleset.facts.values()
    ]


def programmes_vocabulary(ruleset: RuleSet) -> list[Json]:
    """Every loaded programme with the periods its rule is known for."""
    return [
        {
            "programme": programme.id,
            "title": programme.title,
            "periods": [
                {
                    "from": period.start.isoformat(),
                    "to": period.end.isoformat() if period.end else None,
                    "cite": ruleset.sources[period.cite].name,
                    "handled_by": period.place,
                }
                for period in programme.periods
            ],
        }
        for programme in ruleset.programmes.values()
    ]


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        what = "as_of is missing" if value is None else f"as_of {value!r} is no date"
        raise ScreenInputError(what, 'write as_of: "2026-11-21"') from None


def _documents(ruleset: RuleSet, screening: Screening) -> list[Json]:
    """What to bring for everything that may fit in this situation, each document once."""
    wanted: dict[str, list[str]] = {}
    for verdict in screening.verdicts:
        fits = verdict.verdict == LIKELY or (verdict.verdict == CHECK and verdict.programme in screening.relevant)
        if fits and verdict.period is not None:
            for name in verdict.period.documents:
                wanted.setdefault(name, []).append(verdict.programme)
    return [
        {
            "id": name,
            "title": ruleset.documents[name].title,
            "programmes": programmes,
            "cite": ruleset.sources[ruleset.documents[name].cite].name,
            "status": ruleset.sources[ruleset.documents[name].cite].status,
        }
        for name, programmes in wanted.items()
    ]
