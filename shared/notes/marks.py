"""What each sentence shows: what it is about, and what it does in the conversation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from shared.notes import lexica
from shared.notes.numbers import numbers_in
from shared.notes.passages import POINTERS, questions_before
from shared.notes.roles import ANY, UNKNOWN, Roles, sounds_like
from shared.notes.talk import Sentence, Talk

INHERITED = 0.8
"""Strength of a topic that only the question, or the sentence before, names."""

EACH_FURTHER_CUE = 0.25
"""Strength is 1 for the first cue."""


@dataclass(frozen=True)
class Marks:
    """What a sentence shows: strength of its topics and of its kinds; `own` topics are named in the sentence itself."""

    topics: dict[str, float]
    kinds: dict[str, float]
    own: frozenset[str]


def marks_of(talk: Talk, roles: Roles, wanted: Collection[str]) -> list[Marks]:
    """The marks of every sentence, of the `wanted` topics (medication always among them).

    Who a speaker without a role might be is judged sentence by sentence; a dictating clinician tells of both.
    """
    cues = {name: topic.cues for name, topic in lexica.topics().items() if name in wanted or name == "medication"}
    found: list[Marks] = []
    for sentence in talk.sentences:
        own = {name: _strength(patterns, sentence.plain) for name, patterns in cues.items()}
        if lexica.medicine_names().search(sentence.plain):
            own["medication"] += 1.0
        topics = {name: strength for name, strength in own.items() if strength}
        inherited = [name for name in _carried_over(talk, sentence, found) if name not in topics]
        named = frozenset(topics)
        topics |= dict.fromkeys(inherited, INHERITED)
        role = roles.of(sentence.speaker)
        acting = (ANY, role if role != UNKNOWN else sounds_like(sentence))
        kinds = {
            name: _strength(kind.cues, sentence.plain)
            for name, kind in lexica.kinds().items()
            if kind.speaker in acting or UNKNOWN in acting or roles.dictated
        }
        found.append(Marks(topics, kinds, named))
    return found


def _carried_over(talk: Talk, sentence: Sentence, found: Sequence[Marks]) -> Sequence[str]:
    """Topics of the question an answer begins with, or of the sentence before that this one goes on from."""
    questions = questions_before(talk, sentence)
    if questions:
        return sorted({name for question in questions for name in found[question.index].topics})
    before = talk.sentences[sentence.index - 1] if sentence.index else None
    if before is None or before.turn != sentence.turn:
        return ()
    goes_on = POINTERS.intersection(sentence.words) or (numbers_in(sentence.text) and not before.is_question)
    return sorted(found[before.index].topics) if goes_on else ()


def _strength(cues: Sequence[lexica.Cue], text: str) -> float:
    """0 without a cue, 1 with one, a little more for each further one."""
    hits = sum(1 for cue in cues if cue.search(text))
    return 1 + EACH_FURTHER_CUE * (hits - 1) if hits else 0.0
