"""The stages behind the seal: how they end, how they fail, how they are taken up again."""

from __future__ import annotations

import logging
from random import Random
from typing import Any

import pytest

from shared.adapters.embedded_notes import EmbeddedNoteEngine
from shared.domain.errors import Conflict, EngineRefused, EngineUnavailable, NotFound, ScribeError, StoreUnavailable
from shared.domain.limits import Limits
from shared.domain.manifest import Manifest
from shared.domain.names import NOTES_QUEUE, RECORDS, SEALED_BLOBS
from shared.domain.session import Session, State
from shared.services.claims import ClaimState
from tests.engines import ToneSpeech, silence
from tests.faults import Fault, When
from tests.unit.services.reading import history_of, transcript_of
from tests.unit.services.world import PAIR, SCRIPT, SESSION, Host, Process, Stores, upload, uploads

GARBAGE = Random(1).randbytes(10_000)  # noqa: S311 (the same on every run)


def failing_speech(error: type[ScribeError], at: int = 1) -> Any:
    return Fault(at, error=error).over(ToneSpeech(SCRIPT))


def failing_notes(error: type[ScribeError]) -> Any:
    return Fault(1, error=error).over(EmbeddedNoteEngine())


async def session_of(stores: Stores) -> Session:
    return await Process(stores).ledger.get(SESSION)


async def digest_of(stores: Stores) -> str:
    digest = (await session_of(stores)).manifest
    assert digest is not None
    return digest


async def manifest_of(stores: Stores) -> Manifest:
    body = await stores.blobs.read(SEALED_BLOBS, f"{SESSION}/{await digest_of(stores)}.json")
    return Manifest.model_validate_json(body)


def kinds(stores: Stores) -> list[str]:
    """Kinds of the relationship's rows."""
    return [str(row["kind"]) for row in stores.partition(RECORDS, PAIR)]


# ---- how they end --------------------------------------------------------------------------------------------------


async def test_chunks_become_transcript_and_note(stores, host):
    await host.send_all(uploads(4))
    session = await host.settle()
    assert session.state is State.DONE
    assert session.duration_ms == 4 * 300
    assert set(session.timings) == {"stitch_ms", "transcribe_ms", "note_ms"}
    assert await transcript_of(stores) == list(SCRIPT[:4])
    assert "sleeping badly" in await history_of(stores)


async def test_without_speech_nothing_is_made_up(stores, host):
    for n in range(2):
        await host.send(upload(n, last=n == 1, content=silence(200 + n)))
    session = await host.settle()
    assert session.state is State.SKIPPED
    assert (session.transcript_id, session.history_id) == (None, None)
    assert kinds(stores) == ["recording", "recording"]
    assert stores.queues.take(NOTES_QUEUE) is None


async def test_speech_in_a_late_chunk_of_a_silent_session_is_heard(stores, host):
    await host.send(upload(0, last=True, content=silence()))
    assert (await host.settle()).state is State.SKIPPED
    await host.send(upload(1))
    assert (await host.settle()).state is State.DONE
    assert await transcript_of(stores) == [SCRIPT[1]]


async def test_a_chunk_of_garbage_is_a_gap_not_the_end(stores, host):
    for n in range(3):
        await host.send(upload(n, last=n == 2, content=GARBAGE if n == 1 else None))
    session = await host.settle()
    assert session.state is State.DONE
    assert [(gap.chunk, gap.reason) for gap in session.gaps] == [("1", "undecodable")]
    assert [line for line in await transcript_of(stores) if not line.startswith("[")] == [SCRIPT[0], SCRIPT[2]]


async def test_nothing_but_garbage_fails_with_its_reason(stores, host):
    for n in range(2):
        await host.send(upload(n, last=n == 1, content=GARBAGE + bytes([n])))
    session = await host.settle()
    assert session.state is State.FAILED
    (failure,) = session.failures
    assert (failure.code, failure.stage, failure.transient) == ("audio_undecodable", "transcribe", False)
    assert kinds(stores) == ["recording", "recording"]


async def test_a_second_run_of_the_same_manifest_makes_nothing_new(stores, host):
    await host.send_all(uploads(2))
    done = await host.settle()
    rows = list(stores.partition(RECORDS, PAIR))
    await host.process.transcribe(await manifest_of(stores))
    await host.process.write_note(SESSION, await digest_of(stores))
    assert await session_of(stores) == done
    assert list(stores.partition(RECORDS, PAIR)) == rows
    assert stores.queues.take(NOTES_QUEUE) is None


async def test_a_manifest_that_was_replaced_is_left_alone(stores, host):
    await host.send_all(uploads(2))
    old = await manifest_of(stores)
    await host.send(upload(2))
    await host.process.transcribe(old)
    assert (await session_of(stores)).state is State.SEALED
    assert "transcript" not in kinds(stores)


