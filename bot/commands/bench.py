"""bench: measures this hotline on this machine beside its rivals, in one run."""
from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bot.commands.records import write
from bot.settings import PROJECT, Settings

if TYPE_CHECKING:
    from bot.bench.report import Report
    from bot.bench.rival import Stock

Tell = Callable[[str], None]
NAMES = ("turns", "nlu", "places", "screening", "tickets", "due", "desk", "startup")
# measurement → the step that brings it
LATER = {"desk": "the step that builds the desk"}
OWN_RIVALS = ("places", "screening", "tickets", "due")  # measured beside other things than stock Rasa, or alone
PAGE = PROJECT / "docs" / "performance.md"
PICTURES = PROJECT / "docs" / "images"
EPOCHS = 15  # what two cores learn in half an hour; `rasa init` writes 100


class NotBuilt(click.ClickException):
    """A measurement that a later step brings. Exit code 2."""

    exit_code = 2


def command_of(name: str, epochs: int, with_stock: bool, any_stock: bool, repeat: int | None) -> str:
    """The command line that repeats this measurement."""
    words = ["youmen bench", name]
    if epochs != EPOCHS and with_stock:
        words.append(f"--epochs {epochs}")
    if not with_stock:
        words.append("--without-stock")
    elif any_stock:
        words.append("--any-stock")
    if repeat is not None:
        words.append(f"--repeat {repeat}")
    return " ".join([*words, "--write"])


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--write", "to_page", is_flag=True, help="Also write docs/performance.md.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=EPOCHS, show_default=True,
              help="How long the rival's DIET learns.")
@click.option("--without-stock", is_flag=True,
              help="Measure us alone: stock Rasa takes minutes to train, cel-python is installed first.")
@click.option("--any-stock", is_flag=True, help="Take the newest stock model, even if utterances have changed since.")
@click.option("--repeat", type=click.IntRange(1, 20),
              help="Repetitions; the best counts (turns and screening 3, startup 1).")
@click.pass_obj
def bench(settings: Settings, name: str, to_page: bool, epochs: int, without_stock: bool, any_stock: bool,
          repeat: int | None) -> None:
    """Measure this hotline beside its rivals: a table on stderr, one JSON object on stdout."""
    if name in LATER:
        raise NotBuilt(f"bench {name} is not built yet: {LATER[name]} brings it")
    from bot.bench.report import print_table, write_page
    from bot.logs import configure_logs

    configure_logs("error", "bench")
    if name not in OWN_RIVALS:  # these need nothing but their tables and rules
        _require_model(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us, what we started ends too
    console = Console(stderr=True, highlight=False, width=None)
    with console.status("measuring") as status:
        beside = not without_stock and name not in OWN_RIVALS
        stock = _stock(settings, name, epochs, any_stock, status.update) if beside else None
        if name == "tickets":
            from bot.bench.tickets import bench_tickets

            report = bench_tickets(settings, status.update)
        elif name == "places":
            report = _places(settings, not without_stock, status.update)
        elif name == "due":
            report = _due(settings, status.update)
        elif name == "screening":
            report = _measure_screening(settings, repeat, without_stock, status.update)
        else:
            report = _measure(settings, name, stock, repeat, status.update, PICTURES if to_page else None)
    print_table(report, console)
    if to_page:
        write_page(PAGE, report, command_of(name, epochs, not without_stock, any_stock, repeat))
        console.print(f"written: {PAGE.relative_to(PROJECT)}")
    write(report.record())


def _places(settings: Settings, with_rivals: bool, tell: Tell) -> Report:
    from bot.bench.places import bench_places

    return bench_places(settings, with_rivals, tell)


def _due(settings: Settings, tell: Tell) -> Report:
    from bot.bench.due import bench_due

    return bench_due(settings, tell)


def _require_model(settings: Settings) -> None:
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue.model import ModelMissing, model_files

    files = model_files(settings, jieba_words(load_gazetteer(settings.config / "places")))
    if not files.archive.exists():
        raise ModelMissing(str(files.archive))


def _stock(settings: Settings, name: str, epochs: int, any_stock: bool, tell: Tell) -> Stock | None:
    """The rival, trained if need be; nlu takes what there is, since it would take an hour to make it better."""
    from bot.bench import rival

    if (any_stock or name == "nlu") and (found := rival.any_stock(settings)) is not None:
        return found
    if name == "nlu":
        return None
    stock = rival.stock_of(settings, epochs)
    rival.train_stock(settings, stock, tell)
    return stock


def _measure_screening(settings: Settings, repeat: int | None, alone: bool, tell: Tell) -> Report:
    from bot.bench.screening import bench_screening

    return bench_screening(settings, repeat or 3, not alone, tell)


def _measure(settings: Settings, name: str, stock: Stock | None, repeat: int | None, tell: Tell,
             pictures: Path | None) -> Report:
    if name == "nlu":
        from bot.bench.nlu import bench_nlu

        return bench_nlu(settings, stock, tell, pictures)
    if name == "startup":
        from bot.bench.startup import bench_startup

        return bench_startup(settings, repeat or 1, stock, tell)
    from bot.bench.turns import Plan, bench_turns

    return bench_turns(settings, Plan(repeat=repeat) if repeat else Plan(), stock, tell)
