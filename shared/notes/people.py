"""Who is speaking? Speakers of a transcript, matched to the people who are known to have taken part.

Three signs are weighed together: who talks like a therapist (roles.py), whose name is said to whom ("Thanks, Anna"),
and that nobody speaks of themselves by name. Every way of matching is weighed, and a name is given only where the
ways that agree on it make up most of the weight: when unsure, nobody is named.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from shared.domain.note import Identity, ParticipantsType, Person
from shared.domain.transcript import Transcript
from shared.notes.roles import BELIEVED_FROM, CLIENT, THERAPIST, UNKNOWN, Roles, roles_in, therapist_score
from shared.notes.talk import Sentence, Talk
from shared.ports import NoteRequest

SPOKEN_TO, NAMED_ONESELF, SPOKE_OF = 1.5, 4.0, -0.75
"""Log-odds that the one spoken to has the name, that who says "I'm Anna" is Anna, that who speaks of Anna is Anna."""

STRONGEST = 4.0
"""Log-odds that names alone can reach: a recogniser that hears a wrong name hears it again."""

UNNAMED = 10.0
"""What leaving a speaker unnamed costs for each share of the words, up to `UNNAMED_AT_MOST`."""
UNNAMED_AT_MOST = 2.0

MOST_SPEAKERS, MOST_PEOPLE = 4, 6
"""Speakers (those who say most) and people (the owner, and those whose names are heard) that are matched."""

DICTATES_FROM = 0.8
"""Share of the words from which a voice is the one that dictates."""

_NO_ROLES: Mapping[str, str] = MappingProxyType({})
_GREETING = r"(?i:hi|hello|hey|thanks|thank you|welcome|good (?:morning|afternoon|evening)|bye|goodbye|dear)"
_LOOKS_BACK = re.compile(r"(?i)\bthank(?:s| you)\b")
_ENDS = r"(?=\s*(?:[,.!?;]|$))"
_Weights = Mapping[tuple[str, str], float]


def identify(
    transcript: Transcript,
    people: Sequence[Person],
    given: Mapping[str, str],
    roles: Mapping[str, str] = _NO_ROLES,
    participants_type: ParticipantsType = ParticipantsType.INDIVIDUAL,
) -> tuple[Identity, ...]:
    """Every speaker in order of first word, with role and, where that is sure enough, the person.

    `given` (speaker label to `Person.key`) is believed and answered with confidence 1, also where it gives one person
    to two speakers; labels and keys nobody has are passed over. `roles` as in NoteRequest.
    """
    return _identified(Talk(transcript), people, given, roles, participants_type)


def roles_of(request: NoteRequest, talk: Talk) -> Roles:
    """Roles and names of a note's speakers; `talk` is the request's transcript, read."""
    kind = request.participants_type
    identities = _identified(talk, request.people, request.identities, request.roles, kind)
    known = {one.speaker: one.role for one in identities if one.role != UNKNOWN}
    sure = min((one.confidence for one in identities if one.role != UNKNOWN), default=0.0)
    return Roles(known, sure, _called(identities), dictated=kind is ParticipantsType.DICTATED_NOTES)


def _called(identities: Sequence[Identity]) -> dict[str, str]:
    """Names by speaker; people of one name are told apart by their labels."""
    named = {one.speaker: one.person for one in identities if one.person is not None}
    bearers = Counter(name for _, name in {(person.key, _plain(person.name)) for person in named.values()})
    return {
        speaker: _plain(person.name) if bearers[_plain(person.name)] == 1 else f"{_plain(person.name)} ({speaker})"
        for speaker, person in named.items()
        if _plain(person.name)
    }


def _identified(
    talk: Talk,
    people: Sequence[Person],
    given: Mapping[str, str],
    roles: Mapping[str, str],
    participants_type: ParticipantsType,
) -> tuple[Identity, ...]:
    by_key = {person.key: person for person in people}
    named = {speaker: (by_key[given[speaker]], 1.0) for speaker in talk.speakers if given.get(speaker) in by_key}
    if participants_type is ParticipantsType.DICTATED_NOTES:
        roles = {**_dictating(talk), **roles}
    clients = 2 if participants_type is ParticipantsType.COUPLE else 1
    told = {**roles, **{speaker: role_of(person) for speaker, (person, _) in named.items()}}
    named |= _matched(talk, people, named, roles_in(talk, told, clients=clients) if told else None)
    known = {**roles, **{speaker: role_of(person) for speaker, (person, _) in named.items()}}
    guess = roles_in(talk, known, clients=clients)
    return tuple(
        Identity(
            speaker=speaker, role=role_of(named[speaker][0]), person=named[speaker][0], confidence=named[speaker][1]
        )
        if speaker in named
        else Identity(
            speaker=speaker,
            role=guess.of(speaker),
            confidence=guess.confidence if guess.of(speaker) != UNKNOWN else 0.0,
        )
        for speaker in talk.speakers
    )


def role_of(person: Person) -> str:
    """The role a person has by being the owner, or not."""
    return THERAPIST if person.is_owner else CLIENT


def _dictating(talk: Talk) -> dict[str, str]:
    """The one voice that a dictation is, as the clinician's; nobody where voices share it."""
    said = _words_by_speaker(talk)
    return {speaker: THERAPIST for speaker, count in said.items() if count >= DICTATES_FROM * said.total()}


def _words_by_speaker(talk: Talk) -> Counter[str]:
    said: Counter[str] = Counter()
    for sentence in talk.sentences:
        said[sentence.speaker] += len(sentence.words)
    return said