async def test_only_what_was_transcribed_is_marked_as_processed(stores, host):
    await host.send_all(uploads(2))
    await host.send(upload(3))  # late, and behind a gap: not in the manifest
    await host.deliver()
    processed = {row["filename"]: row["is_processed"] for row in stores.partition(RECORDS, PAIR) if "filename" in row}
    assert processed == {"rec-0.wav": True, "rec-1.wav": True, "rec-3.wav": False}


async def test_more_recordings_than_a_batch_holds_are_all_marked(stores, host):
    await host.send_all(uploads(101))
    assert (await host.settle()).state is State.DONE
    assert all(row["is_processed"] for row in stores.partition(RECORDS, PAIR) if row["kind"] == "recording")


# ---- how they fail -------------------------------------------------------------------------------------------------


async def test_an_engine_that_is_away_is_tried_again_at_once(stores, host):
    await host.send_all(uploads(2))
    process = Process(stores, speech=failing_speech(EngineUnavailable))
    manifest = await manifest_of(stores)
    with pytest.raises(EngineUnavailable):
        await process.transcribe(manifest)
    session = await session_of(stores)
    assert session.state is State.TRANSCRIBING
    assert session.attempts == 1
    (failure,) = session.failures
    assert (failure.code, failure.stage, failure.transient) == ("engine_unavailable", "transcribe", True)
    assert await process.claims.state(SESSION, f"transcribe:{manifest.digest}") is ClaimState.FREE
    await process.transcribe(manifest)
    assert (await session_of(stores)).state is State.TRANSCRIBED


async def test_an_engine_that_refuses_ends_the_session(stores, host):
    await host.send_all(uploads(2))
    await Process(stores, speech=failing_speech(EngineRefused)).transcribe(await manifest_of(stores))
    session = await session_of(stores)
    assert session.state is State.FAILED
    assert (session.failures[-1].code, session.failures[-1].stage) == ("engine_refused", "transcribe")


async def test_a_failed_note_costs_no_transcript(stores, host):
    await host.send_all(uploads(2))
    await Process(stores).transcribe(await manifest_of(stores))
    await Process(stores, notes=failing_notes(EngineRefused)).write_note(SESSION, await digest_of(stores))
    session = await session_of(stores)
    assert session.state is State.FAILED
    assert (session.failures[-1].code, session.failures[-1].stage) == ("engine_refused", "note")
    assert await transcript_of(stores) == list(SCRIPT[:2])


async def test_a_defect_is_raised_and_frees_the_work(stores, host):
    class Broken(ToneSpeech):
        async def transcribe(self, *_: object, **__: object):
            raise ZeroDivisionError

    await host.send_all(uploads(2))
    process = Process(stores, speech=Broken(SCRIPT))
    manifest = await manifest_of(stores)
    with pytest.raises(ZeroDivisionError):
        await process.transcribe(manifest)
    assert await process.claims.state(SESSION, f"transcribe:{manifest.digest}") is ClaimState.FREE


# ---- how they are taken up again -----------------------------------------------------------------------------------


async def test_a_person_may_retry_what_failed_in_transcription(stores, host):
    await host.send_all(uploads(2))
    await Process(stores, speech=failing_speech(EngineRefused)).transcribe(await manifest_of(stores))
    again = await host.process.retry()
    assert (again.state, again.attempts) == (State.SEALED, 0)
    session = await host.settle()
    assert session.state is State.DONE
    assert [failure.code for failure in session.failures] == ["engine_refused"]


async def test_a_person_may_retry_what_failed_in_the_note(stores, host):
    await host.send_all(uploads(2))
    await Process(stores).transcribe(await manifest_of(stores))
    stores.queues.take(NOTES_QUEUE)
    await Process(stores, notes=failing_notes(EngineRefused)).write_note(SESSION, await digest_of(stores))
    again = await host.process.retry()
    assert (again.state, again.attempts) == (State.TRANSCRIBED, 0)
    assert stores.queues.take(NOTES_QUEUE) == {"session_id": SESSION, "manifest": again.manifest}
    await host.process.write_note(SESSION, await digest_of(stores))
    assert (await host.settle()).state is State.DONE


@pytest.mark.parametrize("stage", ["transcribe", "note"])
@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER], ids=lambda when: when.name.lower())
async def test_a_retry_that_breaks_off_anywhere_can_be_repeated(tmp_path, stage, when):
    number = 0
    while True:
        number += 1
        (tmp_path / str(number)).mkdir()
        stores = Stores(tmp_path / str(number))
        host = Host(stores)
        await host.send_all(uploads(2))
        refusing = {"speech": failing_speech(EngineRefused)} if stage == "transcribe" else {}
        refusing |= {"notes": failing_notes(EngineRefused)} if stage == "note" else {}
        host.process = Process(stores, **refusing)
        assert (await host.settle()).state is State.FAILED
        fault = Fault(number, when)
        for process in (Process(stores, fault), host.process):
            try:
                await process.retry()
            except Conflict:
                break  # the first try got through
            except ScribeError:
                continue
            break
        assert (await host.settle()).state is State.DONE, f"after a fault at {fault.calls[number - 1]}"
        if len(fault.calls) < number:
            return


