"""The second reader of danger: how likely a message says that somebody may die now, and of which kind.

The gates of config/danger hear what their words say; this reader hears what sounds like it. It only ever raises.
Learned from nlu_data/danger, sentence by sentence; docs/guarantees/danger-first.md says what it finds and misses.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from actions.language.files import ConfigError, line_of, load_yaml, require_keys
from actions.language.sentences import MOST, sentences
from bot.conversation.danger import Gates, load_gates, plain_form
from bot.dialogue.components.features import CharacterGroups, Rows, flat, side_by_side, stacked, weigh
from bot.dialogue.components.linear import Scores, best_sharpness, scores_of
from bot.dialogue.components.meanings import Meanings, load_meanings
from bot.settings import PROJECT

READING = "danger"
MEANINGS, NONE = "meanings.yml", "none"
LEVELS = ("none", "now", "past")  # in the order of the model's columns
LONGEST = 3  # characters in a group; four found no more on held-back folds and made the model a half larger
MEANING_WEIGHT = 0.15  # beside tf-idf rows of length one; chosen together with C on held-back folds
FOLDS, SEED = 5, 20261121


@dataclass(frozen=True)
class Sentence:
    """One sentence of nlu_data/danger."""

    text: str
    level: str
    kind: str


def load_sentences(folder: Path) -> list[Sentence]:
    """The sentences of every kind. Raises ConfigError with file, line, what and how to mend."""
    found = []
    for path in sorted(folder.glob("*.yml")):
        if path.name == MEANINGS:
            continue
        data = load_yaml(path)
        require_keys(path, data, ["kind"], list(LEVELS))
        if data["kind"] != path.stem:
            raise ConfigError(path, line_of(data, "kind"), f"kind {data['kind']!r} is not the file's name",
                              "make the two equal")
        for level in LEVELS:
            found += [Sentence(str(text), level, path.stem) for text in data.get(level) or ()]
    if not found:
        raise ConfigError(folder, None, "no sentence of danger is here", "restore nlu_data/danger")
    return found


def pieces(text: str) -> list[str]:
    """What is read at once: a short text whole, so that its "last year" counts; a long one sentence by sentence."""
    return sentences(text) if len(text) > MOST else [text]


class Material:
    """What the reader learns from: pieces of text with level and kind."""

    def __init__(self, own: Sequence[Sentence], others: Sequence[str], gates: Gates) -> None:
        """`others`: everyday utterances; one in which a gate hears danger says neither yes nor no and is left out."""
        rows = [(plain_form(one.text), one.level, one.kind) for one in own]
        rows += [(plain_form(piece), NONE, NONE) for text in others if not gates.check(text) for piece in pieces(text)]
        self.texts = [text for text, _, _ in rows]
        self.levels = np.array([level for _, level, _ in rows])
        self.kinds = np.array([kind for _, _, kind in rows])
        self.own = np.arange(len(rows)) < len(own)


class Reader:
    """Texts in, chances out. Learned once; small enough to be copied into every worker."""

    def __init__(self, meanings: Meanings, fit: float = 20.0) -> None:
        self._meanings = list(meanings.values())
        self._fit = fit
        self._characters = CharacterGroups(LONGEST)
        self._level: Scores | None = None
        self._kind: Scores | None = None
        self._sharpness = 1.0

    def _features(self, texts: Sequence[str]) -> csr_matrix:
        many = len(self._meanings)
        seen, spoken = [], []
        for text in texts:
            seen.append(weigh(self._characters.find(flat(text)), (), self._characters.rarity))
            heard = [place for place, words in enumerate(self._meanings) if words.search(text)]
            columns = np.array(heard + [many + one * many + two for one, two in combinations(heard, 2)], dtype=np.int64)
            spoken.append(Rows(np.zeros_like(columns), columns,
                               np.full(len(columns), MEANING_WEIGHT, dtype=np.float32)))
        parts = [(stacked(seen), len(self._characters.rarity)), (stacked(spoken), many + many * many)]
        return side_by_side(parts, len(texts))

    def _learn(self, texts: Sequence[str], labels: np.ndarray) -> Scores:
        model = LogisticRegression(C=self._fit, solver="liblinear", class_weight="balanced", random_state=SEED)
        return scores_of(model.fit(self._features(texts), labels))

    def learn(self, material: Material) -> None:
        """Learns levels from everything and kinds from what is danger."""
        self._sharpness = best_sharpness(*self.held_back(material))
        self._characters = CharacterGroups(LONGEST).fit(material.texts)
        self._level = self._learn(material.texts, material.levels)
        danger = np.flatnonzero(material.kinds != NONE)
        kinds = LogisticRegression(C=self._fit, max_iter=300, class_weight="balanced")  # few texts: one model for all
        self._kind = scores_of(kinds.fit(self._features([material.texts[i] for i in danger]), material.kinds[danger]))

    def held_back(self, material: Material) -> tuple[np.ndarray, np.ndarray]:
        """(scores text × level, right column) of each text as read by a model that never saw it."""
        scores = np.zeros((len(material.texts), len(LEVELS)))
        right = np.searchsorted(LEVELS, material.levels)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
        for seen, unseen in folds.split(material.texts, right):
            known = [material.texts[i] for i in seen]
            self._characters = CharacterGroups(LONGEST).fit(known)
            model = self._learn(known, material.levels[seen])
            scores[unseen] = model.of(self._features([material.texts[i] for i in unseen]))
        return scores, right

    def read(self, text: str) -> dict[str, Any]:
        """{now, kind, kinds: {kind: chance}}: of the piece that says most clearly that somebody may die now."""
        assert self._level is not None and self._kind is not None
        features = self._features(pieces(plain_form(text)))
        levels = softmax(self._level.of(features) * self._sharpness, axis=1)
        worst = int(levels[:, LEVELS.index("now")].argmax())
        now = float(levels[worst, LEVELS.index("now")])
        kinds = softmax(self._kind.of(features[worst])[0])
        best = int(kinds.argmax())
        return {"now": now, "kind": str(self._kind.labels[best]),
                "kinds": {str(name): float(now * part) for name, part in zip(self._kind.labels, kinds, strict=True)}}

    def state(self) -> dict[str, Any]:
        """Everything `from_state` needs."""
        assert self._level is not None and self._kind is not None
        return {"meanings": [words.pattern for words in self._meanings], "characters": self._characters,
                "level": self._level, "kind": self._kind, "sharpness": self._sharpness}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Reader:
        """A reader that was learned before."""
        reader = cls({str(place): re.compile(words) for place, words in enumerate(state["meanings"])})
        reader._characters, reader._sharpness = state["characters"], state["sharpness"]
        reader._level, reader._kind = state["level"], state["kind"]
        return reader


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class DangerReader(GraphComponent):
    """Adds `danger` to a message: see Reader.read."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`silent`: intents whose utterances often carry danger nobody marked; `edition`: of the files read here."""
        return {"folder": "nlu_data/danger", "silent": [], "C": 20.0, "edition": None}

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource,
                 reader: Reader | None = None) -> None:
        self._config, self._storage, self._resource, self._reader = config, storage, resource, reader

    @classmethod
    def create(cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
               execution_context: ExecutionContext) -> DangerReader:
        """A new one, to be trained."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from nlu_data/danger, and from other short utterances that nobody is in danger.

        Letters tell of old dangers that nobody has marked: with them as calm a fifth less of a held-out batch is found.
        """
        folder = PROJECT / self._config["folder"]
        others = [e.get(TEXT) for e in training_data.intent_examples
                  if 0 < len((e.get(TEXT) or "").strip()) < MOST and e.get(INTENT) not in self._config["silent"]]
        self._reader = Reader(load_meanings(folder / MEANINGS), self._config["C"])
        self._reader.learn(Material(load_sentences(folder), others, load_gates()))
        with self._storage.write_to(self._resource) as place:
            (place / "danger.pickle").write_bytes(pickle.dumps(self._reader.state()))
        return self._resource

    @classmethod
    def load(cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource,
             execution_context: ExecutionContext, **kwargs: Any) -> DangerReader:
        """The trained one."""
        with model_storage.read_from(resource) as place:
            state = pickle.loads((place / "danger.pickle").read_bytes())
        return cls(config, model_storage, resource, Reader.from_state(state))

    def process(self, messages: list[Message]) -> list[Message]:
        """Reads each message."""
        for message in messages:
            if message.get(TEXT) and self._reader is not None:
                message.set(READING, self._reader.read(message.get(TEXT)), add_to_output=True)
        return messages
