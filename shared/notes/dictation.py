"""A dictated note: one voice, the clinician's, put under its headings word for word.

Nothing is chosen and nothing is left out but sounds ("um") and the headings themselves. A spoken heading ("Plan:",
"Next heading, assessment.") holds until the next one; a sentence that begins with a heading's name ("Mood is low")
belongs there; what else there is goes where its cues point, or with the sentence before.
"""

from __future__ import annotations

import re
from functools import cache

from shared.domain.note import Statement
from shared.notes.marks import marks_of
from shared.notes.passages import dictated_statement
from shared.notes.personal import names_of
from shared.notes.risk import Risks
from shared.notes.roles import Roles
from shared.notes.sections import best_section
from shared.notes.talk import Sentence, Talk, is_filler
from shared.notes.templates import Template, templates

_LEAD = r"^\W*(?:(?:next|new|now|and|okay|so|under|on to|moving on to|going to|for|in|the|heading|section)\W+){0,4}"
_ENDS_ALONE = r"\W*(?:section|heading|colon|as follows)?\W*$"
_ENDS_OPEN = r"(?:\W+colon\W+|\s*:\s*|\s+\u2013\s+|\s+-\s+)"
_OWNER = r"^\W*(?:(?:the|her|his|their|client'?s|patient'?s)\W+){0,2}"


def dictated(template: Template, talk: Talk, roles: Roles, risks: Risks) -> dict[str, list[Statement]]:
    """Statements by section key, one a sentence, in the order dictated; every mention of risk in its section."""
    marks = marks_of(talk, roles, template.topics)
    found: dict[str, list[Statement]] = {section.key: [] for section in template.sections}
    first = last = template.sections[0].key
    has_headings = any(_heading(template, sentence)[0] for sentence in talk.sentences)
    heading: str | None = first if has_headings else None
    for sentence in talk.sentences:
        named, rest = _heading(template, sentence)
        heading = heading if named is None else named
        if not rest or is_filler((sentence,)):
            continue
        best = best_section(template, marks[sentence.index])
        place = _begun_with(template, sentence) or heading or (best[1].key if best else last)
        risk = sentence.index in risks.central
        last = template.risk_section.key if risk else place
        found[last].append(dictated_statement(sentence, rest, risk=risk))
    return found


def _heading(template: Template, sentence: Sentence) -> tuple[str | None, str]:
    """The section a sentence opens by name, if any, and what of the sentence is more than the heading."""
    for key, name in _names(template):
        alone, opening, _ = _patterns(name)
        if alone.search(sentence.plain):
            return key, ""
        match = opening.search(sentence.plain)
        if match:
            return key, sentence.text[match.end() :]
    return None, sentence.text


def _begun_with(template: Template, sentence: Sentence) -> str | None:
    """The section whose name a sentence begins with ("Affect was flat")."""
    for key, name in _names(template):
        if key and _patterns(name)[2].search(sentence.plain):
            return key
    return None


@cache
def _names(template: Template) -> tuple[tuple[str, str], ...]:
    """Section keys with each name they go by, the longest first: "family history" before "history".

    Headings of other formats have the key "": they end what stands before, and what follows is sorted by its cues.
    """
    own = {name: section.key for section in template.sections for name in names_of(section)}
    other = {name: "" for known in templates().values() for section in known.sections for name in names_of(section)}
    names = [(key, name) for name, key in ({template.title.lower(): template.sections[0].key} | other | own).items()]
    return tuple(sorted(names, key=lambda item: -len(item[1])))


@cache
def _patterns(name: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A heading that stands alone, one that its text follows, and a sentence that begins with it."""
    said = r"[\W_]+".join(re.escape(word) for word in re.findall(r"\w+", name))
    return (
        re.compile(rf"{_LEAD}{said}{_ENDS_ALONE}", re.IGNORECASE),
        re.compile(rf"{_LEAD}{said}{_ENDS_OPEN}", re.IGNORECASE),
        re.compile(
            rf"{_OWNER}{said}\W+(?:is|was|are|were|to|today|remains?|appears?|good|intact|fair|poor)\b", re.IGNORECASE
        ),
    )