def _matched(
    talk: Talk, people: Sequence[Person], taken: Mapping[str, tuple[Person, float]], roles: Roles | None
) -> dict[str, tuple[Person, float]]:
    """Person and confidence of each speaker not `taken` yet, where the confidence is high enough."""
    gone = {person.key for person, _ in taken.values()}
    said = _words_by_speaker(talk)
    speakers = [speaker for speaker, _ in said.most_common(MOST_SPEAKERS) if speaker not in taken]
    candidates = _candidates(talk, [person for person in people if person.key not in gone])
    weights = _weights(talk, speakers, candidates, roles)
    odds: defaultdict[tuple[str, str], float] = defaultdict(float)
    total = 0.0
    for match, score in _ways(speakers, candidates, weights, said):
        total += math.exp(score)
        for speaker, person in match.items():
            odds[speaker, person.key] += math.exp(score)
    return {
        speaker: (person, round(odds[speaker, person.key] / total, 3))
        for speaker in speakers
        for person in candidates
        if odds[speaker, person.key] >= BELIEVED_FROM * total
    }


def _candidates(talk: Talk, people: Sequence[Person]) -> list[Person]:
    """The people who can be matched: all, or, of too many, the owner and those whose names are heard."""
    if len(people) <= MOST_PEOPLE:
        return list(people)
    heard = {word for sentence in talk.sentences for word in sentence.words}
    likely = [person for person in people if person.is_owner or set(person.name.lower().split()[:1]) & heard]
    return sorted(likely, key=lambda person: not person.is_owner)[:MOST_PEOPLE]


def _ways(
    speakers: Sequence[str], people: Sequence[Person], weights: _Weights, said: Counter[str]
) -> Iterator[tuple[dict[str, Person], float]]:
    """Every way to give each speaker one person or none, no person twice, with its log-odds."""
    if not speakers:
        yield {}, 0.0
        return
    first, *others = speakers
    unnamed = -min(UNNAMED * said[first] / max(said.total(), 1), UNNAMED_AT_MOST)
    for rest, score in _ways(others, people, weights, said):
        yield rest, score + unnamed
        taken = {person.key for person in rest.values()}
        for person in people:
            weight = weights[first, person.key]
            if person.key not in taken and weight > -math.inf:
                yield {first: person, **rest}, score + weight


def _weights(
    talk: Talk, speakers: Sequence[str], people: Sequence[Person], roles: Roles | None
) -> dict[tuple[str, str], float]:
    """Log-odds that a speaker is a person; a role that is known rules out who does not have it."""
    found = {}
    for person in people:
        votes = _votes(talk, person, people)
        for speaker in speakers:
            weight = max(-STRONGEST, min(STRONGEST, votes[speaker]))
            role = roles.of(speaker) if roles else UNKNOWN
            if role not in (UNKNOWN, role_of(person)):
                weight = -math.inf
            elif person.is_owner:
                weight += STRONGEST if role == THERAPIST else therapist_score(talk, speaker)
            found[speaker, person.key] = weight
    return found


def _votes(talk: Talk, person: Person, people: Sequence[Person]) -> dict[str, float]:
    """What the spoken name says about each speaker."""
    votes: defaultdict[str, float] = defaultdict(float)
    name = _pattern(talk, person, people)
    if name is None:
        return votes
    mention, address, oneself = (
        re.compile(rf"(?<!\w){name}(?!\w)"),
        re.compile(rf"(?<!\w){_GREETING}[\s,]+{name}(?![\w'\u2019])|(?:^\W*|,\s*){name}{_ENDS}(?!,?\s+(?:and|or)\b)"),
        re.compile(rf"(?<!\w)(?i:i['\u2019]m|i am|my name is|my name['\u2019]s)\s+{name}(?=[,.!]|$|\s+(?:and|from)\b)"),
    )
    for sentence in talk.sentences:
        if not mention.search(sentence.text):
            continue
        if oneself.search(sentence.text):
            votes[sentence.speaker] += NAMED_ONESELF
            continue
        votes[sentence.speaker] += SPOKE_OF
        alone = len(sentence.words) == len(person.name.split()) and not sentence.is_question
        spoken_to = _spoken_to(talk, sentence) if address.search(sentence.text) and not alone else None
        if spoken_to is not None:
            votes[sentence.speaker] += SPOKE_OF
            votes[spoken_to] += SPOKEN_TO
    return votes


def _pattern(talk: Talk, person: Person, people: Sequence[Person]) -> str | None:
    """The name as it may be said: whole, or its first word where no other has it; lower case where all is."""
    whole = _plain(person.name)
    if not re.search(r"\w", whole):
        return None
    first = whole.split()[0]
    unique = sum(other.name.split()[:1] == [first] for other in people) == 1
    spoken = [whole, first] if unique and re.search(r"\w", first) else [whole]
    if not any(char.isupper() for sentence in talk.sentences for char in sentence.text):
        spoken = [form.lower() for form in spoken]
    return f"(?:{'|'.join(re.escape(form) for form in spoken)})"


def _plain(name: str) -> str:
    return " ".join(name.split())


def _spoken_to(talk: Talk, sentence: Sentence) -> str | None:
    """Whom a sentence addresses: of two the other; of more the one before ("Thanks, Anna.") or the one who answers."""
    others = [speaker for speaker in talk.speakers if speaker != sentence.speaker]
    if len(others) <= 1:
        return next(iter(others), None)
    looks_back = _LOOKS_BACK.search(sentence.text) or sentence.turn + 1 == len(talk.turns)
    place = sentence.turn + (-1 if looks_back else 1)
    return talk.turns[place].speaker if place >= 0 else None
