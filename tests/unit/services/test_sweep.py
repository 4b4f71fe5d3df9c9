"""The sweeper: what stands still is pushed on, what is over is let go, nothing is started twice."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from shared.domain.errors import EngineUnavailable, NotFound, StoreUnavailable
from shared.domain.limits import Limits
from shared.domain.manifest import Manifest
from shared.domain.names import SEALED_BLOBS, SESSIONS
from shared.domain.session import SessionGap, State
from shared.services.ledger import OPEN
from shared.services.seal_session import seal_session
from tests.engines import PAUSE_MS, SENTENCE_MS, ToneSpeech
from tests.faults import Fault, Pause, When
from tests.unit.services.reading import transcript_of
from tests.unit.services.world import SCRIPT, SESSION, Host, Process, Stores, upload, uploads

CHUNK_MS = SENTENCE_MS + PAUSE_MS


def listed(stores: Stores) -> list[str]:
    """Sessions on the sweeper's list."""
    return [str(row["id"]) for row in stores.partition(SESSIONS, OPEN)]


# ---- gaps ----------------------------------------------------------------------------------------------------------


async def test_a_session_that_lacks_a_chunk_waits_for_the_gap_timeout(stores, host, clock):
    await host.send_all([upload(0), upload(2, last=True)])
    clock.move(minutes=29)
    await host.ring()
    assert (await host.process.ledger.get(SESSION)).state is State.RECEIVING
    clock.move(minutes=1)
    await host.ring()
    session = await host.settle()
    assert session.state is State.DONE
    gap = SessionGap(chunk="1", reason="missing", start_ms=CHUNK_MS, end_ms=2 * CHUNK_MS)
    assert session.gaps == (gap,)
    assert await transcript_of(stores) == [SCRIPT[0], "[missing audio 00:00–00:00]", SCRIPT[2]]  # noqa: RUF001


async def test_each_new_chunk_starts_the_gap_timeout_anew(stores, host, clock):
    await host.send(upload(0))
    clock.move(minutes=29)
    await host.send(upload(1))
    clock.move(minutes=29)
    await host.ring()
    assert stores.manifests() == []


async def test_a_session_without_its_last_chunk_is_sealed_after_the_gap_timeout(stores, host, clock):
    await host.send_all([upload(0), upload(1)])
    clock.move(minutes=30)
    await host.ring()
    assert (await host.settle()).state is State.DONE
    assert await transcript_of(stores) == list(SCRIPT[:2])


async def test_a_person_may_finalize_at_once(stores, host):
    await host.send_all([upload(0), upload(2)])
    sealed = await host.process.finalize()
    again = await host.process.finalize()
    assert sealed.state is State.SEALED
    assert again.manifest == sealed.manifest
    assert len(stores.manifests()) == 1
    assert [gap.chunk for gap in (await host.settle()).gaps] == ["1"]


async def test_the_missing_chunk_of_a_finalized_session_fills_its_gap(stores, host):
    await host.send_all([upload(0), upload(2, last=True)])
    await host.process.finalize()
    await host.settle()
    await host.send(upload(1))
    session = await host.settle()
    assert session.gaps == ()
    assert await transcript_of(stores) == list(SCRIPT[:3])


async def test_there_is_nothing_to_finalize_in_an_empty_session(stores, process):
    with pytest.raises(NotFound) as caught:
        await process.finalize()
    assert caught.value.code == "session_not_found"
    with pytest.raises(StoreUnavailable):
        await Process(stores, blobs=Fault(1).over(stores.blobs)).accept(upload())
    with pytest.raises(NotFound) as caught:
        await process.finalize()
    assert caught.value.code == "session_empty"
    assert stores.manifests() == []


async def test_finalizing_a_session_that_is_done_starts_nothing(stores, host):
    await host.send_all(uploads(2))
    done = await host.settle()
    assert (await host.process.finalize()).model_copy(update={"finalized": False}) == done
    assert len(stores.manifests()) == 1


async def test_a_chunk_behind_a_new_gap_is_not_forgotten(stores, host, clock):
    await host.send_all(uploads(2))
    await host.settle()
    clock.move(hours=1)
    await host.ring()
    assert listed(stores) == []
    late = await host.send(upload(3))
    assert late.session.state is State.DONE
    assert late.session.received > late.session.sealed_chunks
    clock.move(minutes=30)
    await host.ring()
    session = await host.settle()
    assert [gap.chunk for gap in session.gaps] == ["2"]
    assert SCRIPT[3] in await transcript_of(stores)