async def test_only_what_failed_can_be_retried(stores, host):
    with pytest.raises(NotFound):
        await host.process.retry()
    await host.send_all(uploads(2))
    for _ in range(2):
        with pytest.raises(Conflict) as caught:
            await host.process.retry()
        assert caught.value.code == "not_failed"
        await host.settle()


# ---- when the host gives up ----------------------------------------------------------------------------------------


async def test_what_keeps_failing_in_our_own_code_is_an_internal_error(stores, host):
    await host.send_all(uploads(2))
    for _ in range(host.process.limits.max_attempts + 1):
        assert (await session_of(stores)).state is State.SEALED
        await host.process.give_up(SESSION, await digest_of(stores), "transcribe")
    session = await session_of(stores)
    assert session.state is State.FAILED
    assert (session.failures[-1].code, session.failures[-1].stage) == ("internal_error", "transcribe")


class Away(Fault):
    """A store that does not answer, to nothing."""

    def before(self, call: str) -> None:
        raise StoreUnavailable(call)


async def test_a_ledger_that_was_away_for_all_of_the_hosts_tries_fails_no_session(stores, host):
    await host.send_all(uploads(2))
    manifest = await manifest_of(stores)
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            await Process(stores, items=Away().over(stores.items)).transcribe(manifest)
    await host.process.give_up(SESSION, manifest.digest, "transcribe")
    assert (await session_of(stores)).state is State.SEALED
    assert (await host.settle()).state is State.DONE


async def test_what_a_dependency_fails_is_left_to_the_sweeper_while_it_has_tries_left(stores, host):
    await host.send_all(uploads(2))
    manifest = await manifest_of(stores)
    for attempt in range(1, 4):
        process = Process(stores, speech=failing_speech(EngineUnavailable), limits=Limits(max_attempts=3))
        with pytest.raises(EngineUnavailable):
            await process.transcribe(manifest)
        await process.give_up(SESSION, manifest.digest, "transcribe")
        expected = State.FAILED if attempt == 3 else State.TRANSCRIBING
        assert (await session_of(stores)).state is expected
    assert (await session_of(stores)).failures[-1].code == "engine_unavailable"


async def test_an_old_failure_of_another_stage_does_not_speak_for_this_one(stores, host):
    await host.send_all(uploads(2))
    manifest = await manifest_of(stores)
    process = Process(stores, speech=failing_speech(EngineUnavailable))
    with pytest.raises(EngineUnavailable):
        await process.transcribe(manifest)
    await process.transcribe(manifest)
    for _ in range(process.limits.max_attempts + 1):
        await process.give_up(SESSION, manifest.digest, "note")
    last = (await session_of(stores)).failures[-1]
    assert (last.code, last.stage) == ("internal_error", "note")


async def test_work_under_way_replaced_or_erased_is_not_given_up(stores, host):
    await host.send_all(uploads(2))
    old = await digest_of(stores)
    await host.process.claims.take(SESSION, f"transcribe:{old}")
    await host.process.give_up(SESSION, old, "transcribe")
    assert (await session_of(stores)).state is State.SEALED
    await host.send(upload(2))
    await host.process.give_up(SESSION, old, "transcribe")
    assert (await session_of(stores)).state is State.SEALED
    await host.process.give_up("session-that-was-erased", old, "transcribe")


# ---- what is told on the way ---------------------------------------------------------------------------------------


async def test_no_log_line_no_message_and_no_name_holds_what_was_said(stores, host, caplog):
    caplog.set_level(logging.DEBUG)
    await host.send_all([upload(0), upload(1), upload(3, last=True)])
    await host.process.finalize()
    refusing = Process(stores, speech=failing_speech(EngineUnavailable), notes=failing_notes(EngineRefused))
    host.process = refusing
    assert (await host.settle()).state is State.FAILED
    await host.process.retry()
    assert (await host.settle()).state is State.DONE
    told = caplog.text + repr(stores.blob_names(SEALED_BLOBS)) + repr(stores.queues._waiting)
    told += repr([body for key in stores.items._partitions for body in stores.partition(*key)])
    said = {word.strip("?.,").lower() for sentence in SCRIPT for word in sentence.split()}
    telling = {word for word in said if len(word) > 5}
    assert len(telling) > 8
    assert [word for word in telling if word in told.lower()] == []
    assert SESSION in caplog.text


async def test_nothing_stored_outside_the_audio_can_be_read(stores, host):
    await host.send_all(uploads(4))
    await host.settle()
    for (container, name), (_, content) in stores.blobs._blobs.items():
        assert b"sleeping" not in content, f"{container}/{name}"
