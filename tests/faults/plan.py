"""What a run is made of: how many messages and conversations, which stories, which faults, all from one seed."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions.language.files import load_yaml

PERSONAS = Path(__file__).resolve().parent.parent / "stories" / "personas"
# story → how many of ten conversations tell it; "chatter" writes in bursts and asks only about the rules
MIX = {"fire": 4, "illness": 1, "neighbour": 1, "night_danger": 1, "chatter": 2, "person": 1}
FILLERS = [
    "低保标准是多少",
    "要带什么材料去办理",
    "谢谢你",
    "外地户口能办临时救助吗",
    "特困供养是什么",
    "在哪里办",
    "好的谢谢",
    "临时救助多久能批下来",
]
WRITTEN_TO_A_PERSON = ["您好，有人在吗", "我等您"]
# of what goes over the web: sent twice at once, an old one sent again, two at once in any order
TWICE, LATE = 0.08, 0.05
CONCURRENT = 12
# each of them once, workers twice; a longer run repeats them for every thousand messages
FAULTS = [
    "worker",
    "app_500",
    "courier",
    "app_hangs_after",
    "redis",
    "engine",
    "app_429",
    "flush",
    "web",
    "worker",
    "app_drops_after",
    "postgres",
    "ask_fails",
]


@dataclass(frozen=True)
class Story:
    """What one resident says: first, to each question, otherwise."""

    name: str
    opening: tuple[str, ...]
    answers: dict[str, str]
    otherwise: str
    burst: bool = False


@dataclass(frozen=True)
class Cast:
    """One conversation: who tells what where, how many messages at least, and after which message a person comes."""

    number: int
    channel: str
    story: Story
    quota: int
    taken_over_after: int | None


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    messages: int
    conversations: tuple[Cast, ...]
    faults: tuple[str, ...]


def stories() -> dict[str, Story]:
    """The persona files of the stories, and two that only these runs have."""
    found = {}
    for path in sorted(PERSONAS.glob("*.yaml")):
        data: Any = load_yaml(path)
        answers = {str(name): str(text) for name, text in data["answers"].items()}
        answers["own_page"] = "不用了"
        found[path.stem] = Story(path.stem, tuple(map(str, data["opening"])), answers, str(data["otherwise"]))
    found["chatter"] = Story("chatter", ("你好",), {}, "不用了", burst=True)
    found["person"] = Story("person", ("转人工",), {}, "不用了")
    return found


def make_plan() -> Plan:
    """The plan that FAULTS_SEED, FAULTS_MESSAGES and FAULTS_CONVERSATIONS describe."""
    seed = int(os.environ.get("FAULTS_SEED", "1"))
    messages = int(os.environ.get("FAULTS_MESSAGES", "250"))
    conversations = int(os.environ.get("FAULTS_CONVERSATIONS", "30"))
    dice = random.Random(seed)
    told = stories()
    names = [name for name, share in MIX.items() for _ in range(share)]
    each, rest = divmod(messages, conversations)
    cast = []
    for number in range(conversations):
        story = told[names[number % len(names)]]
        # every fifth is taken over; with these numbers some of each story and each channel are, most are not
        after = dice.randint(1, 4) if number % 5 == 3 else None
        cast.append(Cast(number, ("web", "telegram")[number // 2 % 2], story, each + (number < rest), after))
    dice.shuffle(cast)
    faults: list[str] = []
    for _ in range(max(1, messages // 1000)):
        some = list(FAULTS)
        dice.shuffle(some)
        faults += some
    return Plan(seed, messages, tuple(cast), tuple(faults))
