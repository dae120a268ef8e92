"""`youmen screen` without a file: the questions of the rules in the terminal, with why, back and whatif."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from actions.language.dialect import to_standard
from actions.screening.answers import read_answers
from actions.screening.ask import Question, next_fact
from actions.screening.evaluate import Screening, evaluate
from actions.screening.explain import card
from actions.screening.model import RuleSet
from actions.screening.values import ScreenInputError
from bot.commands.records import say


def interview(ruleset: RuleSet, today: date) -> None:
    """Asks until every programme is settled, nothing worth asking is left, or the input ends; then shows the card."""
    answers: dict[str, Any] = {}
    order: list[str] = []
    say("why: the reason · back: the question before · whatif FACT TEXT: try an answer · an empty line ends")
    while True:
        screening = evaluate(ruleset, answers, today, ruleset.default_region)
        question = next_fact(ruleset, screening, answers, frozenset(order))
        if question is None:
            break
        _show(question)
        try:
            line = input("> ").strip()
        except EOFError:
            break
        if not line:
            break
        if not _command(ruleset, line, question, answers, order, today):
            _take(ruleset, line, question, answers, order, today)
    _show_card(ruleset, evaluate(ruleset, answers, today, ruleset.default_region))


def _show(question: Question) -> None:
    click.echo(question.text)
    for place, choice in enumerate(question.options, 1):
        click.echo(f"  {place}. {choice.title}")


def _command(
    ruleset: RuleSet, line: str, question: Question, answers: dict[str, Any], order: list[str], today: date
) -> bool:
    verb, _, rest = line.partition(" ")
    if verb == "why":
        click.echo(question.why)
    elif verb == "back":
        if order:
            answers.pop(order.pop(), None)
    elif verb == "whatif":
        fact, _, text = rest.strip().partition(" ")
        try:
            found = {answer.fact: answer for answer in read_answers(ruleset, fact, to_standard(text).text, today)}
        except ScreenInputError as error:
            click.echo(str(error))
            return True
        _show_card(ruleset, evaluate(ruleset, {**answers, **found}, today, ruleset.default_region))
    else:
        return False
    return True


def _take(
    ruleset: RuleSet, line: str, question: Question, answers: dict[str, Any], order: list[str], today: date
) -> None:
    if line.isdigit() and 1 <= int(line) <= len(question.options):
        answers[question.fact] = question.options[int(line) - 1].value
    else:
        for answer in read_answers(ruleset, question.fact, to_standard(line).text, today):
            answers[answer.fact] = answer
        if question.fact not in answers:
            click.echo("?")
            return
    order.append(question.fact)


def _show_card(ruleset: RuleSet, screening: Screening) -> None:
    for block in card(ruleset, screening, everything=True):
        click.echo(f"\n{block.label} · {block.title}")
        for line in block.lines:
            click.echo(f"  {line}")
