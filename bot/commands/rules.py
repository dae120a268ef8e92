"""screen check, screen diff: proves the rules, and says which synthetic households another set judges differently."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import click

from actions.language.files import ConfigError
from actions.screening.evaluate import VERDICTS, evaluate_settled
from actions.screening.load import load_ruleset
from actions.screening.model import RuleSet
from actions.screening.prove import prove_all
from actions.screening.values import ScreenInputError, settle
from bot.commands.records import say, write
from bot.settings import PROJECT, Settings

RULES = "config/screening"
HOUSEHOLDS = 10_000
EXAMPLES = 3


def check_or_diff(settings: Settings, verb: str, base: str | None, as_of: date) -> bool:
    """`screen check` or `screen diff BASE`. True when nothing was found."""
    if verb == "check":
        if base is not None:
            raise click.UsageError(f"unexpected {base!r}: screen check takes no argument")
        return check(settings)
    if base is None:
        raise click.UsageError("screen diff needs a base: a branch, a commit or a folder with rules")
    return diff(settings, base, as_of)


def check(settings: Settings) -> bool:
    """Proves every rule; one line for each. True when nothing was found."""
    findings = 0
    for proof in prove_all(load_ruleset(settings.config / "screening")):
        write(
            {
                "programme": proof.programme,
                "refers_to": proof.refers_to,
                "from": proof.period.isoformat(),
                "situations": proof.situations,
                "facts": dict(proof.facts),
                "by_person": proof.by_person,
                "findings": [{"what": finding.what, "mend": finding.mend} for finding in proof.findings],
            }
        )
        for finding in proof.findings:
            findings += 1
            say(f"{RULES}/programmes/{finding.programme}.yaml ({finding.period}): {finding.what} — {finding.mend}")
    return findings == 0


def diff(settings: Settings, base: str, as_of: date) -> bool:
    """Which of the synthetic households change verdict from `base` to these rules. True when none does."""
    from bot.bench.callers import callers, load_priors

    now = load_ruleset(settings.config / "screening")
    households = [caller.truth for caller in callers(now, load_priors(now), HOUSEHOLDS)]
    with _base(base) as folder:
        try:
            then = load_ruleset(folder)
        except ConfigError as error:
            place = error.path.relative_to(folder) if error.path.is_relative_to(folder) else error.path
            raise click.UsageError(
                f"the rules of {base} cannot be read by this version ({place}: {error.what}): name a newer base"
            ) from None
    before, after = _judged(then, households, as_of), _judged(now, households, as_of)
    changes: dict[tuple[str, str | None, str | None], list[int]] = {}
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                changes.setdefault((name, old.get(name), new.get(name)), []).append(place)
    for (name, old_verdict, new_verdict), places in sorted(changes.items(), key=lambda entry: -len(entry[1])):
        write(
            {
                "programme": name,
                "from": old_verdict,
                "to": new_verdict,
                "households": len(places),
                "of": len(households),
                "examples": [dict(households[place]) for place in places[:EXAMPLES]],
            }
        )
    say(
        f"{then.version} → {now.version}, {as_of.isoformat()}: "
        f"{len({place for places in changes.values() for place in places})} of {len(households)} households change"
    )
    return not changes


def _judged(ruleset: RuleSet, households: list[Any], as_of: date) -> list[dict[str, str]]:
    found = []
    for truth in households:
        known = {name: value for name, value in truth.items() if name in ruleset.facts}
        try:
            results = evaluate_settled(ruleset, settle(ruleset, known), as_of, ruleset.default_region).case.results
        except ScreenInputError as error:
            raise click.UsageError(f"the rules cannot judge the synthetic households: {error}") from None
        found.append({name: VERDICTS[truth_] for name, truth_ in results.items()})
    return found


@contextmanager
def _base(base: str) -> Iterator[Path]:
    """The rules of a folder, or of a revision of this repository."""
    if Path(base).is_dir():
        inside = Path(base) / RULES
        yield inside if inside.is_dir() else Path(base)
        return
    done = subprocess.run(
        ["git", "archive", "--format=tar", base, RULES], cwd=PROJECT, capture_output=True, check=False
    )
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise click.UsageError(
            f"{base!r} is neither a folder nor a revision ({reason[-1] if reason else 'git failed'}): "
            "name a branch, a commit or a folder with rules"
        )
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder)
        yield Path(folder) / RULES
