"""What the linear readers share: character groups weighed by tf-idf, and how far scores are stretched to be chances."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from sklearn.feature_extraction.text import TfidfVectorizer


def characters(longest: int) -> TfidfVectorizer:
    """Groups of 1 to `longest` characters; what was seen once only teaches the sentence it stands in."""
    return TfidfVectorizer(analyzer="char", ngram_range=(1, longest), min_df=2, sublinear_tf=True, dtype=np.float32)


def best_sharpness(scores: np.ndarray, right: np.ndarray) -> float:
    """How far scores of held-back texts must be stretched so that 0.7 means right seven times in ten.

    `scores`: text × label; `right`: the column of each text's own label.
    """

    def loss(sharpness: float) -> float:
        stretched = scores * sharpness
        return float(np.mean(logsumexp(stretched, axis=1) - stretched[np.arange(len(right)), right]))

    return float(min(np.arange(0.5, 5.0, 0.1), key=loss))
