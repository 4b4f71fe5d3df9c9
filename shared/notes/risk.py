"""Every mention of risk, with its question and its answer. Nothing here is bounded or scored: all of it is kept."""

from __future__ import annotations

from shared.notes import lexica
from shared.notes.passages import Passage, answer_to, context_of, merged, question_before
from shared.notes.talk import Sentence, Talk

ASKED_WITHIN, SAID_WITHIN = 4, 2
"""How many turns after a mention a question ("Do you have a plan?") or a statement about it still belongs to it."""

LONGEST_ANSWER = 120
"""Words of an answer quoted in full; mentions beyond are quoted on their own."""


LONGEST_LEAD_UP = 40
"""Words of an answer quoted before the sentence that mentions risk."""


def mentions(talk: Talk) -> set[int]:
    """Indexes of the sentences that mention risk."""
    return talk.touching(lexica.risk())


def risk_passages(talk: Talk) -> list[Passage]:
    """All mentions and what followed up on them, each with the question it answers or the answer it got."""
    return merged(_passage(talk, talk.sentences[index]) for index in sorted(about_risk(talk)))


def about_risk(talk: Talk) -> set[int]:
    """Indexes of the sentences that mention risk or follow up on a mention."""
    named = mentions(talk)
    return named | _followups(talk, named)


def _followups(talk: Talk, named: set[int]) -> set[int]:
    turns = [talk.sentences[index].turn for index in named]
    ask_near = {turn + step for turn in turns for step in range(ASKED_WITHIN + 1)}
    say_near = {turn + step for turn in turns for step in range(SAID_WITHIN + 1)}
    asked = {i for i in talk.touching(lexica.asked_after_risk()) if talk.sentences[i].is_question}
    said = talk.touching(lexica.said_after_risk())
    near = {i for i in asked if talk.sentences[i].turn in ask_near} | {
        i for i in said if talk.sentences[i].turn in say_near
    }
    first = min(named, default=0)
    return {index for index in near if index > first}


def _passage(talk: Talk, sentence: Sentence) -> Passage:
    if sentence.is_question:
        return _asked(talk, sentence)
    before = _lead_up(talk, sentence)
    pending = _question_left_open(talk, sentence)
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
    question = question_before(talk, opening)
    return (question.index, *(s.index for s in answer)) if question else context_of(talk, sentence)


def _asked(talk: Talk, question: Sentence) -> Passage:
    """A question, what the asker added to it in the same breath, and the answer."""
    rest = [s for s in talk.turns[question.turn].sentences if s.index >= question.index]
    asked = [s.index for s in (rest[:1] if len(talk.speakers) == 1 else rest) if s.is_question]
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
