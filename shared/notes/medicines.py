"""Every medicine and every dose of it that was spoken stands in the note, whatever else has to give way."""

from __future__ import annotations

from collections.abc import Collection

from shared.notes import lexica
from shared.notes.numbers import Number, doses_in
from shared.notes.passages import Passage, answer_to, question_before
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
            passages.append(_passage(talk, sentence))
    return passages


def needs_question(talk: Talk, sentence: Sentence) -> bool:
    """Whether the question names a medicine that its answer takes for granted."""
    question = question_before(talk, sentence)
    return question is not None and not _named(question) <= _named(sentence)


def _mentions(talk: Talk, sentence: Sentence) -> set[Mention]:
    """Medicines and doses of a sentence, read together with the question it answers."""
    question = question_before(talk, sentence)
    text = sentence.text if question is None else f"{question.text} {sentence.text}"
    return {*_named(sentence), *doses_in(text)} if _named(sentence) or question is not None else set()


def _named(sentence: Sentence) -> frozenset[str]:
    return lexica.medicines().intersection(sentence.words)


def _passage(talk: Talk, sentence: Sentence) -> Passage:
    if sentence.is_question:
        answer = answer_to(talk, sentence)
        return Passage((sentence.index, *(s.index for s in answer)), unanswered=not answer)
    question = question_before(talk, sentence)
    return Passage((*((question.index,) if question else ()), sentence.index))
