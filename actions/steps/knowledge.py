"""What steps know: places, rules, clocks, texts and answers, loaded once per process and checked while loading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from sqlalchemy.orm import Session

from actions.access.rules import PERMISSIONS, Role, load_roles
from actions.due.calendar import Calendar
from actions.due.clockwork import Clockwork, load_clockwork
from actions.due.desk import DeskTimes, load_desk
from actions.due.rules import Rules
from actions.intake.book import EVENT_KIND, IntakeBook, Known, load_intake
from actions.language.facts import hear_facts
from actions.language.replies import Replies, load_replies
from actions.language.thresholds import thresholds
from actions.places.gazetteer import Gazetteer, load_gazetteer
from actions.places.queries import last_ruling, rulings
from actions.places.rulings import ruling_of, with_rulings
from actions.policy.answers import Answers, load_answers
from actions.policy.doors import Doors, load_doors
from actions.privacy.keys import Keys
from actions.privacy.words import AuditWords, load_audit_words
from actions.screening.keep import load_or_last_good
from actions.screening.load import load_ruleset
from actions.screening.model import RuleSet
from actions.steps.topics_table import Topics, load_topics
from actions.tickets.approval.book import Book, load_book
from actions.tickets.commands import Work, load_table
from actions.tickets.departments import check_names
from actions.tickets.rules import Lifecycle
from actions.tickets.survey import Survey, load_survey


@dataclass(frozen=True)
class Knowledge:
    """Everything a step may look up. Immutable; a new set replaces it whole."""

    gazetteer: Gazetteer
    ruleset: RuleSet
    clockwork: Clockwork
    desk: DeskTimes
    replies: Replies
    answers: Answers
    topics: Topics
    doors: Doors
    intake: IntakeBook
    keys: Keys
    book: Book
    roles: Mapping[str, Role]
    lifecycle: Lifecycle
    survey: Survey
    audit: AuditWords
    rules_wrong: str | None = None  # the rules of config are wrong: this is the last good set, and why
    places: Gazetteer | None = None  # the gazetteer of the files alone, once something lies over it

    @property
    def calendar(self) -> Calendar:
        """The published working days."""
        return self.clockwork.calendar

    @property
    def clocks(self) -> Rules:
        """The rules of clocks."""
        return self.clockwork.rules

    @cached_property
    def work(self) -> Work:
        """What the commands of tickets need."""
        return Work(self.lifecycle, self.keys, self.gazetteer, self.roles, self.clockwork, self.book)


_installed: Knowledge | None = None


def load_knowledge(config: Path, keys: Keys, kept_rules: Path | None = None) -> Knowledge:
    """Reads and checks the data files. Raises ConfigError with file, line, what and how to mend it.

    `kept_rules`: where a service keeps its last good rules; wrong ones are then told in `rules_wrong`, not raised.
    """
    wrong = None
    if kept_rules is None:
        ruleset = load_ruleset(config / "screening")
    else:
        ruleset, wrong = load_or_last_good(config / "screening", kept_rules)
    clockwork = load_clockwork(config)
    thresholds()
    hear_facts("", date.min)  # reads config/language now: not while the first cry for danger holds a lock
    gazetteer = load_gazetteer(config / "places")
    replies = load_replies([config / "replies", config / "replies" / "area"])
    roles = load_roles(config / "roles" / "roles.yaml")
    lifecycle = load_table(config, roles, replies, clockwork)
    check_names(config / "tickets" / "departments.yaml", lifecycle.departments, ruleset.sources,
                clockwork.rules.figures)
    return Knowledge(
        gazetteer=gazetteer,
        ruleset=ruleset,
        clockwork=clockwork,
        desk=load_desk(config / "service_levels"),
        replies=replies,
        answers=load_answers(config / "policy" / "answers.yaml", ruleset),
        topics=load_topics(config / "policy" / "topics.yaml", ruleset),
        doors=load_doors(config / "policy" / "doors.yaml"),
        intake=load_intake(config / "tickets", Known(
            ruleset.facts, ruleset.facts[EVENT_KIND].options, ruleset.programmes)),
        keys=keys,
        book=load_book(config, ruleset, gazetteer.units, PERMISSIONS),
        roles=roles,
        lifecycle=lifecycle,
        survey=load_survey(config / "tickets" / "survey.yaml", lifecycle, replies),
        audit=load_audit_words(config / "privacy" / "audit.yaml"),
        rules_wrong=wrong,
    )


def install(knowledge: Knowledge) -> None:
    """Makes this the process's knowledge; steps are made by Rasa and can be handed nothing."""
    global _installed
    _installed = knowledge


def keep_places_current(session: Session) -> None:
    """Lays what the desk has decided about places since over this process's gazetteer; one look at an index a turn."""
    global _installed
    know, last = knowledge(), last_ruling(session)
    read = ruling_of(know.gazetteer.version)[1]
    if last == read:
        return
    base = know.places or know.gazetteer
    _installed = replace(know, gazetteer=with_rulings(base, rulings(session), last), places=base)


def installed() -> Knowledge | None:
    """The process's knowledge, None before install()."""
    return _installed


def knowledge() -> Knowledge:
    """The process's knowledge. Raises RuntimeError before install()."""
    if _installed is None:
        raise RuntimeError("install(knowledge) comes first")
    return _installed
