"""up, run, train, migrate: what starts and prepares the hotline."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import click
from rich.console import Console

from bot.commands.records import say
from bot.settings import PROJECT, Settings


@click.command()
@click.pass_obj
def up(settings: Settings) -> None:
    """Start everything here: database, Redis, pages, courier, engine. Ctrl-C stops it."""
    from bot.logs import configure_logs
    from bot.processes.supervisor import AlreadyRunning, run_up

    configure_logs("error", "supervisor")
    try:
        run_up(settings, _train_in_its_own_process)
    except AlreadyRunning as running:
        state = running.state or {}
        where = f" at {state['address']}" if "address" in state else ""
        say(f"有门 Youmen already runs{where} (process {state.get('pid', '?')}, home {settings.home})")


def _train_in_its_own_process(console: Console) -> None:
    """Training imports Rasa, which the supervisor must not keep in memory."""
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue.model import model_files
    from bot.processes.parts import NotReady
    from bot.settings import load_settings

    settings = load_settings(os.environ)
    if model_files(settings, jieba_words(load_gazetteer(settings.config / "places"))).archive.exists():
        return
    started = time.monotonic()
    with console.status("training the model (a minute or two, once)") as status:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "train"],
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while process.poll() is None:
            time.sleep(0.2)
            status.update(f"training the model, {time.monotonic() - started:.0f} s (a minute or two, once)")
    if process.returncode != 0:
        tail = (process.stderr.read() if process.stderr else "").strip().splitlines()[-3:]
        raise NotReady("training failed: " + " / ".join(tail))
    console.print(f"trained in {time.monotonic() - started:.0f} s")


@click.command()
@click.pass_obj
def train(settings: Settings) -> None:
    """Train the model unless the present data is trained already."""
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue import model
    from bot.logs import configure_logs

    configure_logs(settings.log_level, "train")
    words = jieba_words(load_gazetteer(settings.config / "places"))
    before = model.model_files(settings, words)
    if before.archive.exists():
        say(f"nothing to do: model {before.fingerprint} is trained")
        return
    settings.build.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with Console(stderr=True).status("training"):
        files = model.train(settings, words)
    say(f"model {files.fingerprint} trained in {time.monotonic() - started:.0f} s")


@click.command()
@click.option("--check", is_flag=True, help="Only say whether a migration is needed (exit 1 if so).")
@click.pass_obj
def migrate(settings: Settings, check: bool) -> None:
    """Bring the database to this code's version."""
    from alembic.migration import MigrationContext

    from actions.storage.engine import open_engine
    from actions.storage.migrate import code_head
    from bot.processes.parts import open_database, server_urls

    url, _ = server_urls(settings)
    if check:
        with open_engine(url).connect() as connection:
            now = MigrationContext.configure(connection).get_current_revision()
        say(f"database at {now}, code at {code_head()}")
        if now != code_head():
            raise SystemExit(1)
        return
    open_database(url, name="migrate").dispose()
    say(f"database at {code_head()}")


def _run_web(settings: Settings) -> None:
    from bot.processes.parts import open_parts
    from bot.processes.web import run_web, web_parts

    run_web(web_parts(open_parts(settings, name="web", pool_size=10)))


def _run_courier(settings: Settings) -> None:
    from bot.channels.telegram.channel import open_telegram
    from bot.channels.telegram.words import CHANNEL
    from bot.conversation.accept import AcceptTools
    from bot.processes.courier import run_courier
    from bot.processes.parts import open_parts

    parts = open_parts(settings, name="courier")
    telegram = open_telegram(settings, parts.database, AcceptTools(parts.gates, parts.knowledge), parts.wake, parts.now)
    if telegram is None:
        run_courier(parts, {})
        return
    telegram.start()
    try:
        run_courier(parts, {CHANNEL: telegram.sender})
    finally:
        telegram.stop()


def _run_engine(settings: Settings) -> None:
    from actions.places.dictionary import jieba_words
    from actions.steps.knowledge import install
    from bot.dialogue.model import model_files, quiet_rasa

    quiet_rasa(settings)
    from bot.dialogue.engine import Dialogue  # imports Rasa: 10 to 20 s
    from bot.processes.engine import run_engine
    from bot.processes.parts import open_parts, server_urls, serving_knowledge

    urls = server_urls(settings)
    knowledge = serving_knowledge(settings)
    install(knowledge)
    dialogue = Dialogue(model_files(settings, jieba_words(knowledge.gazetteer)))

    def open_worker_parts() -> object:
        return open_parts(settings, name="engine", urls=urls, pool_size=2, knowledge=knowledge)

    run_engine(open_worker_parts, dialogue, settings.workers, settings.turn_seconds)  # type: ignore[arg-type]


PROCESSES: dict[str, Callable[[Settings], None]] = {"web": _run_web, "engine": _run_engine, "courier": _run_courier}


@click.command()
@click.argument("process", type=click.Choice(list(PROCESSES)))
@click.pass_obj
def run(settings: Settings, process: str) -> None:
    """Run one process alone: web, engine or courier."""
    from bot.logs import configure_logs

    configure_logs(settings.log_level, process)
    PROCESSES[process](settings)
