"""Every mention of risk, with its question and its answer. Nothing here is bounded or scored: all of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.notes import lexica
from shared.notes.passages import Passage, answer_to, context_of, merged, questions_before
from shared.notes.talk import Sentence, Talk

ASKED_WITHIN, SAID_WITHIN = 4, 2
"""How many turns after a mention a question ("Do you have a plan?") or a statement about it still belongs to it."""

LONGEST_ANSWER = 120
"""Words of an answer quoted in full; mentions beyond are quoted on their own."""


LONGEST_LEAD_UP = 40
"""Words of an answer quoted before the sentence that mentions risk."""


@dataclass(frozen=True)
class Risks:
    """Mentions of risk, the sentences that are `central` to them (mentions and follow-ups), and how to quote them."""

    mentions: frozenset[int]
    central: frozenset[int]
    passages: tuple[Passage, ...]


def risks_in(talk: Talk) -> Risks:
    """All mentions and what followed up on them, each with the question it answers or the answer it got."""
    mentions = talk.touching(lexica.risk())
    central = mentions | _followups(talk, mentions)
    passages = merged(_passage(talk, talk.sentences[index]) for index in sorted(central))
    return Risks(frozenset(mentions), frozenset(central), tuple(passages))


def _followups(talk: Talk, mentions: set[int]) -> set[int]:
    asked = {i for i in talk.touching(lexica.asked_after_risk()) if talk.sentences[i].is_question}
    said = talk.touching(lexica.said_after_risk())
    found: set[int] = set()
    for mention in (talk.sentences[index] for index in mentions):
        denied = mention.is_question and _is_denied(answer_to(talk, mention))
        for index in range(mention.index + 1, _end_of_turn(talk, mention.turn + ASKED_WITHIN)):
            after = talk.sentences[index].turn - mention.turn
            near_question = index in asked and after <= (SAID_WITHIN if denied else ASKED_WITHIN)
            if near_question or (index in said and after <= SAID_WITHIN):
                found.add(index)
    return found - mentions


def _is_denied(answer: Sequence[Sentence]) -> bool:
    said = [word for sentence in answer for word in sentence.words if word not in lexica.words().fillers]
    return bool(said) and said[0] in lexica.words().refusals


def _end_of_turn(talk: Talk, turn: int) -> int:
    """Index after the last sentence of a turn, or of the talk."""
    return talk.turns[min(turn, len(talk.turns) - 1)].sentences[-1].index + 1


def _passage(talk: Talk, sentence: Sentence) -> Passage:
    if sentence.is_question:
        return _asked(talk, sentence)
    before = _lead_up(talk, sentence)
    pending = _question_left_open(talk, sentence)
    if pending is None and _is_answered(talk, sentence):
        pending = sentence
    if pending is not None:
        asked = _asked(talk, pending)
        return Passage((*before, sentence.index, *asked.sentences), unanswered=asked.unanswered)
    return Passage((*before, sentence.index))


def _lead_up(talk: Talk, sentence: Sentence) -> tuple[int, ...]:
    """The question a mention answers, with the answer up to it; else what it needs to be understood."""
    opening = talk.turns[sentence.turn].sentences[0]
    answer = [s for s in talk.turns[sentence.turn].sentences if s.index < sentence.index]
    if len(talk.speakers) == 1 or sum(len(s.words) for s in answer) > LONGEST_LEAD_UP:
        return context_of(talk, sentence)
    questions = questions_before(talk, opening)
    return tuple(s.index for s in (*questions, *answer)) if questions else context_of(talk, sentence)


def _asked(talk: Talk, question: Sentence) -> Passage:
    """A question, what the asker added to it in the same breath, and the answer."""
    rest = [s for s in talk.turns[question.turn].sentences if s.index >= question.index]
    asked = [s.index for s in (rest[:1] if len(talk.speakers) == 1 else rest) if s.is_question or s == question]
    answer = _within(answer_to(talk, question), LONGEST_ANSWER)
    return Passage(tuple(sorted({*asked, *answer})), unanswered=not answer)


def _question_left_open(talk: Talk, sentence: Sentence) -> Sentence | None:
    """A question right behind a mention in the same turn ("You said you want to die. Is that so tonight?")."""
    following = sentence.index + 1
    if following < len(talk.sentences):
        after = talk.sentences[following]
        if after.turn == sentence.turn and after.is_question:
            return after
    return None


def _is_answered(talk: Talk, sentence: Sentence) -> bool:
    """Whether the other's yes or no shows that this was a question, whatever the recogniser made of it."""
    answer = answer_to(talk, sentence) if len(talk.speakers) > 1 else ()
    if sentence.index + 1 != _end_of_turn(talk, sentence.turn) or not answer:
        return False
    marks = lexica.words().affirmations | lexica.words().refusals
    said = [word for s in answer for word in s.words if word not in lexica.words().fillers]
    return bool(said) and said[0] in marks


def _within(sentences: tuple[Sentence, ...], words: int) -> list[int]:
    """Whole sentences from the start, until the bound is passed; always at least one."""
    kept: list[int] = []
    total = 0
    for sentence in sentences:
        if kept and total + len(sentence.words) > words:
            break
        kept.append(sentence.index)
        total += len(sentence.words)
    return kept
