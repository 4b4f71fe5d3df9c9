"""The promise itself: whatever fails between whichever two steps, every accepted chunk ends up in one note.

Each test counts the calls a whole run makes to its stores, then runs it again once for each of them with the fault
struck there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.errors import NotFound
from shared.domain.manifest import Manifest
from shared.domain.names import RECORDINGS_BLOBS, RECORDS, SEALED_BLOBS
from shared.domain.records import StoredHistory, StoredTranscript
from shared.domain.session import State
from tests.faults import Fault, Storm, When
from tests.unit.services.reading import history_of, summary_of, transcript_of
from tests.unit.services.world import PAIR, SCRIPT, SESSION, THERAPIST, Host, Process, Stores, upload, uploads

CHUNKS = 3


async def run(folder: Path, fault: Fault) -> Stores:
    """A client sends a session through a faulty app; afterwards the host has all the time in the world."""
    stores = Stores(folder)
    host = Host(stores, Process(stores, fault), copies=2)
    await host.send_all(uploads(CHUNKS))
    await host.settle()
    return stores


async def run_late(folder: Path, fault: Fault) -> Stores:
    """All goes well, until a chunk comes after its session is done, and off the sweeper's list."""
    stores = Stores(folder)
    await Host(stores).send_all(uploads(CHUNKS - 1))
    settled = Host(stores)
    await settled.settle()
    stores.clock.move(hours=1)
    await settled.ring()
    host = Host(stores, Process(stores, fault), copies=2)
    await host.send(upload(CHUNKS - 1))
    await host.settle()
    return stores


async def assert_whole(stores: Stores, chunks: int = CHUNKS) -> None:
    """One session that is done: one transcript with every sentence in order, one history, nothing left over."""
    process = Process(stores)
    session = await process.ledger.get(SESSION)
    assert session.state is State.DONE
    assert session.received == session.sealed_chunks == chunks
    (transcript,) = await process.reader.of_client(THERAPIST, StoredTranscript, PAIR, "client2")
    (history,) = await process.reader.of_client(THERAPIST, StoredHistory, PAIR, "client2")
    assert (transcript.number, history.number) == (session.transcript_id, session.history_id)
    assert await transcript_of(stores) == list(SCRIPT[:chunks])
    assert await summary_of(stores) == await history_of(stores)
    rows = stores.partition(RECORDS, PAIR)
    recordings = [row for row in rows if row["kind"] == "recording"]
    assert len(recordings) == len({row["number"] for row in recordings}) == chunks
    assert all(row["is_processed"] for row in recordings)
    assert sorted(row["blob"] for row in recordings) == stores.blob_names(RECORDINGS_BLOBS)


Run = Callable[[Path, Fault], Coroutine[None, None, Stores]]


async def walk(tmp_path: Path, run: Run, fault_at: Callable[[int], Fault]) -> None:
    """Run with a fault at each call in turn; every run must end whole."""
    steps = Fault()
    (tmp_path / "0").mkdir()
    await assert_whole(await run(tmp_path / "0", steps))
    assert len(steps.calls) > 50  # otherwise the faults are not where the work is
    for number, call in enumerate(steps.calls, start=1):
        folder = tmp_path / str(number)
        folder.mkdir()
        stores = await run(folder, fault_at(number))
        try:
            await assert_whole(stores)
        except AssertionError as error:
            error.add_note(f"with a fault at call {number}, {call}")
            raise


@pytest.mark.parametrize("when", When, ids=lambda when: when.name.lower())
async def test_a_fault_at_any_step_costs_nothing(tmp_path, when):
    await walk(tmp_path, run, lambda number: Fault(number, when))


@pytest.mark.parametrize("when", When, ids=lambda when: when.name.lower())
async def test_nor_does_one_while_a_late_chunk_is_taken_in(tmp_path, when):
    await walk(tmp_path, run_late, lambda number: Fault(number, when))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), order=st.permutations(range(4)))
async def test_nor_does_a_storm_of_faults(tmp_path, seed, order):
    stores = Stores(tmp_path)
    host = Host(stores, copies=2, storm=Storm(seed, strikes=4))
    chunks = uploads(4)
    await host.send_all([chunks[n] for n in order])
    await host.settle(rounds=20)
    await assert_whole(stores, 4)


ACTIONS = ("send 0", "send 1", "send 2", "send 3", "finalize", "sweep", "deliver", "minutes", "half an hour")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(ACTIONS), max_size=16), named=st.booleans())
async def test_in_whatever_order_things_happen_the_last_manifest_covers_all(tmp_path, actions, named):
    """`named`: without indexes, the order is in the file names."""
    stores = Stores(tmp_path)
    host = Host(stores)
    for action in [*actions, "send 3", "send 1", "send 2", "send 0"]:
        await act(host, action, named=named)
    session = await host.settle()
    assert not session.gaps
    manifest = Manifest.model_validate_json(await stores.blobs.read(SEALED_BLOBS, f"{SESSION}/{session.manifest}.json"))
    assert [str(chunk.blob)[-5] for chunk in manifest.chunks] == ["0", "1", "2", "3"]
    await assert_whole(stores, 4)


async def act(host: Host, action: str, *, named: bool) -> None:
    """One thing that may happen in the life of a session."""
    verb, _, position = action.partition(" ")
    match verb:
        case "send":
            n = int(position)
            await host.send(upload(n, last=n == 3, index=None if named else n))
        case "finalize":
            with suppress(NotFound):
                await host.process.finalize()
        case "sweep":
            await host.ring()
        case "deliver":
            await host.deliver()
        case "minutes":
            host.stores.clock.move(minutes=6)
        case "half":
            host.stores.clock.move(minutes=30)
        case _:
            raise ValueError(action)
