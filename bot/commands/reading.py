"""understand, route, screen, due: what the hotline reads out of a text or a case. They change nothing."""

from __future__ import annotations

import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.commands.records import BadInput, read_text, records, say, text_of, write
from bot.settings import Settings

if TYPE_CHECKING:
    from actions.screening.model import RuleSet


def _today() -> date:
    from actions.due.clock import SHANGHAI

    return datetime.now(SHANGHAI).date()


def _day(text: str | None) -> date:
    if text is None:
        return _today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no date: write YYYY-MM-DD") from None


@click.command()
@click.argument("source", required=False)
@click.option("--as-of", help="The day on which the question is asked (YYYY-MM-DD).")
@click.option("--why", is_flag=True, help="Also say what decided.")
@click.pass_obj
def route(settings: Settings, source: str | None, as_of: str | None, why: bool) -> None:
    """Which township answers for the place of the emergency."""
    from actions.places.cli import route_record
    from actions.places.gazetteer import load_gazetteer

    gazetteer, day = load_gazetteer(settings.config / "places"), _day(as_of)
    for record in records(source):
        text_of(record)
        write(route_record(record, gazetteer, day, why))


@click.command()
@click.option(
    "--rule", help="A rule of config/service_levels or working_days:10, days:3, hours:24, office_minutes:180."
)
@click.option("--from", "start", help="When the clock starts (ISO 8601 with offset).")
@click.option("--unit", help="Unit whose own rules apply.")
@click.option("--pause", nargs=3, multiple=True, metavar="FROM TO REASON", help="A pause for a named reason.")
@click.argument("source", required=False)
@click.pass_obj
def due(
    settings: Settings,
    rule: str | None,
    start: str | None,
    unit: str | None,
    pause: tuple[tuple[str, str, str], ...],
    source: str | None,
) -> None:
    """When something is due, and why."""
    from actions.due.calendar import load_calendar
    from actions.due.cli import due_record
    from actions.due.rules import DueError, load_rules
    from actions.language.files import nearest

    if (rule is None) != (start is None):
        raise click.UsageError("give --rule and --from together, or JSON Lines on standard input")
    calendar, rules = load_calendar(settings.config / "calendar"), load_rules(settings.config / "service_levels")
    units: dict[str, str] = {}

    def unit_id(said: str | None) -> str | None:
        """A unit by its id or official name. The tables of places are read only for somebody who names one."""
        if said is None:
            return None
        if not units:
            from actions.places.gazetteer import load_gazetteer

            gazetteer = load_gazetteer(settings.config / "places")
            units.update({gazetteer.units[one].name: one for one in gazetteer.served})
            units.update({one: one for one in gazetteer.served})
        if said not in units:
            raise click.UsageError(f"unknown unit {said!r}: {nearest(said, units)}")
        return units[said]

    try:
        if rule is not None and start is not None:
            write(due_record(rule, start, unit_id(unit), list(pause), calendar, rules))
            return
        for number, record in enumerate(records(source), 1):
            if not {"rule", "from"} <= record.keys():
                raise BadInput(
                    source or "stdin", number, "has no rule and from", 'write {"rule": "days:3", "from": "…"}'
                )
            begin, pauses = str(record["from"]), record.get("pauses") or []
            result = due_record(str(record["rule"]), begin, unit_id(record.get("unit")), pauses, calendar, rules)
            write({**({"id": record["id"]} if "id" in record else {}), **result})
    except DueError as error:
        raise click.UsageError(str(error)) from None


@click.command()
@click.argument("source", required=False)
@click.argument("base", required=False)
@click.option("--save", "save_to", type=click.Path(path_type=Path, dir_okay=False), help="Keep the interview here.")
@click.option("--as-of", "as_of", help="Day of the case (interview, diff); today if not given.")
@click.option("--facts", is_flag=True, help="Print the fact vocabulary.")
@click.option("--programmes", is_flag=True, help="Print the programmes.")
@click.pass_obj
def screen(
    settings: Settings,
    source: str | None,
    base: str | None,
    save_to: Path | None,
    as_of: str | None,
    facts: bool,
    programmes: bool,
) -> None:
    """Which help may fit: YAML documents in, verdicts out. Without a file on a terminal: an interview.

    `screen check` proves the rules; `screen diff BASE` compares them with a revision or folder. Both exit with 1 when
    something is found.
    """
    day = _day(as_of)
    if source in ("check", "diff"):
        from bot.commands.rules import check_or_diff

        sys.exit(0 if check_or_diff(settings, source, base, day) else 1)
    if base is not None:
        raise click.UsageError(f"unexpected {base!r}: screen reads one file")
    from actions.screening import cli as screening
    from actions.screening.load import load_ruleset

    ruleset = load_ruleset(settings.config / "screening")
    if facts or programmes:
        for entry in [
            *(screening.facts_vocabulary(ruleset) if facts else []),
            *(screening.programmes_vocabulary(ruleset) if programmes else []),
        ]:
            write(entry)
        return
    if source is None and (sys.stdin.isatty() or save_to is not None):
        from bot.commands.interview import interview

        interview(ruleset, day, save_to)
        return
    _screen_documents(ruleset, source, day)


def _screen_documents(ruleset: RuleSet, source: str | None, day: date) -> None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    from actions.screening import cli as screening
    from actions.screening.values import ScreenInputError

    name, content = read_text(source)
    try:
        documents: list[Any] = list(YAML(typ="safe", pure=True).load_all(content))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise BadInput(name, mark.line + 1 if mark else None, str(error.problem), "correct the YAML here") from None
    for number, document in enumerate(documents, 1):
        if isinstance(document, dict):
            document.setdefault("as_of", day.isoformat())
        try:
            result = screening.screen_document(document, ruleset)
            write(result)
            for entry in result["contradictions"]:
                say(f"{name}: document {number}: {' and '.join(entry['facts'])} cannot both hold — {entry['text']}")
        except ScreenInputError as error:
            raise BadInput(name, None, f"document {number}: {error.what}", error.mend) from None


def understand_record(
    record: dict[str, Any], dialogue: Any, gates: Any, knowledge: Any, today: date, why: bool
) -> dict[str, Any]:
    """The `understand` output of DESIGN 5 for one record."""
    from actions.language.normalise import readable
    from bot.dialogue.reading import understand_text

    text = text_of(record)
    result = understand_text(text if readable(text) else "", text, dialogue, gates, knowledge, today, why)
    return {"id": record.get("id"), **result}


@click.command()
@click.argument("source", required=False)
@click.option("--why", is_flag=True, help="Also give the features that decided.")
@click.pass_obj
def understand(settings: Settings, source: str | None, why: bool) -> None:
    """What a message means: intent, urgency, programmes, facts, places."""
    from actions.places.dictionary import jieba_words
    from actions.privacy.keys import Keys
    from actions.steps.knowledge import install, load_knowledge
    from bot.conversation.danger import load_gates
    from bot.dialogue.model import ModelMissing, model_files, quiet_rasa
    from bot.logs import configure_logs

    configure_logs("error", "understand")
    knowledge = load_knowledge(settings.config, Keys(os.urandom(32)))
    install(knowledge)
    files = model_files(settings, jieba_words(knowledge.gazetteer))
    if not files.archive.exists():
        raise ModelMissing(str(files.archive))
    lines = list(records(source))
    quiet_rasa(settings)
    say("loading the model (10 to 20 seconds)")
    from bot.dialogue.engine import Dialogue

    dialogue, gates = Dialogue(files), load_gates(settings.config / "danger")
    for record in lines:
        write(understand_record(record, dialogue, gates, knowledge, _today(), why))
