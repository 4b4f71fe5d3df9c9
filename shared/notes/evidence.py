"""Does a note's evidence hold what the note says? Asked of every engine's note, ours included.

Quotes must have been said, by the one they are ascribed to, and not be torn out of a negation or off their question.
Prose must be covered by its evidence, and agree with it in numbers, medicines, doses, speakers and negation.
Dropping a true statement costs a line; letting a false one stand costs trust: in doubt it goes.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.note import NamedEntity, Note, Section, Statement
from shared.notes import lexica
from shared.notes.numbers import doses_in, numbers_in
from shared.notes.plan import parse_plan
from shared.notes.polarity import polarity_of, spoken_polarity
from shared.notes.quotes import is_torn, places_of, read_statement, verbatim
from shared.notes.talk import Sentence, Talk, words_of
from shared.notes.voices import Voices, voices_in
from shared.notes.wording import concepts
from shared.ports import NoteRequest

COVERED_FROM = 0.7
"""Share of a statement's concepts that its evidence must hold."""

_log = logging.getLogger(__name__)


class Flaw(StrEnum):
    """What is wrong with a statement."""

    NO_SUCH_EVIDENCE = "no_such_evidence"
    NOT_SAID = "not_said"
    TORN = "torn_from_negation"
    WRONG_ANSWER = "answer_of_another_question"
    SPEAKER = "speaker"
    NUMBER = "number"
    MEDICINE = "medicine"
    NEGATION = "negation"
    NOT_COVERED = "not_covered"
    PRONOUN = "pronoun"


@dataclass(frozen=True)
class Finding:
    """A flawed statement: its section's key and its position there. It never holds words of the note."""

    section: str
    position: int
    flaw: Flaw


@dataclass(frozen=True)
class CheckedNote:
    """The note with what holds, and what did not."""

    note: Note
    findings: tuple[Finding, ...]

    @property
    def dropped(self) -> dict[str, int]:
        """Number of statements dropped, by section key."""
        return dict(Counter(finding.section for finding in self.findings))


def supported(note: Note, request: NoteRequest) -> Note:
    """The note without the statements its evidence does not hold; how many and where is logged, never what."""
    checked = check(note, request)
    for section, count in checked.dropped.items():
        _log.warning("unsupported statements dropped: %d in section %s", count, section)
    return checked.note


def check(note: Note, request: NoteRequest) -> CheckedNote:
    """Check every statement, entity and goal against the segments it cites; `request` is what the note was asked by."""
    court = _court(request)
    findings: list[Finding] = []
    sections: list[Section] = []
    for section in note.sections:
        flaws = [court.flaw_of(statement) for statement in section.statements]
        findings += [Finding(section.key, position, flaw) for position, flaw in enumerate(flaws) if flaw]
        kept = tuple(s for s, flaw in zip(section.statements, flaws, strict=True) if flaw is None)
        sections.append(section.model_copy(update={"statements": kept}))
    entities = tuple(entity for entity in note.entities if court.holds_entity(entity))
    planned = {item.text for item in parse_plan(request.plan or "")}
    goals = tuple(g for g in note.goals if g.goal in planned and court.segment_ids.issuperset(g.evidence))
    kept_note = note.model_copy(update={"sections": tuple(sections), "entities": entities, "goals": goals})
    return CheckedNote(kept_note, tuple(findings))


def _court(request: NoteRequest) -> _Court:
    talk = Talk(request.transcript)
    return _Court(talk, voices_in(request, talk), frozenset(segment.id for segment in request.transcript.segments))


@dataclass(frozen=True)
class _Court:
    """What is known of the talk while its note is checked."""

    talk: Talk
    voices: Voices
    segment_ids: frozenset[str]

    def flaw_of(self, statement: Statement) -> Flaw | None:
        """The first flaw found; None for a statement that holds."""
        if not set(statement.evidence) <= self.segment_ids:
            return Flaw.NO_SUCH_EVIDENCE
        indexes = {sentence.index for segment_id in statement.evidence for sentence in self.talk.said(segment_id)}
        cited = [self.talk.sentences[index] for index in sorted(indexes)]
        if self.voices.roles.dictated and any(
            not is_torn(p, self.talk) for p in places_of(verbatim(statement.text), cited)
        ):
            return None
        quotes, prose = read_statement(statement.text, self.voices.names)
        turns: list[set[int]] = []
        for quote in quotes:
            spoken = [s for s in cited if self.voices.may_say(quote.label, s)]
            places = places_of(quote, spoken)
            if not places:
                return Flaw.SPEAKER if places_of(quote, cited) else Flaw.NOT_SAID
            if all(is_torn(place, self.talk) for place in places):
                return Flaw.TORN
            turns.append({place.turn for place in places})
        for number, quote in enumerate(quotes[:-1]):
            if quote.asks and not any(turn + 1 in turns[number + 1] for turn in turns[number]):
                return Flaw.WRONG_ANSWER
        return self._flaw_of_prose(prose, cited)

    def holds_entity(self, entity: NamedEntity) -> bool:
        """Whether the entity is named in its evidence, and what is said of it was said."""
        if self.flaw_of(Statement(text=entity.summary, evidence=entity.evidence)):
            return False
        heard = {word for id_ in entity.evidence for s in self.talk.said(id_) for word in s.words}
        return set(words_of(entity.name)) <= heard

    def _flaw_of_prose(self, prose: str, cited: list[Sentence]) -> Flaw | None:
        subject = self.voices.subject(prose)
        if self.voices.misuse_pronoun(prose, subject):
            return Flaw.PRONOUN
        claimed = concepts(self.voices.without_names(prose))
        if not claimed and not numbers_in(prose):
            return None
        heard = [s for s in cited if s.is_question or self.voices.may_say(subject, s)]
        if not any(self.voices.may_say(subject, s) for s in cited):
            return Flaw.SPEAKER
        said = " ".join(sentence.text for sentence in heard)
        for flaw, agree in ((Flaw.NUMBER, _numbers_agree), (Flaw.MEDICINE, _medicines_agree)):
            if not agree(prose, said):
                return flaw
        known = set(concepts(said))
        if sum(concept in known for concept in claimed) < COVERED_FROM * len(claimed):
            return Flaw.NOT_COVERED
        return None if _negation_agrees(prose, self.talk, heard) else Flaw.NEGATION


def _numbers_agree(prose: str, said: str) -> bool:
    spoken = numbers_in(said)
    values = {number.value for number in spoken}
    unitless = {number.value for number in spoken if not number.unit}
    return all(
        number in spoken or (number.value in unitless if number.unit else number.value in values)
        for number in numbers_in(prose)
    )


def _medicines_agree(prose: str, said: str) -> bool:
    spoken = set(words_of(said))
    if any(word in lexica.medicines() and word not in spoken for word in words_of(prose)):
        return False
    doses = doses_in(said)
    dosed = {medicine for medicine, _ in doses}
    return all(pair in doses for pair in doses_in(prose) if pair[0] in dosed)


def _negation_agrees(prose: str, talk: Talk, heard: list[Sentence]) -> bool:
    spoken = spoken_polarity(talk, heard)
    return all(values & spoken[name] for name, values in polarity_of(prose).items() if name in spoken)
