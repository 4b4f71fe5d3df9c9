"""The extractive note: sentences of the talk, sorted under the template's headings, quoted with their speakers.

Pure and deterministic. It can only say what was said; a heading nobody spoke to stays empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.domain.note import Note, ParticipantsType, Section, Statement
from shared.notes.dictation import dictated
from shared.notes.entities import entities_in
from shared.notes.medicines import forgotten
from shared.notes.passages import merged, statement
from shared.notes.people import roles_of
from shared.notes.personal import followed
from shared.notes.plan import goals_touched
from shared.notes.risk import Risks, risks_in
from shared.notes.risk_status import classed
from shared.notes.roles import Roles
from shared.notes.sections import choose, named_after_partners, partners_in
from shared.notes.talk import Talk
from shared.notes.templates import Template, template_for
from shared.notes.topics import topics_of
from shared.ports import NoteRequest

ENGINE = "embedded-extractive-2"


def write_extract(request: NoteRequest) -> Note:
    """Write the note: of a dictation every sentence, of a conversation what matters most."""
    template = followed(template_for(request.session_type, request.participants_type), request.instructions)
    talk = Talk(request.transcript)
    roles = roles_of(request, talk)
    risks = risks_in(talk)
    write = dictated if request.participants_type is ParticipantsType.DICTATED_NOTES else _quoted
    statements: Mapping[str, Sequence[Statement]] = write(template, talk, roles, risks)
    sections = (
        Section(key=section.key, title=section.title, statements=tuple(statements[section.key]))
        for section in template.sections
    )
    return Note(
        session_type=template.session_type,
        participants_type=template.participants_type,
        template_version=template.version,
        sections=classed(named_after_partners(sections, template, talk, roles), talk, roles),
        topics=topics_of(talk),
        entities=entities_in(talk, roles, [person.name for person in request.people]),
        goals=goals_touched(request.plan, talk),
        engine=ENGINE,
    )


def _quoted(template: Template, talk: Talk, roles: Roles, risks: Risks) -> dict[str, list[Statement]]:
    """What was chosen for each section, every risk and every medicine among it."""
    chosen = choose(template, talk, roles, risks)
    told = {i for passages in (risks.passages, *chosen.values()) for passage in passages for i in passage.sentences}
    partners = partners_in(talk, roles)
    for passage in forgotten(talk, told):
        partner = partners.get(talk.sentences[passage.sentences[-1]].speaker)
        chosen[template.medication_section(partner).key].append(passage)
    statements = {key: [statement(p, talk, roles) for p in merged(passages)] for key, passages in chosen.items()}
    place = template.risk_section.key
    statements[place] = [statement(p, talk, roles, risk=True) for p in risks.passages] + statements[place]
    return statements
