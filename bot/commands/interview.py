"""`youmen screen` without a file: the questions of the rules in the terminal, with why, back, whatif, and resuming."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import click

from actions.language.dialect import to_standard
from actions.screening.answers import others_named, read_answers, read_opener
from actions.screening.ask import Question, next_question
from actions.screening.cli import screen_document
from actions.screening.evaluate import Screening, evaluate
from actions.screening.explain import card, nearest_flips, sentence
from actions.screening.model import LIKELY, RuleSet
from actions.screening.opening import opened
from actions.screening.values import Answer, ScreenInputError
from bot.commands.records import BadInput, say, write

PLAN = "screening"
PEOPLE = "household_people"
HELP = "why: the reason · back: the question before · whatif FACT TEXT: try an answer · an empty line ends"


@dataclass
class State:
    """Where an interview stands; as JSON it can be taken up again days later."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Writes the state; a half-written file is never left behind."""
        kept = {name: _plain(answer) for name, answer in self.answers.items()}
        new = path.with_name(path.name + ".new")
        new.write_text(json.dumps({"answers": kept, "asked": self.asked}, ensure_ascii=False) + "\n", encoding="utf-8")
        new.replace(path)


def load_state(path: Path, ruleset: RuleSet) -> State:
    """The saved state, or a new one. A fact the rules no longer know, or a value they no longer take, is left out and
    asked again. Raises BadInput for a file that is no saved interview."""
    if not path.exists():
        return State()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        saved = State(dict(data["answers"]), [str(name) for name in data["asked"]])
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BadInput(str(path), None, f"is no saved interview ({error})", "name another file or delete it") from None
    for name in list(saved.answers):
        try:
            evaluate(ruleset, {name: saved.answers[name]}, date.max, ruleset.default_region)
        except ScreenInputError as error:
            say(f"{name}: {error} (asked again)")
            saved.answers.pop(name)
            saved.asked = [each for each in saved.asked if each.partition(":")[0] != name]
    return saved


def interview(ruleset: RuleSet, today: date, save_to: Path | None = None) -> None:
    """Asks until nothing is worth asking, or the input ends; then shows what may fit.

    On a terminal everything stands on stdout; else people read stderr and stdout gets the `screen` object.
    """
    on_terminal = sys.stdout.isatty()
    tell: Callable[[str], None] = click.echo if on_terminal else say
    state = load_state(save_to, ruleset) if save_to is not None else State()
    say(HELP)
    while True:
        screening = evaluate(ruleset, state.answers, today, ruleset.default_region)
        question = next_question(ruleset, screening, state.answers, frozenset(state.asked), PLAN)
        if question is None:
            break
        _show(question, tell)
        line = _line()
        if not line:
            break
        done = _command(ruleset, line, question, state, today, tell) or _take(ruleset, line, question, state, today)
        if not done:
            tell("?")
        if save_to is not None:
            state.save(save_to)
    screening = evaluate(ruleset, state.answers, today, ruleset.default_region)
    _show_card(ruleset, screening, tell)
    if not on_terminal:
        given = {name: _plain(answer) for name, answer in state.answers.items()}
        write(screen_document({"as_of": today, "region": ruleset.default_region, "answers": given}, ruleset))


def _line() -> str:
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


def _plain(answer: Any) -> Any:
    if isinstance(answer, Answer):
        return {"value": answer.value, "how": answer.how, "confidence": answer.confidence, "text": answer.text}
    return answer


def _show(question: Question, tell: Callable[[str], None]) -> None:
    tell(question.text)
    for place, choice in enumerate(question.options, 1):
        tell(f"  {place}. {choice.title}")


def _command(
    ruleset: RuleSet, line: str, question: Question, state: State, today: date, tell: Callable[[str], None]
) -> bool:
    verb, _, rest = line.partition(" ")
    if verb == "why":
        tell(question.why)
        if question.programmes:
            tell("→ " + " · ".join(ruleset.programmes[name].title for name in question.programmes))
    elif verb == "back":
        _back(ruleset, state)
    elif verb == "whatif":
        fact, _, text = rest.strip().partition(" ")
        try:
            found = {answer.fact: answer for answer in read_answers(ruleset, fact, to_standard(text).text, today)}
        except ScreenInputError as error:
            tell(str(error))
            return True
        if not found:
            tell("?")
            return True
        _show_card(ruleset, evaluate(ruleset, {**state.answers, **found}, today, ruleset.default_region), tell)
    else:
        return False
    return True


def _back(ruleset: RuleSet, state: State) -> None:
    """Takes the last question back; answers to other questions are kept."""
    if not state.asked:
        return
    last = state.asked.pop()
    fact = last.partition(":")[0]
    if fact in ruleset.interview.openers:
        for name in ruleset.interview.openers[fact].titles:
            state.answers.pop(name, None)
    else:
        state.answers.pop(fact, None)
        state.asked = [name for name in state.asked if name.partition(":")[0] != fact]


def _take(ruleset: RuleSet, line: str, question: Question, state: State, today: date) -> bool:
    """Notes the answer; False when it is none."""
    said, value = to_standard(line).text, _chosen(question, line)
    if not question.is_fact:
        named = read_opener(ruleset, question.fact, said) if value is None else value
        if named is None:
            return False
        if isinstance(named, list):
            state.answers.update(opened(ruleset, question.fact, named, state.answers))
    elif not _take_fact(ruleset, question, value, line, state, today):
        return False
    if question.fact != PEOPLE:
        for answer in others_named(ruleset, said):
            state.answers.setdefault(answer.fact, answer)
    state.asked.append(question.asked_as)
    return True


def _take_fact(ruleset: RuleSet, question: Question, value: Any, line: str, state: State, today: date) -> bool:
    if value is not None:
        if value != "unsure" or question.fact not in state.answers:
            state.answers[question.fact] = Answer(question.fact, value, "button", text=line)
    else:
        found = read_answers(ruleset, question.fact, to_standard(line).text, today)
        if question.fact not in {answer.fact for answer in found}:
            return False
        for answer in found:
            if answer.fact == question.fact or answer.fact not in state.answers:
                state.answers[answer.fact] = answer
    return True


def _chosen(question: Question, line: str) -> Any:
    """The value of the option said by its number, title or id; None for anything else."""
    if line.isdigit() and 1 <= int(line) <= len(question.options):
        return question.options[int(line) - 1].value
    return next((choice.value for choice in question.options if line in (choice.title, choice.id)), None)


def _show_card(ruleset: RuleSet, screening: Screening, tell: Callable[[str], None]) -> None:
    tell(sentence(ruleset, screening))
    for block in card(ruleset, screening):
        tell(f"\n{block.label} · {block.title}")
        flips = [] if block.verdict == LIKELY else nearest_flips(ruleset, screening.verdict(block.programme))
        for line in [*block.lines, *flips]:
            tell(f"  {line}")
