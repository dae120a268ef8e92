"""The `youmen` command: every verb, and the exit codes all keep: 0 done, 1 the answer is no, 2 usage, 3 not ready."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from bot.settings import SettingWrong, load_settings

# verb → module of bot.commands that defines it; imported only when the verb is used
VERBS = {
    "up": "running",
    "run": "running",
    "train": "running",
    "migrate": "running",
    "doctor": "doctor",
    "user": "staff",
    "api-key": "api_key",
    "understand": "reading",
    "route": "reading",
    "screen": "reading",
    "due": "reading",
    "places": "places",
    "tickets": "tickets",
    "chat": "chat",
    "bench": "bench",
    "replay": "replay",
    "questions": "replay",
    "recompute": "clocks",
    "stuck": "clocks",
    "audit": "audit",
}


class Verbs(click.Group):
    """Loads a verb's module when it is called: `youmen route` must not wait for Rasa."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The verb's command."""
        if name not in VERBS:
            return None
        module = importlib.import_module(f"bot.commands.{VERBS[name]}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="Home folder of this installation (YOUMEN_HOME).")
@click.pass_context
def cli(ctx: click.Context, home: Path | None) -> None:
    """有门 Youmen: a social-assistance hotline that chats."""
    try:
        ctx.obj = load_settings(os.environ, home)
    except SettingWrong as wrong:
        raise click.UsageError(str(wrong)) from None


def _not_ready(error: BaseException) -> str | None:
    """One sentence for errors that mean "not ready", else None."""
    name = type(error).__name__
    if name == "ModelMissing":
        return "no model is trained for the present data: run `youmen train`"
    if name == "ModelDamaged":
        return f"the model cannot be read ({error}): delete the file and run `youmen train`"
    if name == "OperationalError":
        return "the database went away: check that it runs (`youmen doctor`)"
    if name in ("NotReady", "ServerFailed", "KeyWrong", "PortTaken"):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({error.filename or 'writing'}): free some space and start again; nothing was lost"
    return None


def main(arguments: list[str] | None = None) -> Any:
    """Runs the command and ends the process with its exit code."""
    from actions.language.files import ConfigError

    try:
        code = cli.main(args=arguments, prog_name="youmen", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2 if isinstance(error, click.UsageError) else error.exit_code)
    except ConfigError as error:
        click.echo(f"youmen: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        sentence = _not_ready(error)
        if sentence is None:
            raise
        click.echo(f"youmen: {sentence}", err=True)
        sys.exit(3)


if __name__ == "__main__":
    main()
