"""Who is the therapist? Guessed from how people talk, and only believed when the signs are clear."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    names: Mapping[str, str] = field(default_factory=dict)
    """Speaker label to what the note calls them, for those whose name is known."""
    dictated: bool = False
    """Whether what was said is the clinician's own note: nothing in it is ascribed to anybody."""

    def of(self, speaker: str) -> str:
        """`therapist`, `client` or `unknown`."""
        return self.by_speaker.get(speaker, UNKNOWN)

    def label(self, speaker: str) -> str:
        """How a note names the speaker: by name, else by role where one alone has it, else the transcript's label."""
        role = self.of(speaker)
        alone = sum(other == role for other in self.by_speaker.values()) == 1
        return self.names.get(speaker) or (role.capitalize() if role != UNKNOWN and alone else speaker)


def roles_in(talk: Talk, given: Mapping[str, str] | None = None, *, clients: int = 1) -> Roles:
    """The roles given, completed by a guess for speakers nobody named; `clients` is how many take part.

    With one speaker, or signs that point both ways, the speaker stays `unknown`.
    """
    known = {label: role.strip().lower() for label, role in (given or {}).items()}
    known = {label: role for label, role in known.items() if role in (THERAPIST, CLIENT)}
    open_speakers = [speaker for speaker in talk.speakers if speaker not in known]
    if not open_speakers:
        return Roles(known, confidence=1.0)
    if known:
        return Roles(known | _settled(known, open_speakers, clients), confidence=1.0)
    return _guessed(talk, clients)


def _settled(known: dict[str, str], open_speakers: list[str], clients: int) -> dict[str, str]:
    """What the given roles leave only one answer for; more unnamed speakers than that stay unknown."""
    left = clients - sum(role == CLIENT for role in known.values())
    if THERAPIST in known.values():
        return dict.fromkeys(open_speakers, CLIENT) if len(open_speakers) <= left else {}
    return {open_speakers[0]: THERAPIST} if len(open_speakers) == 1 and left <= 0 else {}


def _guessed(talk: Talk, clients: int) -> Roles:
    scores = {speaker: therapist_score(talk, speaker) for speaker in talk.speakers}
    if len(scores) < 2:  # noqa: PLR2004 (one voice has nobody to be compared with)
        return Roles({}, confidence=0.0)
    ranked = sorted(scores, key=lambda speaker: -scores[speaker])
    said = {speaker: sum(len(s.words) for s in talk.sentences if s.speaker == speaker) for speaker in ranked[1:]}
    others = sorted(ranked[1:], key=lambda speaker: -said[speaker])[:clients]
    confidence = 1 / (1 + math.exp(max(scores[other] for other in others) - scores[ranked[0]]))
    if confidence < BELIEVED_FROM:
        return Roles({}, confidence=confidence)
    return Roles({ranked[0]: THERAPIST} | dict.fromkeys(others, CLIENT), confidence=confidence)


def sounds_like(sentence: Sentence) -> str:
    """Whose sentence it would be, from its words alone: to sort it, never to ascribe it."""
    score = _signs(sentence)
    return THERAPIST if score > 0 else CLIENT if score < 0 else UNKNOWN


def therapist_score(talk: Talk, speaker: str) -> float:
    """Signs of a therapist per sentence; little speech counts for little."""
    sentences = [sentence for sentence in talk.sentences if sentence.speaker == speaker]
    return sum(_signs(sentence) for sentence in sentences) / (len(sentences) + 1)


def _signs(sentence: Sentence) -> float:
    """Signs of a therapist minus signs of a client."""
    therapist = sum(bool(cue.search(sentence.plain)) for cue in lexica.role_cues()[THERAPIST])
    client = sum(bool(cue.search(sentence.plain)) for cue in lexica.role_cues()[CLIENT])
    return _QUESTION_WEIGHT * sentence.is_question + therapist - client