@pytest.mark.parametrize("when", When, ids=lambda when: when.name.lower())
async def test_nor_is_one_whose_upload_broke_off_anywhere(tmp_path, when):
    for number in count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        stores = Stores(folder)
        await Host(stores).send_all(uploads(2))
        await Host(stores).settle()
        stores.clock.move(hours=1)
        await Host(stores).ring()
        fault = Fault(number, when)
        host = Host(stores, Process(stores, fault))
        await host.send(upload(3))
        assert listed(stores) == [SESSION], f"after a fault at {fault.calls[number - 1]}"
        if len(fault.calls) < number:
            return


# ---- the list ------------------------------------------------------------------------------------------------------


async def test_a_session_is_on_the_list_from_its_first_step_until_it_is_over(stores, host, clock):
    await host.send(upload(0))
    assert listed(stores) == [SESSION]
    await host.send(upload(1, last=True))
    await host.settle()
    await host.ring()
    assert listed(stores) == [SESSION]  # a late chunk may come
    clock.move(minutes=11)
    await host.ring()
    assert listed(stores) == []


async def test_an_upload_that_never_came_to_its_end_is_let_go(stores, host, clock):
    with pytest.raises(StoreUnavailable):
        await Process(stores, blobs=Fault(1).over(stores.blobs)).accept(upload())
    assert listed(stores) == [SESSION]
    clock.move(minutes=31)
    await host.ring()
    assert listed(stores) == []
    await host.send_all(uploads(2))
    assert (await host.settle()).state is State.DONE


async def test_a_second_try_long_after_the_first_is_not_struck_off_while_it_is_under_way(stores, host, clock):
    with pytest.raises(StoreUnavailable):
        await Process(stores, blobs=Fault(1).over(stores.blobs)).accept(upload())
    clock.move(minutes=31)
    pause = Pause("create", When.BEFORE)
    again = asyncio.create_task(Process(stores, blobs=pause.over(stores.blobs)).accept(upload()))
    await pause.reached.wait()
    await host.ring()
    pause.go.set()
    await again
    assert listed(stores) == [SESSION]


async def test_one_sessions_trouble_does_not_keep_the_others_waiting(stores, host, clock):
    for session_id in ("a", "b", "c"):
        await host.send(upload(0, session_id=session_id))
    clock.move(minutes=30)
    process = Process(stores, blobs=Fault(2).over(stores.blobs))  # the second manifest
    with pytest.raises(StoreUnavailable):
        await process.sweeper.sweep()
    assert len(stores.manifests()) == 2
    await host.ring()
    for session_id in ("a", "b", "c"):
        assert (await host.settle(session_id)).state is State.DONE


async def test_two_sweepers_do_no_harm(stores, host, clock):
    await host.send_all([upload(0), upload(2, last=True)])
    clock.move(minutes=30)
    await asyncio.gather(host.ring(), Process(stores).sweeper.sweep())
    assert len(stores.manifests()) == 1


# ---- pushing -------------------------------------------------------------------------------------------------------


async def test_a_lost_event_is_raised_again(stores, host, clock):
    await host.send_all(uploads(2))
    events = stores.manifests()
    clock.move(minutes=4)
    await host.ring()
    assert stores.manifests() == events
    clock.move(minutes=1)
    await host.ring()
    assert stores.manifests() != events
    assert [name for name, _ in stores.manifests()] == [name for name, _ in events]


async def test_a_manifest_that_was_never_written_is_written(stores, host, clock):
    await Process(stores).accept(upload(0))
    with pytest.raises(StoreUnavailable):
        await Process(stores, blobs=Fault(2).over(stores.blobs)).accept(upload(1, last=True))
    assert stores.manifests() == []
    clock.move(minutes=5)
    await host.ring()
    assert (await host.settle()).state is State.DONE


async def test_an_event_lost_before_an_early_late_chunk_is_raised_again(stores, host, clock):
    await host.send_all(uploads(2))
    events = stores.manifests()
    await host.send(upload(3))  # behind a gap: no new manifest yet
    clock.move(minutes=6)
    await host.ring()
    assert stores.manifests() != events
    await host.deliver()
    assert (await host.process.ledger.get(SESSION)).state is State.DONE


