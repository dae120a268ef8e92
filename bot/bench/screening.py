"""bench screening: judging every programme and choosing the next question, beside cel-python; questions per case."""
from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from actions.screening.ask import next_question
from actions.screening.conditions import All, Any_, Clerk, Compare, HasAny, IsIn, Node, Not, ProgrammeRef
from actions.screening.evaluate import Screening, evaluate, settings_at
from actions.screening.load import load_ruleset
from actions.screening.logic import INFINITE, Interval
from actions.screening.model import RuleSet
from actions.screening.prove import prove_all
from actions.screening.values import settle
from bot.bench.callers import Caller, callers, load_priors
from bot.bench.figures import quantile
from bot.bench.interviews import PLAN, play
from bot.bench.report import Report, target
from bot.processes.parts import NotReady
from bot.settings import PROJECT, Settings

AS_OF = date(2026, 11, 21)  # the day the published callers are judged on: the same figures on every machine
RIVAL = "cel-python"
SCRIPT = Path(__file__).with_name("cel_rival.py")
REQUIREMENTS = PROJECT / "requirements" / "bench.txt"
SHARES = (0.0, 0.25, 0.5, 1.0)  # how much of a case is known: a rule is judged after every answer
RIVAL_CASES = 40  # of the same cases; it is some thousand times slower
Tell = Callable[[str], None]


