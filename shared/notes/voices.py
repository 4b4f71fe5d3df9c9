"""Whose words are these? What a statement calls the speakers of its talk, and which of them that can be."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.domain.note import Person
from shared.notes.people import role_of, roles_of
from shared.notes.pronouns import misuses_pronoun
from shared.notes.roles import CLIENT, THERAPIST, UNKNOWN, Roles
from shared.notes.talk import Sentence, Talk, words_of
from shared.ports import NoteRequest


def voices_in(request: NoteRequest, talk: Talk) -> Voices:
    """The voices of a request's transcript; `talk` is that transcript, read."""
    people = {" ".join(person.name.split()): person for person in request.people if person.name.strip()}
    return Voices(roles_of(request, talk), talk.speakers, people)


@dataclass(frozen=True)
class Voices:
    """Who speaks, as a note may call them."""

    roles: Roles
    speakers: tuple[str, ...]
    people: dict[str, Person]
    """Who took part, by name."""

    @property
    def names(self) -> list[str]:
        """What a note may call those who took part, the longest first."""
        return sorted({*self.people, *self.roles.names.values()}, key=lambda name: (-len(name), name))

    def may_say(self, label: str, sentence: Sentence) -> bool:
        """Whether a label ("Client", "Asked", "Anna", "Speaker 2 asked") can stand for the sentence's speaker."""
        if self.roles.dictated:
            return True
        role = self.roles.of(sentence.speaker)
        name = label.lower().removesuffix(" asked")
        named = [speaker for speaker, called in self.roles.names.items() if called.lower() == name]
        named += [speaker for speaker in self.speakers if speaker.lower() == name]
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

    def subject(self, prose: str) -> str:
        """Who prose begins with: a name where it is one, else the first word."""
        spaced = " ".join(prose.split())
        named = (name for name in self.names if re.match(rf"{re.escape(name)}(?!\w)", spaced, re.IGNORECASE))
        return next(named, next(iter(words_of(prose)), ""))

    def without_names(self, prose: str) -> str:
        """Prose without the names of those who took part, which no evidence needs to hold."""
        names = "|".join(re.escape(name) for name in self.names)
        return re.sub(rf"(?<!\w)(?:{names})(?:['\u2019]s)?(?!\w)", " ", prose) if names else prose

    def misuse_pronoun(self, prose: str, subject: str) -> bool:
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
