"""Reads the intent: words, character groups and meanings, two linear models that become one. No TensorFlow.

A message is read as a whole and sentence by sentence, so that a request in the last line of a long letter is heard.
What was tried and measured: docs/understanding.md.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix, vstack
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB

from actions.language.dialect import to_standard
from actions.language.normalise import normalise
from actions.language.sentences import Span, spans
from bot.dialogue.components.features import (
    CharacterGroups,
    Rows,
    Words,
    find_meanings,
    flat,
    side_by_side,
    weigh,
    weigh_meanings,
)
from bot.dialogue.components.linear import Scores, even_sharpness
from bot.dialogue.components.meanings import load_meanings
from bot.dialogue.components.segmenter import Segmenter
from bot.settings import PROJECT

RANKING, SENTENCES = "intent_ranking", "sentences"
RANKED = 10
MOST_SENTENCES = 60  # 3,000 characters are read; nobody's fortieth request is served before a person has seen it
HELD_PARTS, HELD_LEAST, HELD_SEED = 3, 1_000, 20261121
SMOOTHING = 0.3  # of naive Bayes
LONGEST = 3  # characters in a group


def standard_form(text: str) -> str:
    """One way of writing and of saying things: the dialect's word becomes the standard one (config/language)."""
    return flat(to_standard(normalise(text).text).text)


def mixed(rows: np.ndarray, by_sentences: float) -> np.ndarray:
    """The logarithm of how likely each label is: by the whole message (first row) and by its sentences."""
    logs = rows - logsumexp(rows, axis=1, keepdims=True)
    if len(logs) == 1:
        return np.asarray(logs[0])
    average = logsumexp(logs[1:], axis=0) - np.log(len(logs) - 1)
    return np.asarray((1 - by_sentences) * logs[0] + by_sentences * average)


