"""chat: talk to the hotline in the terminal, by a script, or as a persona that answers what it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from bot.commands.records import BadInput, read_text, say
from bot.settings import Settings

TURN_LIMIT = 60
SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Persona:
    """Who talks: what they open with, what they answer to which fact, and when they stop."""

    opening: list[str]
    answers: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = ""
    stop: str | int = "ticket"


def read_persona(path: str, default_otherwise: str) -> Persona:
    """Reads a persona file. Raises BadInput with file, line, what and how to mend it."""
    from actions.language.files import ConfigError, line_of, load_yaml, require_keys

    try:
        data = load_yaml(Path(path))
        require_keys(Path(path), data, ["opening"], ["answers", "otherwise", "stop", "name"])
        stop = data.get("stop", "ticket")
        if not (stop in ("ticket", "handoff") or isinstance(stop, int)):
            raise ConfigError(path, line_of(data, "stop"), f"stop is {stop!r}", "write ticket, handoff or a number")
        opening = data["opening"] if isinstance(data["opening"], list) else [data["opening"]]
        return Persona(
            [str(line) for line in opening],
            {str(k): str(v) for k, v in (data.get("answers") or {}).items()},
            str(data.get("otherwise", default_otherwise)),
            stop,
        )
    except ConfigError as error:
        raise BadInput(str(error.path), error.line, error.what, error.mend) from None


@click.command()
@click.option("--script", type=click.Path(), help="A file of messages and @commands, one a line.")
@click.option("--persona", type=click.Path(), help="A YAML file: opening, answers, otherwise, stop.")
@click.option("--channel", type=click.Choice(["web", "telegram", "terminal"]), default="terminal")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines on stdout.")
@click.pass_context
def chat(ctx: click.Context, script: str | None, persona: str | None, channel: str, as_json: bool) -> None:
    """Talk to the hotline. Scripts and personas run on a private one with a clock of its own."""
    settings: Settings = ctx.obj
    if script and persona:
        raise click.UsageError("give --script or --persona, not both")
    from bot.logs import configure_logs

    configure_logs("error", "chat")
    lines: Iterator[str] | None = None
    who: Persona | None = None
    if script:
        name, content = read_text(script)
        lines = iter(content.splitlines())
        _check_script(name, content.splitlines())
    elif persona:
        from actions.language.files import load_yaml

        who = read_persona(persona, str(load_yaml(settings.config / "language" / "dialogue.yaml")["frames"]["unsure"]))
    home_given = ctx.parent is not None and ctx.parent.params.get("home") is not None
    _talk(settings, home_given, lines, who, channel, as_json)


COMMANDS = {
    "press": r"\d+",
    "wait": r"\d+(\.\d+)?[smhd]",
    "location": r"-?[\d.]+ -?[\d.]+ \S+",
    "photo": r".+",
    "takeover": r"",
    "operator": r".+",
    "release": r"",
    "away": r"",
}


def _check_script(name: str, lines: list[str]) -> None:
    from actions.language.files import nearest

    for number, line in enumerate(lines, 1):
        if not line.startswith("@"):
            continue
        verb, _, rest = line[1:].strip().partition(" ")
        if verb not in COMMANDS:
            raise BadInput(name, number, f"unknown command @{verb}", nearest(verb, COMMANDS))
        if not re.fullmatch(COMMANDS[verb], rest.strip()):
            raise BadInput(name, number, f"@{verb} {rest}".strip(), "see `youmen chat` in the README for its form")


def _talk(
    settings: Settings, home_given: bool, lines: Iterator[str] | None, who: Persona | None, channel: str, as_json: bool
) -> None:
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue.model import ModelMissing, model_files, quiet_rasa
    from bot.processes.private import private_hotline, temporary_home

    files = model_files(settings, jieba_words(load_gazetteer(settings.config / "places")))
    if not files.archive.exists():
        raise ModelMissing(str(files.archive))
    quiet_rasa(settings)
    say("loading the dialogue engine (10 to 20 seconds)")
    from bot.commands.talk import Talk
    from bot.dialogue.engine import Dialogue

    dialogue = Dialogue(files)
    with ExitStack() as stack:
        home = settings.home if home_given else stack.enter_context(temporary_home())
        if home_given:
            from bot.processes.supervisor import only_one, prepare_home

            prepare_home(home)
            stack.enter_context(only_one(home))
        hotline = stack.enter_context(private_hotline(replace(settings, home=home, database_url=None), dialogue.think))
        talk = Talk(hotline, channel, as_json)
        if who is not None:
            _play_persona(talk, who)
        elif lines is not None:
            for line in lines:
                _play_line(talk, line)
        else:
            _play_terminal(talk)
        talk.end()


def _play_line(talk: Any, line: str) -> None:
    if line.startswith("#"):
        return
    if not line.startswith("@"):
        talk.resident(line)
        return
    verb, _, rest = line[1:].strip().partition(" ")
    rest = rest.strip()
    if verb == "press":
        talk.press(int(rest))
    elif verb == "wait":
        talk.wait(timedelta(**{SPANS[rest[-1]]: float(rest[:-1])}))
    elif verb == "location":
        latitude, longitude, datum = rest.split()
        talk.attachment("location", {"latitude": float(latitude), "longitude": float(longitude), "datum": datum})
    elif verb == "photo":
        talk.attachment("photo", {"file": Path(rest).name})
    else:
        getattr(talk, {"takeover": "take_over", "operator": "operator", "release": "release", "away": "away"}[verb])(
            *([rest] if rest else [])
        )


def _play_persona(talk: Any, who: Persona) -> None:
    """Opens, then answers what each question asks, until its stop is reached or nothing is asked any more."""
    for line in who.opening:
        talk.resident(line)
    for _ in range(TURN_LIMIT):
        if (who.stop == "ticket" and talk.ticket_numbers) or (who.stop == "handoff" and talk.handed_off):
            return
        if isinstance(who.stop, int) and talk.resident_messages >= who.stop:
            return
        if talk.asks is None:
            return
        talk.resident(who.answers.get(talk.asks, who.otherwise))


def _play_terminal(talk: Any) -> None:
    say("talk to the hotline; a number presses a button, an empty line or Ctrl-D ends")
    while True:
        try:
            line = input("> ")
        except EOFError:
            return
        if not line.strip():
            return
        if line.strip().isdigit() and talk.buttons:
            talk.press(int(line))
        else:
            talk.resident(line)
