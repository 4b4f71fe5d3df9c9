"""Every medicine and every dose of it that was spoken stands in the note, whatever else has to give way."""

from __future__ import annotations

from collections.abc import Collection

from shared.notes import lexica
from shared.notes.numbers import Number, doses_in
from shared.notes.passages import Passage, answer_to, questions_before
from shared.notes.talk import Sentence, Talk

Mention = str | tuple[str, Number]
"""A medicine, or a medicine with a dose."""


def forgotten(talk: Talk, quoted: Collection[int]) -> list[Passage]:
    """A passage for each medicine and dose that no sentence of `quoted` names; few sentences that name many."""
    told = {mention for index in quoted for mention in _mentions(talk, talk.sentences[index])}
    naming = [(sentence, _mentions(talk, sentence)) for sentence in talk.sentences]
    passages = []
    for sentence, mentions in sorted(naming, key=lambda item: -len(item[1])):
        if mentions - told:
            told |= mentions
            passages.append(passage_naming(talk, sentence))
    return passages


def needs_question(talk: Talk, sentence: Sentence) -> bool:
    """Whether the question names a medicine that its answer takes for granted."""
    return any(not _named(question) <= _named(sentence) for question in questions_before(talk, sentence))


def _mentions(talk: Talk, sentence: Sentence) -> set[Mention]:
    """Medicines and doses of a sentence, read together with the questions it answers."""
    together = " ".join(s.text for s in (*questions_before(talk, sentence), sentence))
    return {*_named(sentence), *doses_in(together)}


def _named(sentence: Sentence) -> frozenset[str]:
    return lexica.medicines().intersection(sentence.words)


def passage_naming(talk: Talk, sentence: Sentence) -> Passage:
    """What is quoted of a sentence for the names in it: with its question, or with the answer it got."""
    if sentence.is_question:
        answer = answer_to(talk, sentence)
        return Passage((sentence.index, *(s.index for s in answer)), unanswered=not answer)
    return Passage((*(question.index for question in questions_before(talk, sentence)), sentence.index))
