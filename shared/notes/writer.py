"""The extractive note: sentences of the talk, sorted under the template's headings, quoted with their speakers.

Pure and deterministic. It can only say what was said; a heading nobody spoke to stays empty.
"""

from __future__ import annotations

from shared.domain.note import Note, Section
from shared.notes.medicines import forgotten
from shared.notes.passages import merged, statement
from shared.notes.risk import risks_in
from shared.notes.roles import roles_in
from shared.notes.sections import choose
from shared.notes.talk import Talk
from shared.notes.templates import template_for
from shared.notes.topics import topics_of
from shared.ports import NoteRequest

ENGINE = "embedded-extractive-1"


def write_extract(request: NoteRequest) -> Note:
    """Write the note. Raises: InvalidInput (`template_not_available`)."""
    template = template_for(request.session_type, request.participants_type)
    talk = Talk(request.transcript)
    roles = roles_in(talk, request.roles)
    risks = risks_in(talk)
    chosen = choose(template, talk, roles, risks)
    quoted = {i for passages in (risks.passages, *chosen.values()) for passage in passages for i in passage.sentences}
    place = template.medication_section.key
    chosen[place] = merged([*chosen[place], *forgotten(talk, quoted)])
    sections = []
    for section in template.sections:
        statements = [statement(passage, talk, roles) for passage in chosen[section.key]]
        if section.risk:
            statements = [statement(passage, talk, roles, risk=True) for passage in risks.passages] + statements
        sections.append(Section(key=section.key, title=section.title, statements=tuple(statements)))
    return Note(
        session_type=template.session_type,
        participants_type=template.participants_type,
        template_version=template.version,
        sections=tuple(sections),
        topics=topics_of(talk),
        engine=ENGINE,
    )
