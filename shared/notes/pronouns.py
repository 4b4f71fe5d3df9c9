"""Pronouns are only ever those given: which prose uses others for the one it is about."""

from __future__ import annotations

from shared.domain.note import Pronouns
from shared.notes import lexica
from shared.notes.talk import words_of

_MASCULINE = frozenset({"he", "him", "his", "himself", "he's", "he'd", "he'll"})
_FEMININE = frozenset({"she", "her", "hers", "herself", "she's", "she'd", "she'll"})
_CONTRARY = {
    Pronouns.MASCULINE: _FEMININE,
    Pronouns.FEMININE: _MASCULINE,
    Pronouns.NEUTRAL: _MASCULINE | _FEMININE,
}


def misuses_pronoun(prose: str, subject: str, pronouns: Pronouns) -> bool:
    """Whether prose about `subject` has a pronoun that is neither theirs nor can be anybody else's.

    Once another person is spoken of ("her brother", "the doctor"), a pronoun may be theirs and nothing is said against
    it. "They" is never held against anybody: it may stand for several.
    """
    contrary = _CONTRARY[pronouns]
    own_name = set(words_of(subject))
    for word in words_of(prose):
        if word in contrary:
            return True
        if word in lexica.words().others and word not in own_name:
            return False
    return False
