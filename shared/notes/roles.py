"""Who is the therapist? Guessed from how people talk, and only believed when the signs are clear."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from shared.notes import lexica
from shared.notes.talk import Sentence, Talk

THERAPIST, CLIENT, UNKNOWN, ANY = "therapist", "client", "unknown", "any"
BELIEVED_FROM = 0.75
"""Below this confidence nobody gets a role: a wrong attribution is worse than none."""

_QUESTION_WEIGHT = 1.5


@dataclass(frozen=True)
class Roles:
    """Speaker label to role. `confidence` is 0…1, and 1 where the roles were given."""

    by_speaker: Mapping[str, str]
    confidence: float

    def of(self, speaker: str) -> str:
        """`therapist`, `client` or `unknown`."""
        return self.by_speaker.get(speaker, UNKNOWN)

    def label(self, speaker: str) -> str:
        """How a note names the speaker: the role where it is known, else the transcript's own label."""
        role = self.of(speaker)
        return speaker if role == UNKNOWN else role.capitalize()


def roles_in(talk: Talk, given: Mapping[str, str] | None = None) -> Roles:
    """The roles given, completed by a guess for speakers nobody named.

    With one speaker, or signs that point both ways, the speaker stays `unknown`.
    """
    known = {label: role.strip().lower() for label, role in (given or {}).items()}
    known = {label: role for label, role in known.items() if role in (THERAPIST, CLIENT)}
    open_speakers = [speaker for speaker in talk.speakers if speaker not in known]
    if not open_speakers:
        return Roles(known, confidence=1.0)
    if known:
        return _completed(known, open_speakers)
    return _guessed(talk)


def _completed(known: dict[str, str], open_speakers: list[str]) -> Roles:
    """One given role settles the other of two; more unnamed speakers than that stay unknown."""
    missing = {THERAPIST, CLIENT} - set(known.values())
    if len(open_speakers) == 1 and len(known) == 1 and len(missing) == 1:
        return Roles(known | {open_speakers[0]: missing.pop()}, confidence=1.0)
    return Roles(known, confidence=1.0)


def _guessed(talk: Talk) -> Roles:
    scores = {speaker: _therapist_score(talk, speaker) for speaker in talk.speakers}
    if len(scores) < 2:  # noqa: PLR2004 (one voice has nobody to be compared with)
        return Roles({}, confidence=0.0)
    ranked = sorted(scores, key=lambda speaker: -scores[speaker])
    therapist = ranked[0]
    said = {speaker: sum(len(s.words) for s in talk.sentences if s.speaker == speaker) for speaker in ranked[1:]}
    client = max(ranked[1:], key=lambda speaker: said[speaker])
    confidence = 1 / (1 + math.exp(-(scores[therapist] - scores[client])))
    if confidence < BELIEVED_FROM:
        return Roles({}, confidence=confidence)
    return Roles({therapist: THERAPIST, client: CLIENT}, confidence=confidence)


def sounds_like(sentence: Sentence) -> str:
    """Whose sentence it would be, from its words alone: to sort it, never to ascribe it."""
    score = _signs(sentence)
    return THERAPIST if score > 0 else CLIENT if score < 0 else UNKNOWN


def _therapist_score(talk: Talk, speaker: str) -> float:
    """Signs of a therapist per sentence; little speech counts for little."""
    sentences = [sentence for sentence in talk.sentences if sentence.speaker == speaker]
    return sum(_signs(sentence) for sentence in sentences) / (len(sentences) + 1)


def _signs(sentence: Sentence) -> float:
    """Signs of a therapist minus signs of a client."""
    therapist = sum(bool(cue.search(sentence.plain)) for cue in lexica.role_cues()[THERAPIST])
    client = sum(bool(cue.search(sentence.plain)) for cue in lexica.role_cues()[CLIENT])
    return _QUESTION_WEIGHT * sentence.is_question + therapist - client
