"""The published caller generator: residents with a situation each, one seed, who answer as people do."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from actions.language.files import ConfigError, line_of, load_yaml, nearest, require_keys
from actions.screening.ask import Question
from actions.screening.model import MEASURES, MONEY, SOME_OF, UNSURE, RuleSet

FILE = Path(__file__).with_name("callers.yaml")


@dataclass(frozen=True)
class Priors:
    """What callers.yaml says: shares of answers, how much is told openly, how often nobody knows."""

    seed: int
    callers: int
    unsure: float
    heard: Mapping[int, float]
    tell_first: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Caller:
    """One resident: what is so, and which of it the first sentence tells."""

    truth: Mapping[str, Any]
    heard: Mapping[str, Any]


def load_priors(ruleset: RuleSet, path: Path = FILE) -> Priors:
    """Reads the shares. ConfigError for a fact or option the rules do not know."""
    data = load_yaml(path)
    require_keys(path, data, ("seed", "callers", "unsure", "heard", "tell_first", "facts"))
    for name, shares in data["facts"].items():
        if name not in ruleset.facts:
            raise ConfigError(path, line_of(data["facts"], name), f"unknown fact {name!r}",
                              nearest(name, ruleset.facts))
        options = ruleset.facts[name].options
        for option in shares.get("several", shares) if options else ():
            if option not in options:
                raise ConfigError(path, line_of(data["facts"], name), f"{name}: unknown option {option!r}",
                                  nearest(str(option), options))
    return Priors(int(data["seed"]), int(data["callers"]), float(data["unsure"]),
                  {int(count): float(share) for count, share in data["heard"].items()},
                  tuple(data["tell_first"]), data["facts"])


def callers(ruleset: RuleSet, priors: Priors, count: int | None = None) -> list[Caller]:
    """The callers of this seed, always the same."""
    random = Random(priors.seed)
    return [_caller(ruleset, priors, random) for _ in range(count or priors.callers)]


def _caller(ruleset: RuleSet, priors: Priors, random: Random) -> Caller:
    truth = {name: _draw(ruleset, name, shares, random) for name, shares in priors.facts.items()}
    tellable = [name for name in priors.tell_first if _worth_telling(truth[name])]
    count = random.choices(list(priors.heard), list(priors.heard.values()))[0]
    return Caller(truth, {name: truth[name] for name in tellable[:count]})


def _draw(ruleset: RuleSet, name: str, shares: Any, random: Random) -> Any:
    fact = ruleset.facts[name]
    if fact.type == SOME_OF:
        return [option for option, share in shares["several"].items() if random.random() < share]
    if fact.type in MEASURES:
        low, high, _ = random.choices(shares["numbers"], [share for _, _, share in shares["numbers"]])[0]
        number = random.randint(int(low), int(high))
        return str(number) if fact.type == MONEY else number
    if fact.options:
        return random.choices(list(shares), [float(share) for share in shares.values()])[0]
    return random.random() < float(shares[True])


def _worth_telling(value: Any) -> bool:
    """What somebody would call about: not that everything is as usual."""
    return value not in (False, [], "none", "own", "caring")


class Answering:
    """One caller on the telephone. `unsure`: how often a question is answered with "I do not know"."""

    def __init__(self, caller: Caller, unsure: float, seed: int) -> None:
        self.caller, self.unsure, self.random = caller, unsure, Random(seed)

    def answer(self, question: Question) -> Any:
        """The value for the question: of a button where it offers bands, else what is so."""
        if self.random.random() < self.unsure:
            return UNSURE
        truth = self.caller.truth
        if not question.is_fact:
            return [option.value[0] for option in question.options
                    if isinstance(option.value, list) and option.value and truth[option.value[0]] is True]
        value = truth[question.fact]
        if question.asked_as == question.fact:
            return value
        bands = [option.value for option in question.options if isinstance(option.value, dict)]
        return next((band for band in bands if _inside(value, band)), value)


def _inside(value: Any, band: Mapping[str, Any]) -> bool:
    low, high = band["from"], band["to"]
    return (low is None or float(value) >= float(low)) and (high is None or float(value) <= float(high))
