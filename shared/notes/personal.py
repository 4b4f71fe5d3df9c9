"""A therapist's own instruction set, as far as a writer that only quotes can follow it.

Followed:
- `##` headings that name sections of the format ("Plan", "Assessment and plan", "What we agreed: plan") choose which
  sections the note has, in which order, and under which title; a heading that names several joins them.
- "Leave out <section>." (omit, skip, do not include) leaves that section out, where the phrase is a section's name and
  nothing else.
- "At most <n> statements" (sentences, points, bullets, lines; no more than, up to, maximum) under a heading bounds it.

Never followed: what would hide risk or medicines. The section for risk and one for medicines are always there, and
neither a mention of risk nor a medicine's name counts toward a bound. Not followed either, because a quote is what was
said: tone, wording, tense, abbreviations, examples, and what a heading that names no section asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from shared.notes.instructions import InstructionSection, InstructionSet
from shared.notes.numbers import numbers_in
from shared.notes.templates import PARTNERS, TOGETHER, Template, TemplateSection

_LEAVE_OUT = re.compile(
    r"(?im)^[^\w\n]*(?:please\s+)?(?:leave\s+out|omit|skip|(?:do\s+not|don't)\s+(?:include|write))\s+(?:the\s+)?"
    r"(?P<name>[\w ,/&-]{2,60}?)(?:\s+section)?\s*[.!]?\s*$"
)
_LIMIT = re.compile(
    r"(?i)\b(?:at\s+most|no\s+more\s+than|not\s+more\s+than|up\s+to|maximum(?:\s+of)?|max\.?)\s+(?P<count>\w+)\s+(?:\w+\s+)?"
    r"(?:statements?|sentences?|points?|bullets?|lines?|items?)\b"
)
_MOST = 12
MOST_HEADINGS = 60
"""Headings that are read: no format has a third as many sections."""


def followed(template: Template, instructions: str | None) -> Template:
    """The template as the instructions (Markdown) have it; itself where they choose nothing."""
    if not instructions:
        return template
    wanted = InstructionSet(instruction_type=template.key, title="", version=1, instructions=instructions).sections
    chosen = list(_chosen(template, wanted[:MOST_HEADINGS])) or list(template.sections)
    unwanted = {name.lower() for name in _LEAVE_OUT.findall(instructions)}
    kept = [
        section for section in chosen if not unwanted.intersection(names_of(section)) or _must_stay(template, section)
    ]
    return template.model_copy(update={"sections": tuple(_completed(template, kept))})


def names_of(section: TemplateSection) -> tuple[str, ...]:
    """What a section goes by, lower case: "Phase 7: Closure" is "closure" too, a partner's section its shared name."""
    first, _, last = section.title.rpartition(": ")
    short = first if section.partner is not None else last
    return tuple(name.lower() for name in (section.title, short, *section.also))


def _chosen(template: Template, wanted: Sequence[InstructionSection]) -> Iterator[TemplateSection]:
    """Sections in the order of the headings that name them, each once."""
    left = list(template.sections)
    for heading in wanted:
        named = _named(left, heading.title)
        left = [section for section in left if section not in named]
        limit = _limit(heading.instructions)
        for section in (section for section in named if section.partner is not None):
            yield _retitled(section, f"{heading.title}: {PARTNERS[section.partner or 0]}", limit)
        shared = [section for section in named if section.partner is None]
        if shared:
            yield _retitled(_joined(shared), heading.title, limit)


def _named(sections: Sequence[TemplateSection], heading: str) -> list[TemplateSection]:
    """The sections whose name stands in a heading; a longer name goes before a shorter one it holds."""
    rest = " ".join(re.findall(r"\w+", heading.lower()))
    found: list[TemplateSection] = []
    names = {" ".join(re.findall(r"\w+", name)) for section in sections for name in names_of(section)}
    for name in sorted(names, key=lambda name: (-len(name), name)):
        if re.search(rf"\b{re.escape(name)}\b", rest):
            rest = re.sub(rf"\b{re.escape(name)}\b", "|", rest)
            found += [s for s in sections if s not in found and name in _spaced(s)]
    return [section for section in sections if section in found]


def _spaced(section: TemplateSection) -> set[str]:
    return {" ".join(re.findall(r"\w+", name)) for name in names_of(section)}


def _joined(sections: Sequence[TemplateSection]) -> TemplateSection:
    """One section that takes what all of them take; it keeps the key of the place for risk."""
    first = next((section for section in sections if section.risk), sections[0])
    return first.model_copy(
        update={
            "guidance": " ".join(section.guidance for section in sections),
            "takes": tuple(take for section in sections for take in section.takes),
            "also": tuple(name for section in sections for name in names_of(section)),
            "at_most": min(sum(section.at_most for section in sections), _MOST),
        }
    )


def _retitled(section: TemplateSection, title: str, limit: int | None) -> TemplateSection:
    return section.model_copy(update={"title": title, "also": names_of(section), "at_most": limit or section.at_most})


def _limit(instructions: str) -> int | None:
    match = _LIMIT.search(instructions)
    counts = [int(number.value) for number in numbers_in(match["count"])] if match else []
    return max(1, min(counts[0], _MOST)) if counts else None


def _must_stay(template: Template, section: TemplateSection) -> bool:
    return section.key in (template.risk_section.key, template.medication_section().key)


def _completed(template: Template, sections: list[TemplateSection]) -> list[TemplateSection]:
    """With the place for risk, first where nobody named it, what a couple share, and one for medicines, last.

    A set is written for a format, not for a couple: that it does not name what partners share says nothing.
    """
    keys = {section.key for section in sections}
    partners = [position for position, section in enumerate(sections) if section.partner is not None]
    for shared in (section for section in template.sections if section.key == TOGETHER and TOGETHER not in keys):
        sections.insert(partners[-1] + 1 if partners else len(sections), shared)
    if not any(section.risk for section in sections):
        sections = [template.risk_section, *sections]
    takes_medicines = any("medication" in take.topics for s in sections if s.partner is None for take in s.takes)
    place = template.medication_section()
    return sections if takes_medicines or place.key in keys | {template.risk_section.key} else [*sections, place]
