"""The NoteEngine port: what every engine keeps, whatever writes the note."""

import pytest

from shared.adapters.embedded_notes import EmbeddedNoteEngine
from shared.domain.note import ParticipantsType, SessionType
from shared.domain.transcript import Transcript
from shared.notes.templates import template_for
from shared.ports import NoteEngine, NoteRequest
from tests.talks import THERAPY, read_talk, text_of


@pytest.fixture(params=[EmbeddedNoteEngine], ids=["embedded"])
def engine(request) -> NoteEngine:
    made: NoteEngine = request.param()
    return made


@pytest.mark.parametrize("session_type", ["Standard", "Soap", "Dap", "Birp", "Girp"])
async def test_sections_stand_in_the_templates_order(engine: NoteEngine, session_type):
    template = template_for(SessionType(session_type), ParticipantsType.INDIVIDUAL)
    note = await engine.write(NoteRequest(read_talk(THERAPY), template.session_type))
    assert [section.key for section in note.sections] == [section.key for section in template.sections]
    assert note.template_version == template.version
    assert note.engine == engine.name


async def test_all_evidence_is_in_the_transcript(engine: NoteEngine):
    transcript = read_talk(THERAPY)
    note = await engine.write(NoteRequest(transcript))
    cited = {id_ for section in note.sections for statement in section.statements for id_ in statement.evidence}
    assert cited
    assert cited <= {segment.id for segment in transcript.segments}


async def test_nothing_said_gives_nothing_written(engine: NoteEngine):
    assert text_of(await engine.write(NoteRequest(Transcript()))) == ""
