"""Accepting a chunk: what is refused leaves nothing behind, what is accepted is there once, however often it came."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from itertools import chain, permutations
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.caller import Caller, Role
from shared.domain.errors import ChunkConflict, Conflict, Forbidden, InvalidInput, NotFound, TooLarge, UnsupportedMedia
from shared.domain.limits import Limits
from shared.domain.manifest import Manifest
from shared.domain.names import DIRECTORY, RECORDINGS_BLOBS, RECORDS, SEALED_BLOBS, SESSIONS
from shared.domain.session import State
from tests.engines import say
from tests.faults import Hesitant, Pause, When
from tests.unit.services.reading import transcript_of
from tests.unit.services.world import PAIR, SCRIPT, SESSION, Process, Stores, upload, uploads

FOLDER = f"therapist1/{PAIR}/2026-02-23"
PDF = b"%PDF-1.7\n" + bytes(200)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
OTHER = Caller(id="therapist9", roles=frozenset({Role.THERAPIST}))
SERVICE = Caller(id="partner", roles=frozenset({Role.SERVICE}))


def recordings(stores: Stores) -> list[str]:
    """Names of the recording blobs, without their folder."""
    return [name.removeprefix(f"{FOLDER}/") for name in stores.blob_names(RECORDINGS_BLOBS)]


async def manifest_of(stores: Stores) -> Manifest:
    """The one manifest there is."""
    ((name, _),) = stores.manifests()
    return Manifest.model_validate_json(await stores.blobs.read(SEALED_BLOBS, name))


# ---- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"content": b""}, InvalidInput, "empty_file"),
        ({"size": 100 * 1024 * 1024 + 1}, TooLarge, "too_large"),
        ({"content": PDF}, UnsupportedMedia, "not_audio"),
        ({"content": PNG, "filename": "session.wav"}, UnsupportedMedia, "not_audio"),
        ({"content": b'{"error": "this is the answer of some proxy"}'}, UnsupportedMedia, "not_audio"),
        ({"session_id": "../other"}, InvalidInput, "invalid_id"),
        ({"session_id": "a" * 129}, InvalidInput, "invalid_id"),
        ({"session_id": "~open"}, InvalidInput, "invalid_id"),
        ({"session_id": ""}, InvalidInput, "invalid_id"),
        ({"therapist_clientid": "a/b"}, InvalidInput, "invalid_id"),
        ({"client_userid": "client 2"}, InvalidInput, "invalid_id"),
        ({"sha256": "0" * 64}, InvalidInput, "digest_mismatch"),
        ({"index": 3, "total": 3}, InvalidInput, "invalid_chunk_index"),
    ],
)
async def test_bad_input_is_named_and_stores_nothing(stores, process, fields, error, code):
    with pytest.raises(error) as caught:
        await process.accept(upload(**fields))
    assert caught.value.code == code
    assert stores.empty


async def test_somebody_elses_upload_is_forbidden_and_stores_nothing(stores, process):
    with pytest.raises(Forbidden):
        await process.accept(upload(), OTHER)
    assert stores.empty


async def test_a_client_may_not_upload(stores, process):
    with pytest.raises(Forbidden):
        await process.accept(upload(), Caller(id="client2", roles=frozenset({Role.CLIENT})))
    assert stores.empty


async def test_an_unknown_relationship_is_not_made_where_the_setting_forbids_it(stores):
    with pytest.raises(NotFound) as caught:
        await Process(stores, provision_on_upload=False).accept(upload())
    assert caught.value.code == "relationship_not_found"
    assert stores.empty


async def test_the_relationship_of_another_therapist_does_not_exist(stores, process):
    await process.accept(upload())
    before = recordings(stores)
    with pytest.raises(NotFound) as caught:
        await process.accept(upload(therapist_userid="therapist9", session_id="session-9"), OTHER)
    assert caught.value.code == "relationship_not_found"
    assert recordings(stores) == before
    assert not stores.partition(SESSIONS, "session-9")


async def test_the_session_of_another_therapist_does_not_exist_and_nothing_is_made_for_it(stores, process):
    await process.accept(upload())
    with pytest.raises(NotFound) as caught:
        await process.accept(upload(therapist_userid="therapist9", therapist_clientid="their_client"), OTHER)
    assert caught.value.code == "session_not_found"
    assert recordings(stores) == ["rec-0.wav"]
    assert not stores.partition(DIRECTORY, "relationship:their_client")


async def test_a_session_stays_with_its_client(stores, process):
    await process.accept(upload())
    with pytest.raises(Conflict) as caught:
        await process.accept(upload(1, therapist_clientid="another_client"))
    assert caught.value.code == "session_conflict"
    assert recordings(stores) == ["rec-0.wav"]


async def test_a_partners_service_may_upload_for_any_therapist(process):
    accepted = await process.accept(upload(), SERVICE)
    assert accepted.session.therapist_userid == "therapist1"


async def test_the_size_limit_is_a_setting(stores):
    chunk = upload()
    roomy = Process(stores, limits=Limits(max_chunk_bytes=chunk.size))
    tight = Process(stores, limits=Limits(max_chunk_bytes=chunk.size - 1))
    with pytest.raises(TooLarge):
        await tight.accept(upload())
    assert (await roomy.accept(chunk)).session.received == 1


# ---- accepted ------------------------------------------------------------------------------------------------------


async def test_a_chunk_is_stored_where_the_api_says(stores, process):
    accepted = await process.accept(upload(sha256=hashlib.sha256(say(0)).hexdigest().upper()))
    assert accepted.chunk.blob == f"{FOLDER}/rec-0.wav"
    assert await stores.blobs.read(RECORDINGS_BLOBS, accepted.chunk.blob) == say(0)
    assert accepted.session.state is State.RECEIVING
    (row,) = stores.partition(RECORDS, PAIR)
    assert (row["number"], row["blob"]) == (accepted.chunk.recording_id, accepted.chunk.blob)


@pytest.mark.parametrize(
    ("given_name", "stored"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\rec.wav", "rec.wav"),
        ("..", "audio"),
        (None, "audio"),
        ("séance?.wav", "s_ance_.wav"),
    ],
)
async def test_no_file_name_leaves_the_folder(stores, process, given_name, stored):
    await process.accept(upload(filename=given_name))
    assert recordings(stores) == [stored]


async def test_a_retry_is_answered_as_the_first_time(stores, process, clock):
    first = await process.accept(upload())
    clock.move(minutes=1)
    again = await process.accept(upload())
    assert again.chunk == first.chunk
    assert again.session == first.session
    assert recordings(stores) == ["rec-0.wav"]


async def test_the_same_index_with_other_content_is_a_conflict_and_leaves_no_blob(stores, process):
    first = await process.accept(upload())
    with pytest.raises(ChunkConflict) as caught:
        await process.accept(upload(content=say(5)))
    assert caught.value.code == "chunk_conflict"
    assert recordings(stores) == ["rec-0.wav"]
    assert (await process.accept(upload())).chunk == first.chunk


async def test_of_two_contents_racing_for_one_index_one_is_stored(stores):
    async def send(seed: int) -> bool:
        process = Process(stores, items=Hesitant.over(stores.items, seed), blobs=Hesitant.over(stores.blobs, seed + 1))
        try:
            await process.accept(upload(content=say(seed % 2)))
        except ChunkConflict:
            return False
        return True

    for round_ in range(20):
        stores.items, stores.blobs = type(stores.items)(), type(stores.blobs)()
        won = await asyncio.gather(send(round_), send(round_ + 1))
        assert sorted(won) == [False, True]
        (chunk,) = (await Process(stores).ledger.chunks(SESSION)).values()
        assert [chunk.filename] == recordings(stores)


async def test_same_names_with_other_content_are_numbered(stores, process):
    for n in range(3):
        accepted = await process.accept(upload(n, index=None, filename="session_audio.wav"))
    assert accepted.session.received == 3
    assert recordings(stores) == ["session_audio-1.wav", "session_audio-2.wav", "session_audio.wav"]
    again = await process.accept(upload(1, index=None, filename="session_audio.wav"))
    assert again.chunk.filename == "session_audio-1.wav"
    assert again.session.received == 3


async def test_same_names_in_two_sessions_of_a_day_do_not_meet(stores, process):
    await process.accept(upload(filename="session_audio.wav"))
    second = await process.accept(upload(filename="session_audio.wav", session_id="session-2"))
    assert second.chunk.filename == "session_audio-1.wav"
    assert second.session.received == 1


async def test_one_chunk_under_two_names_at_once_leaves_one_blob(stores):
    pause = Pause("batch", When.BEFORE)
    slow = asyncio.create_task(Process(stores, items=pause.over(stores.items)).accept(upload(filename="a.wav")))
    await pause.reached.wait()
    first = await Process(stores).accept(upload(filename="b.wav"))
    pause.go.set()
    assert (await slow).chunk == first.chunk
    assert recordings(stores) == ["b.wav"]


async def test_a_session_across_midnight_stays_in_one_folder(stores, process, clock):
    clock.at = datetime(2026, 2, 23, 23, 59, 59, tzinfo=UTC)
    await process.accept(upload(0))
    clock.move(seconds=2)
    await process.accept(upload(1, last=True))
    assert recordings(stores) == ["rec-0.wav", "rec-1.wav"]
    assert (await manifest_of(stores)).date == "2026-02-23"


async def test_the_relationship_learns_its_client_from_the_first_upload_that_names_one(stores, process):
    await process.accept(upload(0, client_userid=None))
    await process.accept(upload(1))
    (row,) = stores.partition(DIRECTORY, f"relationship:{PAIR}")
    assert row["client_userid"] == "client2"


# ---- complete ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_whatever_the_order_the_manifest_comes_with_the_last_missing_chunk(stores, process, order):
    chunks = uploads(3)
    for n in order[:-1]:
        assert (await process.accept(chunks[n])).session.state is State.RECEIVING
        assert stores.manifests() == []
    assert (await process.accept(chunks[order[-1]])).session.state is State.SEALED
    manifest = await manifest_of(stores)
    assert [chunk.blob for chunk in manifest.chunks] == [f"{FOLDER}/rec-{n}.wav" for n in range(3)]


@pytest.mark.parametrize("first", [0, 1])
async def test_file_numbers_may_begin_at_zero_or_one(stores, process, first):
    for n in range(3):
        chunk = upload(n, index=None, filename=f"part-{n + first:03}.wav", last=n == 2)
        assert ((await process.accept(chunk)).session.state is State.SEALED) == (n == 2)
    assert [chunk.position for chunk in (await manifest_of(stores)).chunks] == [first, first + 1, first + 2]


async def test_file_numbers_tell_what_is_missing(stores, process):
    for n in (3, 1):
        accepted = await process.accept(upload(n, index=None, last=n == 3))
    assert accepted.session.state is State.RECEIVING
    assert (await process.accept(upload(2, index=None))).session.state is State.SEALED


async def test_an_announced_total_needs_no_last_mark(stores, process):
    await process.accept(upload(1, total=2))
    assert (await process.accept(upload(0, total=2))).session.state is State.SEALED


async def test_without_numbers_the_order_is_that_of_arrival(stores, process, clock):
    for n in range(3):
        await process.accept(upload(n, index=None, filename="session_audio.wav", last=n == 2))
        clock.move(seconds=60)
    blobs = [chunk.blob for chunk in (await manifest_of(stores)).chunks]
    assert blobs == [f"{FOLDER}/session_audio{suffix}.wav" for suffix in ("", "-1", "-2")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations([*range(5), *range(5)]), seed=st.integers(0, 2**32))
async def test_all_at_once_each_twice_make_one_manifest(tmp_path, order, seed):
    stores = Stores(tmp_path)
    random = Random(seed)  # noqa: S311 (an order of events, not a secret)
    processes = [
        Process(
            stores,
            items=Hesitant.over(stores.items, random.randrange(2**32)),
            blobs=Hesitant.over(stores.blobs, random.randrange(2**32)),
        )
        for _ in range(2)
    ]
    chunks = chain(uploads(5), uploads(5))
    by_place = sorted(zip(order, chunks, strict=True), key=lambda pair: pair[0])
    answers = await asyncio.gather(*(processes[n % 2].accept(chunk) for n, (_, chunk) in enumerate(by_place)))
    assert len({answer.chunk.recording_id for answer in answers}) == 5
    session = await processes[0].ledger.get(SESSION)
    assert (session.state, session.received) == (State.SEALED, 5)
    manifest = await manifest_of(stores)
    assert manifest.digest == session.manifest
    assert [chunk.blob for chunk in manifest.chunks] == [f"{FOLDER}/rec-{n}.wav" for n in range(5)]
    assert len([row for row in stores.partition(RECORDS, PAIR) if row["kind"] == "recording"]) == 5


# ---- late ----------------------------------------------------------------------------------------------------------


async def test_a_chunk_after_the_seal_makes_a_new_manifest_and_a_new_run(stores, host):
    await host.send_all(uploads(2))
    before = await host.settle()
    late = await host.send(upload(2))
    assert late.session.state is State.SEALED
    assert late.session.manifest != before.manifest
    after = await host.settle()
    assert await transcript_of(stores) == list(SCRIPT[:3])
    assert (after.transcript_id, after.history_id) == (before.transcript_id, before.history_id)
    kinds = sorted(row["kind"] for row in stores.partition(RECORDS, PAIR) if row["kind"] != "recording")
    assert kinds == ["data_key", "history", "history_version", "transcript", "transcript_version"]


async def test_number_zero_after_a_seal_that_began_at_one_comes_first(stores, host):
    for n in (1, 2):
        await host.send(upload(n, index=None, last=n == 2))
    await host.settle()
    assert await transcript_of(stores) == list(SCRIPT[1:3])
    await host.send(upload(0, index=None))
    await host.settle()
    assert await transcript_of(stores) == list(SCRIPT[:3])


async def test_a_retry_after_the_session_is_done_starts_nothing(stores, host):
    await host.send_all(uploads(2))
    done = await host.settle()
    manifests = stores.manifests()
    again = await host.send(upload(1, last=True))
    assert again.session == done
    assert stores.manifests() == manifests


async def test_a_chunk_for_another_client_of_the_relationship_is_a_conflict(process: Process):
    await process.accept(upload(0, client_userid="client-1"))
    with pytest.raises(Conflict) as refused:
        await process.accept(upload(1, client_userid="client-2"))
    assert refused.value.code == "client_conflict"