def learn(features: csr_matrix, labels: np.ndarray, config: Mapping[str, Any]) -> Scores:
    """Logistic regression (one label against the rest) and complement naive Bayes, added up to one linear model."""
    names, counts = np.unique(labels, return_counts=True)
    weights = dict(zip(names, (len(labels) / (len(names) * counts)) ** config["even"], strict=True))
    logistic = LogisticRegression(C=config["C"], solver="liblinear", class_weight=weights, random_state=HELD_SEED)
    logistic.fit(features, labels)
    bayes = ComplementNB(alpha=SMOOTHING).fit(features, labels)
    return Scores(
        names,
        np.ascontiguousarray((config["logistic"] * logistic.coef_ + config["bayes"] * bayes.feature_log_prob_).T,
                             dtype=np.float32),
        (config["logistic"] * logistic.intercept_).astype(np.float32),
    )


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class IntentReader(IntentClassifier, GraphComponent):
    """Intent with a probability for each label."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`dictionary_path`: jieba words; `meanings`: words of one meaning; `edition` of both, for Rasa's cache.

        `logistic`, `bayes`: shares of the two models. `C`: how freely the first fits. `even`: how far classes of
        different size are made equal, 0 to 1. `by_sentences`: share of what single sentences say on average.
        """
        return {
            "dictionary_path": None, "meanings": "nlu_data/meanings.yml", "edition": None,
            "C": 5.0, "logistic": 0.7, "bayes": 1.3, "even": 0.6, "by_sentences": 0.25,
        }

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, storage, resource
        self._segment = Segmenter(self._dictionary())
        self._meanings: dict[str, re.Pattern[str]] = {}
        self._characters = CharacterGroups(LONGEST)
        self._words = Words()
        self._scores: Scores | None = None
        self._sharpness = 1.0

    def _dictionary(self) -> list[str]:
        path = self._config.get("dictionary_path")
        return Path(path).read_text(encoding="utf-8").split() if path and Path(path).exists() else []

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> IntentReader:
        """A new one, to be trained."""
        return cls(config, model_storage, resource)

    def _learn_features(self, texts: list[str]) -> csr_matrix:
        """Learns what there is to see in these texts, and sees it: text × feature."""
        cut = [self._segment(text) for text in texts]
        self._words.fit(cut)
        self._characters.fit(texts)
        rows = [self._kinds(text, words, ()) for text, words in zip(texts, cut, strict=True)]
        return vstack([side_by_side(parts, 1) for parts in rows]).tocsr()

    def _kinds(self, text: str, words: list[str], parts: Sequence[Span]) -> list[tuple[Rows, int]]:
        """What is seen of a text and of its parts: words, groups of characters, meanings, each with its width."""
        seen = [(weigh(self._words.find(words), parts, self._words.rarity), len(self._words.rarity)),
                (weigh(self._characters.find(text), parts, self._characters.rarity), len(self._characters.rarity))]
        if self._meanings:
            said = find_meanings(self._meanings.values(), text)
            seen.append((weigh_meanings(said, parts, len(self._meanings)), len(self._meanings)))
        return seen

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from every utterance with an intent."""
        examples = [e for e in training_data.intent_examples if (e.get(TEXT) or "").strip()]
        texts = [standard_form(e.get(TEXT)) for e in examples]
        path = self._config["meanings"]
        self._meanings = dict(load_meanings(PROJECT / path)) if path else {}
        labels = np.array([e.get(INTENT) for e in examples])
        self._sharpness = self._calibrate(texts, labels)
        features = self._learn_features(texts)
        self._scores = learn(features, labels, self._config)
        with self._storage.write_to(self._resource) as folder:
            state = {
                "words": self._segment.names,
                "meanings": {name: words.pattern for name, words in self._meanings.items()},
                "word_columns": self._words,
                "characters": self._characters,
                "scores": self._scores,
                "sharpness": self._sharpness,
            }
            (folder / "intent.pickle").write_bytes(pickle.dumps(state))
        return self._resource

    def _calibrate(self, texts: list[str], labels: np.ndarray) -> float:
        """How far scores must be stretched so that 0.7 means right seven times in ten, by parts held back in turn.

        A part teaches not even the vocabulary: words known only from it would take a share of each text's weight and
        make its scores smaller than those of a text that is really new, and the stretch too large. One part alone is
        too few: its best stretch was 1.1 or 1.2 as chance would have it.
        """
        if len(labels) < HELD_LEAST:
            return 1.0
        part = np.random.default_rng(HELD_SEED).integers(HELD_PARTS, size=len(labels))
        names, found, right = np.unique(labels), [], []
        for held in range(HELD_PARTS):
            kept = np.flatnonzero(part != held)
            scores = learn(self._learn_features([texts[i] for i in kept]), labels[kept], self._config)
            if len(scores.labels) < len(names):
                continue  # a label all of whose few texts are held back
            for i in np.flatnonzero(part == held):
                rows = self._rows(texts[i], scores)
                if rows is not None:
                    found.append(mixed(rows, self._config["by_sentences"]))
                    right.append(labels[i])
        return even_sharpness(np.array(found), np.searchsorted(names, right)) if found else 1.0

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> IntentReader:
        """The trained one."""
        reader = cls({**config, "dictionary_path": None}, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            state = pickle.loads((folder / "intent.pickle").read_bytes())
        reader._segment = Segmenter(state["words"])
        reader._meanings = {name: re.compile(pattern) for name, pattern in state["meanings"].items()}
        reader._words, reader._characters = state["word_columns"], state["characters"]
        reader._scores, reader._sharpness = state["scores"], state["sharpness"]
        return reader

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets intent, ranking and what single sentences say; a text in which nothing is known keeps no intent."""
        for message in messages:
            text = message.get(TEXT)
            if text and self._scores is not None:
                ranking, sentences_read = self.rank(text)
                message.set(INTENT, ranking[0] if ranking else {"name": None, "confidence": 0.0}, add_to_output=True)
                message.set(RANKING, ranking, add_to_output=True)
                message.set(SENTENCES, sentences_read, add_to_output=True)
        return messages

    def rank(self, text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """(the likeliest intents with their probabilities, best first; what each of several sentences asks for)."""
        form = standard_form(text)
        if self._scores is None:
            return [], []
        rows = self._rows(form, self._scores)
        if rows is None:
            return [], []
        chances = softmax(mixed(rows, self._config["by_sentences"]) * self._sharpness)
        parts = softmax(rows[1:] * self._sharpness, axis=1)
        return self._named(chances, RANKED), [self._named(part, 1)[0] for part in parts]

    def _rows(self, form: str, scores: Scores) -> np.ndarray | None:
        """Scores of the whole text and, if there are several, of each of its sentences; None where nothing is known."""
        parts = spans(form)[-MOST_SENTENCES:]
        parts = parts if len(parts) > 1 else []
        features = side_by_side(self._kinds(form, self._segment(form), parts), 1 + len(parts))
        return scores.of(features) if features.indptr[1] else None

    def _named(self, chances: np.ndarray, most: int) -> list[dict[str, Any]]:
        assert self._scores is not None
        best = np.argsort(-chances)[:most]
        return [{"name": str(self._scores.labels[i]), "confidence": float(chances[i])} for i in best]

    def why(self, text: str, intent: str, most: int = 8) -> list[dict[str, Any]]:
        """The features of this text that speak most for the intent, beside what speaks for any: [{feature, weight}]."""
        if self._scores is None or intent not in self._scores.labels:
            return []
        row = list(self._scores.labels).index(intent)
        form = standard_form(text)
        features = side_by_side(self._kinds(form, self._segment(form), ()), 1)
        names = [*self._words.names(), *self._characters.names(), *(f"<{name}>" for name in self._meanings)]
        weights = features.multiply(self._scores.weights[:, row] - self._scores.weights.mean(axis=1)).tocoo()
        ranked = sorted(zip(weights.col, weights.data, strict=True), key=lambda pair: -pair[1])[:most]
        return [
            {"feature": str(names[column]), "weight": round(float(weight), 3)}
            for column, weight in ranked
            if weight > 0
        ]
