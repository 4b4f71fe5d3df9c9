"""The last look at a note, whoever wrote it: nothing unsupported stays, no mention of risk is missing."""

from __future__ import annotations

from shared.domain.note import Note, Section, Statement
from shared.notes.evidence import supported
from shared.notes.passages import mentions_risk, statement
from shared.notes.people import roles_of
from shared.notes.risk import risks_in
from shared.notes.risk_status import classed
from shared.notes.sections import named_after_partners
from shared.notes.talk import Talk
from shared.notes.templates import template_for
from shared.ports import NoteRequest


def safeguarded(note: Note, request: NoteRequest) -> Note:
    """The note as it may be shown; `request` is what it was asked by."""
    return with_every_risk(supported(note, request), request)


def with_every_risk(note: Note, request: NoteRequest) -> Note:
    """The note with each mention of risk its writer left out added as a quote, all of them marked, and classed.

    A mention counts as told when a statement of the template's risk section cites it.
    """
    template = template_for(note.session_type, note.participants_type)
    place = template.risk_section
    talk = Talk(request.transcript)
    roles = roles_of(request, talk)
    sections = [_marked(section) for section in note.sections]
    told = {id_ for section in sections if section.key == place.key for s in section.statements for id_ in s.evidence}
    risks = risks_in(talk)
    untold = {i for i in risks.mentions if not told.intersection(talk.sentences[i].segment_ids)}
    missing = tuple(
        statement(passage, talk, roles, risk=True)
        for passage in risks.passages
        if untold.intersection(passage.sentences)
    )
    completed = _completed(sections, place.key, place.title, missing)
    named = named_after_partners(completed, template, talk, roles)
    return note.model_copy(update={"sections": classed(named, talk, roles)})


def _marked(section: Section) -> Section:
    statements = tuple(
        s if s.risk or not mentions_risk(s.text) else s.model_copy(update={"risk": True}) for s in section.statements
    )
    return section.model_copy(update={"statements": statements})


def _completed(sections: list[Section], key: str, title: str, missing: tuple[Statement, ...]) -> list[Section]:
    """The sections with `missing` first in the one with this key, which is added when the writer left it out."""
    if not missing:
        return sections
    if all(section.key != key for section in sections):
        sections = [*sections, Section(key=key, title=title)]
    return [
        section.model_copy(update={"statements": missing + section.statements}) if section.key == key else section
        for section in sections
    ]
