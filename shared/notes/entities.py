"""Who and what was spoken of by name: people, organisations, places, medicines.

Told by word lists and by how names are written ("Doctor Patel", "at Leeds Hospital", "in Paris"), so a transcript
without capitals yields medicines only. Rather too few than too many; what is said of each is a quote.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache

from shared.domain.note import NamedEntity
from shared.notes import lexica
from shared.notes.medicines import passage_naming
from shared.notes.passages import statement
from shared.notes.roles import Roles
from shared.notes.talk import Sentence, Talk

AT_MOST = 20

PERSON, ORGANISATION, PLACE, MEDICINE = "person", "organisation", "place", "medicine"

_GONE = r"(?:moved|move|moving|went|go|going|flew|fly|drove|back|travel\w*)"
_NAME = r"[A-Z][\w\u2019']*[\w](?:\s+[A-Z][\w\u2019']*[\w]){0,2}"


def entities_in(talk: Talk, roles: Roles, present: Collection[str] = ()) -> tuple[NamedEntity, ...]:
    """At most twenty, most spoken of first, then first spoken of; never those `present`, by name."""
    seen: dict[tuple[str, str], tuple[str, Sentence]] = {}
    spoken: Counter[tuple[str, str]] = Counter()
    ignored = {word for name in present for word in name.lower().split()}
    uncapitalised = {word for s in talk.sentences for word in re.findall(r"(?<![\w'\u2019])[a-z]+", s.text)}
    for sentence in talk.sentences:
        for kind, name in dict.fromkeys(_named(sentence)):
            words = name.lower().split()
            known = kind == MEDICINE or not (set(words) & ignored or set(words) <= uncapitalised | _no_names())
            if known:
                seen.setdefault((kind, name.lower()), (name, sentence))
                spoken[kind, name.lower()] += 1
    ranked = sorted(spoken, key=lambda key: -spoken[key])[:AT_MOST]
    return tuple(_entity(key[0], *seen[key], talk=talk, roles=roles) for key in ranked)


def _entity(kind: str, name: str, sentence: Sentence, *, talk: Talk, roles: Roles) -> NamedEntity:
    said = statement(passage_naming(talk, sentence), talk, roles)
    return NamedEntity(entity_type=kind, name=name, summary=said.text, evidence=said.evidence)


def _named(sentence: Sentence) -> Iterator[tuple[str, str]]:
    for match in lexica.medicine_names().finditer(sentence.plain):
        yield MEDICINE, sentence.text[match.start() : match.end()]
    taken: list[tuple[int, int]] = []
    for kind, pattern in _patterns():
        for match in pattern.finditer(sentence.text):
            start, end = match.span("name")
            if all(end <= first or start >= last for first, last in taken):
                taken.append((start, end))
                yield kind, " ".join(match["name"].split())


@cache
def _no_names() -> frozenset[str]:
    """Words written with a capital that name nobody and nothing of these kinds."""
    return lexica.words().capitalised | lexica.words().stop | lexica.words().others


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Kinds with how their names are written, the surest first."""
    listed = lexica.entity_cues()
    kin = "|".join(sorted(lexica.words().others))
    bodies = "|".join(listed["organisation_words"].split())
    known = "|".join(re.escape(name) for name in listed["organisations"])
    title = r"(?:Doctor|Dr\.?|Mister|Mr\.?|Mrs\.?|Ms\.?|Miss|Professor|Prof\.?|Father|Pastor|Nurse|Sister)"
    return (
        (ORGANISATION, re.compile(rf"(?<!\w)(?P<name>{known}|{_NAME}\s+(?:{bodies})|University\s+of\s+{_NAME})(?!\w)")),
        (PERSON, re.compile(rf"(?<!\w)(?P<name>{title}\s+{_NAME})")),
        (PERSON, re.compile(rf"(?<!\w)(?i:(?:my|our|her|his)\s+(?:{kin}),?\s+)(?P<name>{_NAME})")),
        (ORGANISATION, re.compile(rf"(?<!\w)(?i:work(?:s|ed|ing)?\s+(?:at|for)\s+)(?P<name>{_NAME})")),
        (PLACE, re.compile(rf"(?<!\w)(?:{_GONE}\s+to|in|from|near|to visit)\s+(?P<name>{_NAME})")),
    )
