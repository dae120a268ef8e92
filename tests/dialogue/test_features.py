"""What the readers see equals what scikit-learn sees, and rows of sentences equal those of the sentences alone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from actions.language.sentences import spans
from bot.dialogue.components.features import (
    CharacterGroups,
    Words,
    find_meanings,
    flat,
    side_by_side,
    stacked,
    weigh,
    weigh_meanings,
)
from bot.dialogue.components.linear import even_sharpness

LEARNED = ["房子昨天着火了，没得地方住", "房子 昨天  漏水，钱也没得", "娃儿病了，住院要好多钱", "低保 Card 咋个办", "低保好久发钱？"]
READ = ["房子着火了。娃儿也病了，没钱；住院", "", "  ", "完全没见过", "CARD 低保", "钱钱钱", "𠀀房子\ud800"]


def rows_of(kind: CharacterGroups | Words, texts: list[Any]) -> np.ndarray:
    found = [weigh(kind.find(text), (), kind.rarity) for text in texts]
    return side_by_side([(stacked(found), len(kind.rarity))], len(texts)).toarray()


def test_groups_weigh_as_in_scikit_learn() -> None:
    ours = CharacterGroups(3).fit(LEARNED)
    theirs = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True).fit(LEARNED)
    assert sorted(ours.names()) == sorted(theirs.get_feature_names_out())
    columns = [ours.names().index(name) for name in theirs.get_feature_names_out()]
    assert np.allclose(rows_of(ours, [flat(text) for text in READ])[:, columns], theirs.transform(READ).toarray(), atol=1e-6)


def test_words_weigh_as_in_scikit_learn() -> None:
    cut = [list(text) for text in LEARNED]
    ours = Words().fit(cut)
    theirs = TfidfVectorizer(analyzer=lambda words: [w for w in words if not w.isspace()], min_df=2,
                             sublinear_tf=True).fit(cut)
    assert ours.names() == list(theirs.get_feature_names_out())
    assert np.allclose(rows_of(ours, [list(text) for text in READ]), theirs.transform([list(text) for text in READ]).toarray(), atol=1e-6)


@given(st.lists(st.sampled_from(["房子", "着火了", "，", "。", "！", "没得钱", "住院", " ", "x", "\n"]), max_size=40).map("".join))
def test_a_sentence_counts_as_if_it_stood_alone(text: str) -> None:
    form = flat(text)
    groups, words = CharacterGroups(3).fit(LEARNED), Words().fit([list(one) for one in LEARNED])
    patterns = [re.compile("钱|费"), re.compile("火")]
    parts = spans(form)

    def seen(text: str, parts: list[tuple[int, int]]) -> np.ndarray:
        kinds = [(weigh(groups.find(text), parts, groups.rarity), len(groups.rarity)),
                 (weigh(words.find(list(text)), parts, words.rarity), len(words.rarity)),
                 (weigh_meanings(find_meanings(patterns, text), parts, 2), 2)]
        return side_by_side(kinds, 1 + len(parts)).toarray()

    rows = seen(form, parts)
    assert np.allclose(rows[0], seen(form, [])[0])
    for row, (start, end) in zip(rows[1:], parts, strict=True):
        assert np.allclose(row, seen(form[start:end], [])[0])


def test_nothing_learned_sees_nothing() -> None:
    groups = CharacterGroups(2).fit([])
    assert rows_of(groups, ["房子"]).shape == (1, 0)
    assert Words().fit([]).names() == []


def test_stretched_until_as_sure_as_right() -> None:
    scores = np.array([[2.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.5, 0.0], [0.0, 0.0, 0.5]])
    right = np.array([0, 1, 1, 0])  # half of them
    stretch = even_sharpness(scores, right)
    sure = (np.exp(scores * stretch) / np.exp(scores * stretch).sum(axis=1, keepdims=True)).max(axis=1).mean()
    assert 0.5 <= sure < 0.53
