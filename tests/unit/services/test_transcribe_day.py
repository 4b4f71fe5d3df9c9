"""A day's sessions as text: found by their folder, started when they are not transcribed yet, waited for."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.domain.caller import Caller, Role
from shared.domain.errors import EngineRefused, Forbidden, NotFound
from shared.domain.records import Recording, StoredTranscript
from shared.domain.session import State
from shared.services.edit_record import Edit
from shared.services.transcribe_day import POLL_SECONDS
from tests.engines import ToneSpeech, silence
from tests.faults import Fault
from tests.unit.services.world import PAIR, SCRIPT, SESSION, THERAPIST, Host, Process, Stores, upload, uploads

CLIENT = Caller(id="client2", roles=frozenset({Role.CLIENT}))
SAID = f"Speaker 1: {SCRIPT[0]} Speaker 2: {SCRIPT[1]}"


def spoken(first: int) -> str:
    """What one chunk of the script reads as."""
    return f"Speaker 1: {SCRIPT[first]}"


async def test_a_finished_session_is_one_line(stores, host):
    await host.send_all(uploads(2))
    await host.settle()
    day = await Process(stores).transcribe_day()
    assert (day.texts, day.pending, day.failed) == ([SAID], [], {})


async def test_what_is_transcribed_is_not_transcribed_again(stores, host):
    await host.send_all(uploads(2))
    await host.settle()
    before = await Process(stores).ledger.get(SESSION)
    await Process(stores, speech=Fault(1, error=EngineRefused).over(ToneSpeech(SCRIPT))).transcribe_day()
    assert await Process(stores).ledger.get(SESSION) == before
    assert len(stores.manifests()) == 1


async def test_sessions_come_oldest_first(stores, host, clock):
    for n, name in enumerate(("z", "a", "m")):
        await host.send(upload(n, session_id=name, last=True, index=0))
        clock.move(minutes=5)
    await host.deliver()
    assert (await Process(stores).transcribe_day()).texts == [spoken(0), spoken(1), spoken(2)]


async def test_a_session_that_still_receives_is_sealed_and_waited_for(stores, host, process):
    await host.send(upload(0))

    async def host_works(seconds: float) -> None:
        stores.clock.move(seconds=seconds)
        await host.deliver()

    day = await process.transcribe_day(pause=host_works)
    assert (day.texts, day.pending) == ([spoken(0)], [])
    assert (await process.ledger.get(SESSION)).finalized


async def test_after_the_wait_what_is_ready_is_given_and_the_rest_is_named(stores, host, process):
    await host.send(upload(0, session_id="ready", last=True))
    await host.deliver()
    stores.clock.move(minutes=1)
    await host.send(upload(1, session_id="slow", index=0))
    began = stores.clock.now()
    day = await process.transcribe_day(wait_s=5)
    assert (day.texts, day.pending) == ([spoken(0)], ["slow"])
    assert stores.clock.now() - began == timedelta(seconds=5 * POLL_SECONDS)
    await host.deliver()
    assert (await process.transcribe_day(wait_s=0)).texts == [spoken(0), spoken(1)]


async def test_without_a_wait_it_is_started_all_the_same(host, process):
    await host.send(upload(0))
    assert (await process.transcribe_day(wait_s=0)).pending == [SESSION]
    assert (await process.ledger.get(SESSION)).state is State.SEALED


async def test_a_failed_session_is_named_and_hides_no_other(stores, host):
    await host.send(upload(0, session_id="good", last=True))
    await host.deliver()
    broken = Process(stores, speech=Fault(1, error=EngineRefused).over(ToneSpeech(SCRIPT)))
    await host.send(upload(1, session_id="bad", last=True, index=0))
    await Host(stores, broken).settle("bad")
    day = await Process(stores).transcribe_day()
    assert day.texts == [spoken(0)]
    assert {name: failure.code for name, failure in day.failed.items()} == {"bad": "engine_refused"}


async def test_a_session_whose_note_failed_has_its_text(stores, host):
    await host.send(upload(0, last=True))
    broken = Process(stores, notes=Fault(1, error=EngineRefused).over(host.process.notes))
    session = await Host(stores, broken).settle()
    assert session.state is State.FAILED
    day = await Process(stores).transcribe_day()
    assert (day.texts, day.failed) == ([spoken(0)], {})


async def test_silence_is_no_text(stores, host):
    await host.send(upload(0, last=True, content=silence()))
    await host.settle()
    day = await Process(stores).transcribe_day(day=date(2026, 2, 23))
    assert (day.texts, day.pending, day.failed) == ([], [], {})


async def test_an_edited_transcript_is_given_as_edited(stores, host):
    await host.send(upload(0, last=True))
    await host.deliver()
    process = Process(stores)
    [row] = await process.reader.of_client(THERAPIST, StoredTranscript, PAIR, "client2")
    edit = Edit({"transcript": "Speaker 1: Mended.\n\nSpeaker 2: By hand."})
    await process.editor.edit(THERAPIST, StoredTranscript, row.number, edit)
    assert (await process.transcribe_day()).texts == ["Speaker 1: Mended. Speaker 2: By hand."]


async def test_a_deleted_transcript_is_not_given_and_not_made_again(stores, host):
    await host.send(upload(0, last=True))
    await host.deliver()
    process = Process(stores)
    [row] = await process.reader.of_client(THERAPIST, StoredTranscript, PAIR, "client2")
    await process.editor.delete(THERAPIST, StoredTranscript, row.number)
    assert (await process.transcribe_day()).texts == []
    assert len(stores.manifests()) == 1


async def test_a_day_is_that_of_the_first_chunk(stores, host, clock):
    clock.move(hours=14, minutes=59)
    await host.send(upload(0))
    clock.move(minutes=2)
    await host.send(upload(1, last=True))
    await host.deliver()
    assert (await Process(stores).transcribe_day(day=date(2026, 2, 23))).texts == [SAID]
    with pytest.raises(NotFound):
        await Process(stores).transcribe_day(day=date(2026, 2, 24))


async def test_later_days_do_not_hide_a_day(stores, host, clock):
    await host.send(upload(0, session_id="monday", last=True))
    clock.move(days=1)
    await host.send(upload(1, session_id="tuesday", last=True, index=0))
    await host.deliver()
    assert (await Process(stores).transcribe_day(day=date(2026, 2, 23))).texts == [spoken(0)]


@pytest.mark.parametrize("day", [date(2026, 2, 22), date.min, date.max])
async def test_a_day_without_audio_is_not_found(stores, host, day):
    await host.send(upload(0))
    with pytest.raises(NotFound) as refused:
        await Process(stores).transcribe_day(day=day)
    assert refused.value.code == "audio_not_found"


async def test_a_day_whose_recordings_are_deleted_has_no_audio(stores, host):
    await host.send(upload(0))
    process = Process(stores)
    [row] = (await process.reader.page(THERAPIST, Recording, relationship=PAIR)).rows
    await process.editor.delete(THERAPIST, Recording, row.number)
    with pytest.raises(NotFound):
        await process.transcribe_day()


async def test_only_the_pairs_therapist_starts_it(stores: Stores, host: Host):
    await host.send(upload(0))
    process = Process(stores)
    with pytest.raises(Forbidden):
        await process.transcribe_day(CLIENT)
    for stranger in (Caller(id="therapist9", roles=frozenset({Role.THERAPIST})), Caller(id="client9")):
        with pytest.raises(NotFound, match="no relationship"):
            await process.transcribe_day(stranger)
    service = Caller(id="partner1", roles=frozenset({Role.SERVICE}))
    with pytest.raises(NotFound, match="no relationship"):
        await process.transcribe_day(service, therapist_userid="therapist9")
    assert (await process.ledger.get(SESSION)).state is State.RECEIVING
