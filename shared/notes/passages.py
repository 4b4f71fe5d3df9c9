"""Pieces of a talk that are quoted together, and how they read.

A passage never separates an answer from its question: "No, nothing like that" alone denies nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

from shared.domain.note import Statement
from shared.notes import lexica
from shared.notes.numbers import numbers_in
from shared.notes.roles import THERAPIST, Roles
from shared.notes.talk import Sentence, Talk, Turn, is_filler

NO_ANSWER = "No answer recorded."
ASKED = "Asked"
_INNER_QUOTES = str.maketrans(dict.fromkeys('"\u201c\u201d', "'"))
_POINTS_BACK = re.compile(
    r"^\W*(?:[\w']+\W+){0,3}(?:that|this|those|these)\W+(?:is|was|would|will|one|as|a|our|your|on|into|to|up|together)\b"
)
POINTERS = frozenset({"it", "that", "this", "them", "they", "those", "both"})
"""Words that stand for what was said before."""

_SHORT_ANSWER = 4
_ANSWER_TURNS = 3
_QUESTIONS = 3


@dataclass(frozen=True)
class Passage:
    """Indexes of the sentences quoted, in order; `unanswered` when it ends with a question nobody answered."""

    sentences: tuple[int, ...]
    unanswered: bool = False


def questions_before(talk: Talk, sentence: Sentence) -> tuple[Sentence, ...]:
    """The questions this sentence begins to answer, asked in one breath; empty when it answers none.

    They stand at the end of the turn before, or, where the transcript knows one voice only, just before; a gap in the
    audio parts them. Recognisers cut one question in two ("Are you taking it? 50 milligrams a day?").
    """
    turn = talk.turns[sentence.turn]
    if len(talk.speakers) == 1:
        said = list(_before(turn, sentence)[-_QUESTIONS:])
    elif sentence.index != turn.sentences[0].index or turn.index == 0 or turn.after_gap:
        said = []
    else:
        said = list(talk.turns[turn.index - 1].sentences)
        if len(said) > 1 and not said[-1].is_question:
            said.pop()
    asked = list(takewhile(lambda s: s.is_question, reversed(said[-_QUESTIONS:])))
    return tuple(reversed(asked))


def answer_to(talk: Talk, question: Sentence) -> tuple[Sentence, ...]:
    """What the other said next, up to the first turn that is more than "um"; empty when nobody answered."""
    turn = talk.turns[question.turn]
    if len(talk.speakers) == 1:
        following = turn.sentences[question.index + 1 - turn.sentences[0].index :]
        return tuple(takewhile(lambda s: not s.is_question, following[:2]))
    answer: list[Sentence] = []
    for later in talk.turns[turn.index + 1 : turn.index + 1 + _ANSWER_TURNS]:
        if later.after_gap:
            break
        answer += later.sentences
        if later.speaker != question.speaker and not is_filler(later.sentences):
            break
    return tuple(answer)


def _before(turn: Turn, sentence: Sentence) -> tuple[Sentence, ...]:
    return turn.sentences[: sentence.index - turn.sentences[0].index]


def leans_on_question(sentence: Sentence) -> bool:
    """Whether an answer needs its question ("Yes.", "Some sweating.", "Point four milligrams a day.")."""
    said = [word for word in sentence.words if word not in lexica.words().lead_ins]
    if len(said) <= _SHORT_ANSWER or said[0] not in lexica.words().openers:
        return True
    has_dose = any(number.unit for number in numbers_in(sentence.text))
    return has_dose and not lexica.medicine_names().search(sentence.plain)


def leans_on_what_was_said(sentence: Sentence) -> bool:
    """Whether a sentence means little without the one before it ("No.", "That would be helpful.")."""
    empty = lexica.words().fillers | lexica.words().lead_ins
    said = [word for word in sentence.words if word not in empty]
    marks = lexica.words().affirmations | lexica.words().refusals
    short = len(said) <= _SHORT_ANSWER or said[0] in marks
    return short or bool(_POINTS_BACK.search(sentence.plain))


def context_of(talk: Talk, sentence: Sentence) -> tuple[int, ...]:
    """What must be quoted before this sentence for it to be understood; empty when it stands alone."""
    if sentence.is_question:
        return ()
    turn = talk.turns[sentence.turn]
    before = _before(turn, sentence)
    if before and len(talk.speakers) > 1:
        short = all(len(s.words) <= _SHORT_ANSWER for s in [*before, sentence])
        goes_on = short and bool(POINTERS.intersection(sentence.words))
        return (*context_of(talk, before[0]), *(s.index for s in before)) if goes_on else ()
    questions = questions_before(talk, sentence)
    if questions:
        return tuple(s.index for s in questions) if leans_on_question(sentence) else ()
    if turn.index > 0 and not before and not turn.after_gap and leans_on_what_was_said(sentence):
        return (talk.turns[turn.index - 1].sentences[-1].index,)
    return ()


def merged(passages: Iterable[Passage]) -> list[Passage]:
    """Passages that share a sentence become one; in order of time."""
    groups: list[Passage] = []
    group_of: dict[int, int] = {}
    for passage in sorted(passages, key=lambda p: p.sentences):
        shared = sorted({group_of[index] for index in passage.sentences if index in group_of})
        parts = [passage, *(groups[number] for number in shared)]
        latest = max(parts, key=lambda part: part.sentences[-1])
        together = Passage(tuple(sorted({i for part in parts for i in part.sentences})), latest.unanswered)
        group_of |= dict.fromkeys(together.sentences, len(groups))
        groups.append(together)
    return [groups[number] for number in sorted(set(group_of.values()), key=lambda n: groups[n].sentences)]


def statement(passage: Passage, talk: Talk, roles: Roles, *, risk: bool = False) -> Statement:
    """The passage as quotes with their speakers; evidence is the segments the quotes come from.

    Of a dictation, the clinician's own words as they are.
    """
    quoted = [talk.sentences[index] for index in passage.sentences]
    runs = [list(run) for _, run in groupby(quoted, key=lambda sentence: sentence.turn)]
    parts = [
        f'{_speaker(run, roles, answered=passage.unanswered or number + 1 < len(runs))}: "{_quote(run)}"'
        for number, run in enumerate(runs)
    ]
    text = " ".join([*parts, NO_ANSWER] if passage.unanswered else parts)
    if roles.dictated:
        text = " ".join(_quote(run) for run in runs)
    evidence = dict.fromkeys(segment_id for sentence in quoted for segment_id in sentence.segment_ids)
    return Statement(text=text, evidence=tuple(evidence), risk=risk or mentions_risk(text))


def dictated_statement(sentence: Sentence, text: str, *, risk: bool) -> Statement:
    """A dictated sentence, or `text`, the part of it that is more than a heading, as a statement of the note."""
    said = text.translate(_INNER_QUOTES).strip()
    return Statement(text=said[:1].upper() + said[1:], evidence=sentence.segment_ids, risk=risk or mentions_risk(said))


def mentions_risk(text: str) -> bool:
    """Whether a text mentions risk, in whatever section it stands."""
    return bool(lexica.risk().search(lexica.plain(text)))


def _speaker(run: Sequence[Sentence], roles: Roles, *, answered: bool) -> str:
    speaker = run[0].speaker
    if not (answered and any(sentence.is_question for sentence in run)):
        return roles.label(speaker)
    return ASKED if roles.of(speaker) == THERAPIST else f"{roles.label(speaker)} asked"


def _quote(run: Sequence[Sentence]) -> str:
    """Sentences of one turn; where some are left out between them stands an ellipsis."""
    text = ""
    for number, sentence in enumerate(run):
        joint = "" if number == 0 else " " if sentence.index == run[number - 1].index + 1 else " \u2026 "
        text += joint + sentence.text
    return text.translate(_INNER_QUOTES)
