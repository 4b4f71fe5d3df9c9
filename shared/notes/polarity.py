"""What is said to be so, and what is said not to be so."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from shared.notes import lexica
from shared.notes.passages import answer_to
from shared.notes.talk import Sentence, Talk, words_of
from shared.notes.wording import concept, is_content

NEGATION_REACH = 8
"""Words after a negation, within its clause, that it denies."""

CLAUSE_END = re.compile(r"[.;:!?]|,\s|\b(?:but|however|although|though|except|because)\b", re.IGNORECASE)
DENYING = frozenset({"denies", "denied", "denying", "deny"})

Polarity = Mapping[str, frozenset[bool]]
"""Concept to whether it occurs denied (True), affirmed (False) or both."""


def polarity_of(text: str) -> Polarity:
    """Polarity of each concept of a text in which everything is asserted."""
    found: defaultdict[str, set[bool]] = defaultdict(set)
    denies_all = False
    for clause in CLAUSE_END.split(lexica.plain(text)):
        reach = 0
        for word in words_of(clause):
            if word in lexica.words().negations:
                reach = NEGATION_REACH
                denies_all = denies_all or word in DENYING
            elif is_content(word):
                found[concept(word)].add(reach > 0 or denies_all)
            reach -= 1
        denies_all = denies_all and "," in text
    return {name: frozenset(values) for name, values in found.items()}


def spoken_polarity(talk: Talk, cited: Sequence[Sentence]) -> Polarity:
    """Polarity of each concept of what was said: a question takes the polarity of its answer.

    A question answered neither yes nor no asserts either; one without an answer among `cited` asserts nothing.
    """
    found: defaultdict[str, set[bool]] = defaultdict(set)
    answers = {sentence.index for sentence in cited}
    for sentence in cited:
        spoken = polarity_of(sentence.text)
        if sentence.is_question:
            answer = [s for s in answer_to(talk, sentence) if s.index in answers and s.speaker != sentence.speaker]
            spoken = dict.fromkeys(spoken, _answered(answer)) if answer else {}
        for name, values in spoken.items():
            found[name] |= values
    return {name: frozenset(values) for name, values in found.items()}


def _answered(answer: Sequence[Sentence]) -> frozenset[bool]:
    said = [word for sentence in answer for word in sentence.words if word not in lexica.words().fillers]
    if said and said[0] in lexica.words().refusals:
        return frozenset({True})
    if said and said[0] in lexica.words().affirmations:
        return frozenset({False})
    return frozenset({True, False})
