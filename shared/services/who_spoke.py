"""What is known of a transcript's speakers: by those who asked for it to be processed, and by those who named them."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.note import ParticipantsType, Person
from shared.domain.processing import Brief
from shared.domain.transcript import Transcript
from shared.notes.people import identify
from shared.notes.roles import CLIENT, THERAPIST


@dataclass(frozen=True)
class Voices:
    """As a NoteRequest has it: `roles` and `identities` hold what somebody said, never a guess."""

    people: tuple[Person, ...] = ()
    identities: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)


def voices_of(words: Transcript, brief: Brief | None, participants_type: ParticipantsType) -> Voices:
    """A name that was given to a speaker goes before what the request said of them.

    `Therapist` and `Client` are roles. Any other name is that of the person of the request who has it; a name nobody
    has makes somebody new, in the role they are heard in, and nobody where that is not clear.
    """
    people = list(brief.people) if brief is not None else []
    identities = dict(brief.speakers) if brief is not None else {}
    roles: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for label, name in words.names.items():
        known = [person.key for person in people if person.name.casefold() == name.casefold()]
        if name.casefold() in {THERAPIST, CLIENT}:
            roles[label] = name.casefold()
            identities.pop(label, None)
        elif not known:
            unknown[label] = name
            identities.pop(label, None)
        elif identities.get(label) not in known:
            identities[label] = known[0]
    heard = identify(words, people, identities, roles, participants_type)
    for one in heard:
        if one.speaker in unknown and one.role in {THERAPIST, CLIENT}:
            people.append(Person(key=one.speaker, name=unknown[one.speaker], is_owner=one.role == THERAPIST))
            identities[one.speaker] = one.speaker
    return Voices(tuple(people), identities, roles)
