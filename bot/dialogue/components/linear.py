"""What the linear readers share: their weights, and how far scores are stretched to be chances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression


@dataclass(frozen=True)
class Scores:
    """A linear model: features → how much speaks for each label. `weights`: feature × label."""

    labels: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    def of(self, features: csr_matrix) -> np.ndarray:
        """text × label; only differences within a row mean something."""
        return np.asarray(features @ self.weights) + self.offsets


def scores_of(model: LogisticRegression) -> Scores:
    """What a learned model of three labels or more keeps: a third of its size, and no copy of it at every message."""
    return Scores(model.classes_, np.ascontiguousarray(model.coef_.T, dtype=np.float32),
                  model.intercept_.astype(np.float32))


def best_sharpness(scores: np.ndarray, right: np.ndarray) -> float:
    """How far scores of held-back texts must be stretched so that 0.7 means right seven times in ten.

    `scores`: text × label; `right`: the column of each text's own label.
    """

    def loss(sharpness: float) -> float:
        stretched = scores * sharpness
        return float(np.mean(logsumexp(stretched, axis=1) - stretched[np.arange(len(right)), right]))

    return float(min(np.arange(0.5, 5.0, 0.1), key=loss))


def even_sharpness(scores: np.ndarray, right: np.ndarray) -> float:
    """The stretch at which held-back texts are, on average, as sure of their likeliest label as it is right.

    With many labels the likeliest stretch is swayed by the few texts that are badly wrong; this one is not.
    """
    share = float(np.mean(scores.argmax(axis=1) == right))
    return next((float(stretch) for stretch in np.arange(0.5, 5.0, 0.05)
                 if softmax(scores * stretch, axis=1).max(axis=1).mean() >= share), 5.0)