async def test_a_manifest_never_written_before_an_early_late_chunk_is_not_waited_for(stores, host, clock):
    await host.send(upload(0))
    with pytest.raises(StoreUnavailable):
        await Process(stores, blobs=Fault(2).over(stores.blobs)).accept(upload(1, last=True))
    await host.send(upload(3))
    assert stores.manifests() == []
    clock.move(minutes=6)
    await host.ring()
    session = await host.settle()
    assert session.state is State.DONE
    assert [gap.chunk for gap in session.gaps] == ["2"]


async def test_a_lost_message_is_sent_again(stores, host, clock):
    await host.send_all(uploads(2))
    pause = Pause("send", When.BEFORE)
    process = Process(stores)
    process.queues = pause.over(process.queues)
    session = await process.ledger.get(SESSION)
    dying = asyncio.create_task(_transcribe(stores, process, session.manifest))
    await pause.reached.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert (await host.process.ledger.get(SESSION)).state is State.TRANSCRIBED
    clock.move(minutes=6)
    await host.ring()
    await host.deliver()
    assert (await host.process.ledger.get(SESSION)).state is State.DONE


async def _transcribe(stores: Stores, process: Process, digest: str | None) -> None:
    body = await stores.blobs.read(SEALED_BLOBS, f"{SESSION}/{digest}.json")
    await process.transcribe(Manifest.model_validate_json(body))


async def test_work_under_way_is_not_pushed(stores, host, clock):
    await host.send_all(uploads(2))
    session = await host.process.ledger.get(SESSION)
    clock.move(minutes=10)
    await host.process.claims.take(SESSION, f"transcribe:{session.manifest}")
    events = stores.manifests()
    await host.ring()
    assert stores.manifests() == events
    clock.move(seconds=61)
    await host.ring()
    assert stores.manifests() != events


async def test_what_fails_for_ever_is_given_up_with_its_reason(stores, clock):
    class Away(ToneSpeech):
        async def transcribe(self, *_: object, **__: object):
            raise EngineUnavailable("the engine did not answer")

    host = Host(stores, Process(stores, speech=Away(SCRIPT), limits=Limits(max_attempts=3)))
    await host.send_all(uploads(2))
    session = await host.settle()
    assert session.state is State.FAILED
    last = session.failures[-1]
    assert (last.code, last.stage, last.transient) == ("engine_unavailable", "transcribe", False)
    assert all(failure.transient for failure in session.failures[:-1])


async def test_a_note_nobody_survives_is_given_up_as_a_note(stores, clock):
    patient = Process(stores, limits=Limits(max_attempts=3))
    host = Host(stores, patient)
    await host.send_all(uploads(2))
    session = await patient.ledger.get(SESSION)
    assert session.manifest is not None
    unlucky = Process(stores, speech=Fault(1, error=EngineUnavailable).over(ToneSpeech(SCRIPT)))
    with pytest.raises(EngineUnavailable):
        await _transcribe(stores, unlucky, session.manifest)
    await _transcribe(stores, patient, session.manifest)
    for _ in range(3):
        deadly = Fault(1, When.DIES_BEFORE)
        dying = Process(stores, notes=deadly.over(patient.notes))
        with pytest.raises(asyncio.CancelledError):
            await dying.write_note(SESSION, session.manifest)
        clock.move(minutes=6)
    await host.ring()
    failed = await patient.ledger.get(SESSION)
    assert failed.state is State.FAILED
    assert (failed.failures[-1].stage, failed.failures[-1].code) == ("note", "attempts_exhausted")


async def test_a_seal_seen_too_late_changes_nothing(stores, host):
    """A writer that counted fewer chunks never overrules one that counted more."""
    first = await host.send(upload(0, total=2))
    second = await host.send(upload(1, total=2))
    stale = first.session.model_copy(update={"finalized": True})
    process = host.process
    session = await seal_session(stale, ledger=process.ledger, blobs=process.blobs, clock=process.clock)
    assert session == second.session
    assert len(stores.manifests()) == 1


async def test_a_single_recording_with_a_number_in_its_name_is_not_waited_on_for_long(host, clock):
    await host.send(upload(0, last=True, filename="recording 12.m4a", index=None))
    await host.ring()
    assert (await host.process.ledger.get(SESSION)).state is State.RECEIVING
    clock.move(minutes=1)
    session = await host.settle()
    assert session.state is State.DONE
    assert session.gaps == ()