def bench_screening(settings: Settings, repeat: int, with_rival: bool, tell: Tell) -> Report:
    """Measures on this machine, the rival in the same run. NotReady where the rival cannot be installed."""
    ruleset = load_ruleset(settings.config / "screening")
    priors = load_priors(ruleset)
    people = callers(ruleset, priors)
    cases = [_partly(caller, share, place) for place, caller in enumerate(people) for share in SHARES]
    report = Report.begin("screening", n=len(cases))
    tell("judging")
    rounds = [_judged(ruleset, cases) for _ in range(repeat)]
    judged = min(rounds, key=lambda found: median(found[0]))
    tell("interviews")
    played = [play(ruleset, caller, priors, place, AS_OF) for place, caller in enumerate(people)]
    questions = [each.questions for each in played]
    everything = [each.ask_all for each in played]
    tell("proof")
    began = time.perf_counter()
    proofs = prove_all(ruleset)
    proof_s = time.perf_counter() - began
    report.ours = {
        "programmes": len(ruleset.programmes),
        "judge_us": median(judged[0]) * 1e6,
        "judge_p95_us": quantile(judged[0], 0.95) * 1e6,
        "next_ms": median(judged[1]) * 1e3,
        "next_p95_ms": quantile(judged[1], 0.95) * 1e3,
        "questions_mean": sum(questions) / len(questions),
        "questions_p90": quantile(questions, 0.9),
        "questions_all": sum(everything) / len(everything),
        "questions_share": sum(questions) / sum(everything),
        "likely_named": sum(each.found for each in played) / sum(each.likely for each in played),
        "proof_s": proof_s,
        "proofs": len(proofs),
        "situations": sum(proof.situations for proof in proofs),
    }
    report.targets = [
        target("judging every programme, median (µs)", report.ours["judge_us"], "<=", 300),
        target("the next question, median (ms)", report.ours["next_ms"], "<=", 1),
        target("questions a case, mean", report.ours["questions_mean"], "<=", 9),
        target("questions a case, 90 %", report.ours["questions_p90"], "<=", 12),
        target("questions, share of asking everything", report.ours["questions_share"], "<=", 0.6),
        target("exhaustive proof (s)", proof_s, "<=", 60),
    ]
    if with_rival:
        tell(RIVAL)
        _beside_rival(settings, ruleset, cases[:: max(1, len(cases) // RIVAL_CASES)], report)
    report.notes = [
        f"{len(people)} callers of seed {priors.seed} (bot/bench/callers.yaml): every fact independent of the others, "
        "shares invented, so questions compare ways of asking and forecast nothing. An opener counts for two, "
        f"{priors.unsure:.0%} of the answers are unsure, at most {max(priors.heard)} facts are heard before.",
        f"Judging and asking: each caller with {', '.join(f'{share:.0%}' for share in SHARES)} of the answers known. "
        "likely_named: of the programmes that fit when everything is known, the share the interview names as likely "
        "or as open.",
    ]
    return report


def _partly(caller: Caller, share: float, place: int) -> dict[str, Any]:
    random = Random(place)
    return {name: value for name, value in caller.truth.items() if random.random() < share}


def _judged(ruleset: RuleSet, cases: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """Seconds for judging all programmes (checking the answers included) and for the next question, case by case."""
    judging, asking = [], []
    for case in cases:
        began = time.perf_counter()
        screening = evaluate(ruleset, case, AS_OF, ruleset.default_region)
        judging.append(time.perf_counter() - began)
        began = time.perf_counter()
        next_question(ruleset, screening, case, frozenset(), PLAN)
        asking.append(time.perf_counter() - began)
    return judging, asking


# --- the rival ---


def _beside_rival(settings: Settings, ruleset: RuleSet, cases: list[dict[str, Any]], report: Report) -> None:
    rules = settings_at(ruleset, AS_OF, ruleset.default_region)
    texts = {name: as_cel(rules.rules[name], rules.figures) for name in ruleset.order if name in rules.rules}
    known = [_as_json(settle(ruleset, case).values) for case in cases]
    python = _installed(settings)
    done = subprocess.run([str(python), "-I", str(SCRIPT)], input=json.dumps({"rules": texts, "cases": known}),
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise NotReady(f"{RIVAL} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no word'}")
    answer = json.loads(done.stdout)
    ours = [evaluate(ruleset, case, AS_OF, ruleset.default_region) for case in cases]
    same = [_agree(screening, truths) for screening, truths in zip(ours, answer["truths"], strict=True)]
    report.rivals[RIVAL] = {"judge_us": median(answer["milliseconds"]) * 1e3,
                            "judge_p95_us": quantile(answer["milliseconds"], 0.95) * 1e3,
                            "agrees": sum(same) / len(same)}
    report.compare(RIVAL, ("judge_us", "judge_p95_us"))
    report.targets.append(target(f"judging beside {RIVAL}, ratio", report.ratios[RIVAL].get("judge_us"), "<=", 0.02))


def _agree(screening: Screening, truths: dict[str, bool | None]) -> bool:
    return all(screening.case.results[name] == truth for name, truth in truths.items())


def as_cel(node: Node, figures: Any) -> str:
    """A rule in CEL. Bands of figures are two comparisons; a clerk's judgement and a missing figure stay unknown."""
    if isinstance(node, All):
        return "(" + " && ".join(as_cel(child, figures) for child in node.children) + ")"
    if isinstance(node, Any_):
        return "(" + " || ".join(as_cel(child, figures) for child in node.children) + ")"
    if isinstance(node, Not):
        return "!(" + as_cel(node.child, figures) + ")"
    if isinstance(node, ProgrammeRef):
        return f"p_{node.programme}"  # judged before: the rules come in order
    if isinstance(node, Clerk):
        return "unknown_judgement"
    if isinstance(node, IsIn):
        return f"{node.fact} in [" + ", ".join(json.dumps(value) for value in sorted(node.values, key=str)) + "]"
    if isinstance(node, HasAny):
        parts = [f'"{value}" in {node.fact}' for value in sorted(node.values)]
        return "(" + (" && " if node.every else " || ").join(parts) + ")"
    return _compared(node, figures)


def _compared(node: Compare, figures: Any) -> str:
    bound: Interval | None = node.threshold.bound(figures)
    if bound is None:
        return "unknown_figure"
    per = f" * {node.per}" if node.per else ""
    low, high = (f"{float(end)}{per}" for end in bound)
    sure, never = {"less_than": (f"< {low}", f">= {high}"), "at_most": (f"<= {low}", f"> {high}"),
                   "more_than": (f"> {high}", f"<= {low}"), "at_least": (f">= {high}", f"< {low}"),
                   "equals": (f"== {low}", f"!= {low}")}[node.op]
    if bound[0] == bound[1]:
        return f"({node.fact} {sure})"
    # inside the band it is neither: unknown
    return f"(({node.fact} {sure}) || (!({node.fact} {never}) && unknown_figure))"


def _as_json(values: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, tuple):
            low, high = value
            if low == high and Decimal(low) != INFINITE:
                found[name] = float(low)
        else:
            found[name] = sorted(value) if isinstance(value, frozenset) else value
    return found


def _installed(settings: Settings) -> Path:
    """The rival's own Python, set up from the locked requirements where it is missing. Raises NotReady."""
    folder = settings.build / "rival-cel"
    python, mark = folder / "bin" / "python", folder / "installed"
    if mark.exists() and mark.read_text(encoding="utf-8") == REQUIREMENTS.read_text(encoding="utf-8"):
        return python
    made = subprocess.run([str(PROJECT / "scripts" / "setup"), "uv"], capture_output=True, text=True, check=False)
    uv = made.stdout.strip().splitlines()[-1] if made.returncode == 0 and made.stdout.strip() else None
    if uv is None:
        raise NotReady("uv could not be set up; run scripts/setup uv, or measure with --without-stock")
    steps = [[uv, "venv", "-q", "--clear", "--python", str(PROJECT / ".venv" / "bin" / "python"), str(folder)],
             [uv, "pip", "install", "-q", "--python", str(python), "--require-hashes", "-r", str(REQUIREMENTS)]]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False, env=dict(os.environ))
        if done.returncode != 0:
            raise NotReady(f"{RIVAL} was not installed; measure with --without-stock: {done.stderr.strip()[-200:]}")
    mark.write_text(REQUIREMENTS.read_text(encoding="utf-8"), encoding="utf-8")
    return python
