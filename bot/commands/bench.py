"""bench: measures this hotline on this machine beside its rivals, in one run."""
from __future__ import annotations

from collections.abc import Callable

import click
from rich.console import Console

from bot.commands.records import write
from bot.settings import PROJECT, Settings

NAMES = ("turns", "nlu", "places", "screening", "desk", "startup")
# measurement → the step that brings it
LATER = {"places": "step 4 (the township responsible)", "screening": "step 5 (self-screening)",
         "desk": "the step that builds the desk"}
PAGE = PROJECT / "docs" / "performance.md"
EPOCHS = 100  # what `rasa init` writes


class NotBuilt(click.ClickException):
    """A measurement that a later step brings. Exit code 2."""

    exit_code = 2


def command_of(name: str, epochs: int, with_stock: bool, repeat: int | None) -> str:
    """The command line that repeats this measurement."""
    words = ["youmen bench", name]
    if epochs != EPOCHS and with_stock:
        words.append(f"--epochs {epochs}")
    if not with_stock:
        words.append("--without-stock")
    if repeat is not None:
        words.append(f"--repeat {repeat}")
    return " ".join([*words, "--write"])


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--write", "to_page", is_flag=True, help="Also write docs/performance.md.")
@click.option("--epochs", type=click.IntRange(1, 1000), default=EPOCHS, show_default=True,
              help="How long the rival's DIET learns.")
@click.option("--without-stock", is_flag=True, help="Measure us alone: stock Rasa takes minutes to train.")
@click.option("--repeat", type=click.IntRange(1, 20), help="Repetitions; the best counts (turns 3, startup 1).")
@click.pass_obj
def bench(settings: Settings, name: str, to_page: bool, epochs: int, without_stock: bool, repeat: int | None) -> None:
    """Measure this hotline beside its rivals: a table on stderr, one JSON object on stdout."""
    if name in LATER:
        raise NotBuilt(f"bench {name} is not built yet: {LATER[name]} brings it")
    from bot.bench.report import print_table, write_page
    from bot.logs import configure_logs

    configure_logs("error", "bench")
    _require_model(settings)
    console = Console(stderr=True, highlight=False, width=None)
    with console.status("measuring") as status:
        report = _measure(settings, name, epochs, not without_stock, repeat, status.update)
    print_table(report, console)
    if to_page:
        write_page(PAGE, report, command_of(name, epochs, not without_stock, repeat))
        console.print(f"written: {PAGE.relative_to(PROJECT)}")
    write(report.record())


def _require_model(settings: Settings) -> None:
    from actions.places.dictionary import jieba_words
    from actions.places.gazetteer import load_gazetteer
    from bot.dialogue.model import ModelMissing, model_files

    files = model_files(settings, jieba_words(load_gazetteer(settings.config / "places")))
    if not files.archive.exists():
        raise ModelMissing(str(files.archive))


def _measure(settings: Settings, name: str, epochs: int, with_stock: bool, repeat: int | None,
             tell: Callable[[str], None]) -> object:
    from bot.bench import rival

    if name == "nlu":
        from bot.bench.nlu import bench_nlu

        return bench_nlu(settings, rival.any_stock(settings) if with_stock else None, tell)
    stock = None
    if with_stock:
        stock = rival.stock_of(settings, epochs)
        rival.train_stock(settings, stock, tell)
    if name == "startup":
        from bot.bench.startup import bench_startup

        return bench_startup(settings, repeat or 1, stock, tell)
    from bot.bench.turns import Plan, bench_turns

    return bench_turns(settings, Plan(repeat=repeat) if repeat else Plan(), stock, tell)
