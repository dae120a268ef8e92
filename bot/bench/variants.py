"""The intent reader in its parts: what each adds, on the same data in one run. `python -m bot.bench.variants`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bot.bench.nlu import Item, Said, is_held, item_of, measuring_data, scores
from bot.bench.rival import own_utterances
from bot.dialogue.components.intent import IntentReader, Scores, learn, mixed, standard_form
from bot.dialogue.components.meanings import load_meanings
from bot.dialogue.engine import in_context, readable_part
from bot.settings import PROJECT

Learn = Callable[[csr_matrix, np.ndarray, Mapping[str, Any]], Scores]


def one_for_all(features: csr_matrix, labels: np.ndarray, config: Mapping[str, Any]) -> Scores:
    """One multinomial logistic regression, as Rasa's LogisticRegressionClassifier has it."""
    model = LogisticRegression(C=config["C"], max_iter=200, class_weight="balanced").fit(features, labels)
    return Scores(model.classes_, np.ascontiguousarray(model.coef_.T), model.intercept_)


@dataclass(frozen=True)
class Variant:
    """What is taken of the reader."""

    name: str
    learn: Learn
    config: Mapping[str, Any]
    meanings: bool = False


BASE = IntentReader.get_default_config()
ALONE = {**BASE, "by_sentences": 0.0}
VARIANTS = (
    Variant("tf-idf, multinomial (C 10)", one_for_all, {**ALONE, "C": 10.0}),
    Variant("tf-idf, one against the rest", learn, {**ALONE, "bayes": 0.0}),
    Variant("tf-idf, naive Bayes alone", learn, {**ALONE, "logistic": 0.0}),
    Variant("one against the rest + naive Bayes", learn, ALONE),
    Variant("… + meanings", learn, ALONE, meanings=True),
    Variant("… + meanings + sentences (ours)", learn, BASE, meanings=True),
)


class _Reader(IntentReader):
    """The component without Rasa around it."""

    def __init__(self, variant: Variant) -> None:
        super().__init__(dict(variant.config), None, None)  # type: ignore[arg-type]
        self.variant = variant
        self._meanings = dict(load_meanings(PROJECT / BASE["meanings"])) if variant.meanings else {}

    def fit(self, texts: list[str], labels: np.ndarray) -> None:
        """Learns; chances are not calibrated here, only their order counts."""
        self._scores = self.variant.learn(self._learn_features(texts), labels, self._config)

    def best(self, text: str) -> dict[str, Any]:
        """The ranking, as the hotline reads it without an open question."""
        assert self._scores is not None
        rows = self._rows(standard_form(text), self._scores)
        if rows is None:
            return {"intent": {"name": None}, "intent_ranking": []}
        logs = mixed(rows, self._config["by_sentences"])
        ranking = self._named(np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum(), 40)
        return {"intent": ranking[0], "intent_ranking": ranking}


def measure(variant: Variant, own: list[tuple[str, str]], items: list[Item]) -> dict[str, Any]:
    """Scores of one variant: on real messages, and on our own utterances held back."""
    forms = [standard_form(text) for _, text in own]
    labels = np.array([intent for intent, _ in own])
    held = np.array([is_held(text) for _, text in own])
    reader = _Reader(variant)
    reader.fit([form for form, out in zip(forms, held, strict=True) if not out], labels[~held])
    unseen = [pair for pair, out in zip(own, held, strict=True) if out]
    right = [reader.best(text)["intent"]["name"] == intent for intent, text in unseen]
    reader = _Reader(variant)
    began = time.monotonic()
    reader.fit(forms, labels)
    seconds = time.monotonic() - began
    said = []
    for item in items:
        ranking = in_context(reader.best(readable_part(item.text)), asked=False)["intent_ranking"]
        name = ranking[0]["name"] if ranking else "out_of_scope"
        said.append(Said("thanks" if name == "goodbye" else name, 1.0))
    found = scores(items, said)
    return {"variant": variant.name, "lenient": found["lenient"], "lenient_in_scope": found["lenient_in_scope"],
            "macro_f1": found["macro_f1"], "held_right": sum(right) / len(right), "learn_s": seconds}


def main() -> None:
    """One JSON object a variant on stdout."""
    items = [item_of(json.loads(line)) for line in measuring_data().read_text(encoding="utf-8").splitlines()]
    own = own_utterances()
    for variant in VARIANTS:
        found = measure(variant, own, items)
        sys.stdout.write(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()},
                                    ensure_ascii=False) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
