"""Does a note's evidence hold what the note says? Asked of every engine's note, ours included.

Quotes must have been said, by the one they are ascribed to, and not be torn out of a negation or off their question.
Prose must be covered by its evidence, and agree with it in numbers, medicines, doses, speakers and negation.
Dropping a true statement costs a line; letting a false one stand costs trust: in doubt it goes.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.note import Note, Person, Section, Statement
from shared.notes import lexica
from shared.notes.numbers import doses_in, numbers_in
from shared.notes.people import role_of, roles_of
from shared.notes.polarity import polarity_of, spoken_polarity
from shared.notes.pronouns import misuses_pronoun
from shared.notes.quotes import is_torn, places_of, read_statement, verbatim
from shared.notes.roles import CLIENT, THERAPIST, UNKNOWN, Roles
from shared.notes.talk import Sentence, Talk, words_of
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
    return CheckedNote(note.model_copy(update={"sections": tuple(sections)}), tuple(findings))


def _court(request: NoteRequest) -> _Court:
    talk = Talk(request.transcript)
    said: dict[str, list[Sentence]] = {segment.id: [] for segment in request.transcript.segments}
    for sentence in talk.sentences:
        for segment_id in sentence.segment_ids:
            said[segment_id].append(sentence)
    people = {" ".join(person.name.split()): person for person in request.people if person.name.strip()}
    return _Court(talk, roles_of(request, talk), said, people)


@dataclass(frozen=True)
class _Court:
    """What is known of the talk while its note is checked."""

    talk: Talk
    roles: Roles
    said: dict[str, list[Sentence]]
    """Segment id to the sentences that have words in it."""
    people: dict[str, Person]
    """Who took part, by name."""

    @property
    def names(self) -> list[str]:
        """What a note may call those who took part, the longest first."""
        return sorted({*self.people, *self.roles.names.values()}, key=lambda name: (-len(name), name))

    def flaw_of(self, statement: Statement) -> Flaw | None:
        """The first flaw found; None for a statement that holds."""
        if not set(statement.evidence) <= self.said.keys():
            return Flaw.NO_SUCH_EVIDENCE
        indexes = {sentence.index for segment_id in statement.evidence for sentence in self.said[segment_id]}
        cited = [self.talk.sentences[index] for index in sorted(indexes)]
        if self.roles.dictated and any(not is_torn(p, self.talk) for p in places_of(verbatim(statement.text), cited)):
            return None
        quotes, prose = read_statement(statement.text, self.names)
        turns: list[set[int]] = []
        for quote in quotes:
            spoken = [s for s in cited if self._may_say(quote.label, s)]
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

    def _may_say(self, label: str, sentence: Sentence) -> bool:
        """Whether a label ("Client", "Asked", "Anna", "Speaker 2 asked") can stand for the sentence's speaker."""
        if self.roles.dictated:
            return True
        role = self.roles.of(sentence.speaker)
        name = label.lower().removesuffix(" asked")
        named = [speaker for speaker, called in self.roles.names.items() if called.lower() == name]
        named += [speaker for speaker in self.talk.speakers if speaker.lower() == name]
        if named:
            return sentence.speaker in named
        if name in ("client", "patient"):
            return role in (CLIENT, UNKNOWN)
        if name in ("therapist", "asked", "clinician"):
            return role in (THERAPIST, UNKNOWN)
        return self._may_be(name, sentence.speaker)

    def _may_be(self, name: str, speaker: str) -> bool:
        """Whether a name nobody was matched to can be the speaker's: where one alone of its role is left."""
        person = next((person for called, person in self.people.items() if called.lower() == name), None)
        if person is None:
            return True
        alike = [other for other in self.people.values() if role_of(other) == role_of(person)]
        may_have_role = self.roles.of(speaker) in (role_of(person), UNKNOWN)
        return speaker not in self.roles.names and may_have_role and len(alike) == 1

    def _subject(self, prose: str) -> str:
        """Who prose begins with: a name where it is one, else the first word."""
        spaced = " ".join(prose.split())
        named = (name for name in self.names if re.match(rf"{re.escape(name)}(?!\w)", spaced, re.IGNORECASE))
        return next(named, next(iter(words_of(prose)), ""))

    def _without_names(self, prose: str) -> str:
        names = "|".join(re.escape(name) for name in self.names)
        return re.sub(rf"(?<!\w)(?:{names})(?:['\u2019]s)?(?!\w)", " ", prose) if names else prose

    def _misuses_pronoun(self, prose: str, subject: str) -> bool:
        """Whether prose about a person of given pronouns uses others; "Client" is the one client there is."""
        clients = [person for person in self.people.values() if not person.is_owner]
        named = [person for name, person in self.people.items() if subject in (name, self._called(person))]
        about = named or (clients if subject.lower() in ("client", "patient") and len(clients) == 1 else [])
        alone = not any(name in prose for name in self.people if name != subject) and len(about) == 1
        pronouns = about[0].pronouns if alone else None
        return pronouns is not None and misuses_pronoun(prose.replace(subject, "", 1), subject, pronouns)

    def _called(self, person: Person) -> str:
        name = " ".join(person.name.split())
        return next((called for called in self.roles.names.values() if called.startswith(f"{name} (")), name)

    def _flaw_of_prose(self, prose: str, cited: list[Sentence]) -> Flaw | None:
        subject = self._subject(prose)
        if self._misuses_pronoun(prose, subject):
            return Flaw.PRONOUN
        claimed = concepts(self._without_names(prose))
        if not claimed and not numbers_in(prose):
            return None
        heard = [s for s in cited if s.is_question or self._may_say(subject, s)]
        if not any(self._may_say(subject, s) for s in cited):
            return Flaw.SPEAKER
        said = " ".join(sentence.text for sentence in heard)
        if not _numbers_agree(prose, said):
            return Flaw.NUMBER
        if not _medicines_agree(prose, said):
            return Flaw.MEDICINE
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
