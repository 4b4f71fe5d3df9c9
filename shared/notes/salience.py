"""How much a sentence matters in its talk: TF-IDF closeness to what the whole talk is about, and hard facts."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from shared.notes import lexica
from shared.notes.numbers import numbers_in
from shared.notes.talk import Talk
from shared.notes.wording import content_words

FACT_BONUS = 0.35
"""For a number or the name of a medicine: what a reader looks up in a note."""

SHORT = 5
"""Content words at which a sentence has said enough to count in full."""


def salience(talk: Talk) -> NDArray[np.float64]:
    """One value of 0…about 1.4 for each sentence of the talk."""
    texts = [content_words(sentence.text) for sentence in talk.sentences]
    vocabulary = {word: column for column, word in enumerate(sorted({word for words in texts for word in words}))}
    if not vocabulary:
        return np.zeros(len(texts))
    cells = [(row, vocabulary[w], n) for row, words in enumerate(texts) for w, n in sorted(Counter(words).items())]
    rows, columns, counts = (np.array(values, dtype=np.intp) for values in zip(*cells, strict=True))
    idf = np.log((1 + len(texts)) / (1 + np.bincount(columns, minlength=len(vocabulary)))) + 1
    weights = np.sqrt(counts) * idf[columns]
    weights /= np.sqrt(np.bincount(rows, weights**2, len(texts)))[rows]
    centre = np.bincount(columns, weights, len(vocabulary))
    closeness = np.bincount(rows, weights * (centre / np.linalg.norm(centre))[columns], len(texts))
    fullness = np.minimum(np.array([len(words) for words in texts]) / SHORT, 1.0)
    facts = np.array([_states_facts(sentence.words) for sentence in talk.sentences])
    result: NDArray[np.float64] = closeness / max(float(closeness.max()), 1e-9) * fullness + FACT_BONUS * facts
    return result


def _states_facts(words: list[str]) -> bool:
    return bool(numbers_in(" ".join(words))) or any(word in lexica.medicines() for word in words)
