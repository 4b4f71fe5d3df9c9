"""What every NoteEngine keeps.

With AZURE_TEST_NOTES__AZURE_OPENAI__ENDPOINT and …__DEPLOYMENT (and …__KEY, or an identity that may use the resource) a
real deployment is asked too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.adapters.azure_identity import app_identity
from shared.adapters.azure_openai import AzureOpenAINotes, ChatModel
from shared.adapters.embedded_notes import EmbeddedNoteEngine
from shared.bootstrap.engines import note_engine
from shared.domain.note import ParticipantsType, SessionType, render_markdown
from shared.domain.transcript import Transcript
from shared.notes.evidence import check
from shared.notes.templates import template_for
from shared.ports import NoteEngine, NoteRequest
from shared.settings.notes import NoteEngineName, NoteSettings
from tests.servers.azure import azure_settings
from tests.servers.openai import DEPLOYMENT, KEY, OpenAI
from tests.talks import THERAPY, read_talk

FORMATS = list(SessionType)


@pytest.fixture(scope="module", params=["embedded", "azure-openai", "azure-openai-dated", "azure"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[NoteEngine]:
    if request.param == "embedded":
        yield EmbeddedNoteEngine()
    elif request.param == "azure":
        given = azure_settings("notes", NoteSettings).azure_openai
        chosen = NoteSettings(engine=NoteEngineName.AZURE_OPENAI, azure_openai=given)
        async with app_identity(developing=True) as credential:
            real = note_engine(chosen, lambda: credential)
            assert isinstance(real, AzureOpenAINotes)
            yield real
            await real.close()
    else:
        api_version = "2024-10-21" if request.param.endswith("dated") else None
        with OpenAI() as server:
            made = AzureOpenAINotes(ChatModel(server.url, DEPLOYMENT, KEY, api_version=api_version))
            yield made
            await made.close()


@pytest.fixture(scope="session")
def talk() -> Transcript:
    return read_talk(THERAPY)


@pytest.mark.parametrize("session_type", FORMATS)
async def test_a_note_has_the_sections_of_its_template_in_order(engine, talk, session_type):
    note = await engine.write(NoteRequest(talk, session_type))
    template = template_for(session_type, ParticipantsType.INDIVIDUAL)
    assert [section.key for section in note.sections] == [section.key for section in template.sections]
    assert (note.session_type, note.participants_type) == (session_type, ParticipantsType.INDIVIDUAL)
    assert note.template_version == template.version


async def test_a_note_says_something_about_a_session_in_which_much_was_said(engine, talk):
    note = await engine.write(NoteRequest(talk))
    assert sum(len(section.statements) for section in note.sections) > 5


async def test_all_evidence_exists_so_that_the_note_can_be_shown(engine, talk):
    note = await engine.write(NoteRequest(talk))
    segments = {segment.id: segment for segment in talk.segments}
    cited = [sid for section in note.sections for statement in section.statements for sid in statement.evidence]
    assert cited
    assert set(cited) <= set(segments)
    assert render_markdown(note, segments)


async def test_the_evidence_holds_what_the_note_says(engine, talk):
    checked = check(await engine.write(NoteRequest(talk)), NoteRequest(talk))
    assert checked.findings == ()


async def test_where_nothing_was_said_nothing_is_noted(engine):
    note = await engine.write(NoteRequest(Transcript(duration_ms=60_000)))
    assert note.sections
    assert not any(section.statements for section in note.sections)


async def test_a_note_says_what_wrote_it(engine, talk):
    assert (await engine.write(NoteRequest(talk))).engine == engine.name


async def test_two_notes_at_once_do_not_mix(engine, talk):
    other = read_talk("small_talk")
    alone = [await engine.write(NoteRequest(talk)), await engine.write(NoteRequest(other))]
    both = await asyncio.gather(engine.write(NoteRequest(talk)), engine.write(NoteRequest(other)))
    assert list(both) == alone
