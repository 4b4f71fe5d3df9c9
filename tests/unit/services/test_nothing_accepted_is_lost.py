"""The promise itself: whatever fails between whichever two steps, every accepted chunk ends up in one note.

Each test counts the calls a whole run makes to its stores, then runs it again once for each of them with the fault
struck there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.domain.names import RECORDINGS_BLOBS, RECORDS
from shared.domain.session import State
from tests.faults import Fault, When
from tests.unit.services.reading import history_of, summary_of, transcript_of
from tests.unit.services.world import PAIR, SCRIPT, SESSION, Host, Process, Stores, uploads

CHUNKS = 3


async def run(folder: Path, fault: Fault) -> Stores:
    """A client sends a session through a faulty app; afterwards the host has all the time in the world."""
    stores = Stores(folder)
    host = Host(stores, Process(stores, fault), copies=2)
    await host.send_all(uploads(CHUNKS))
    await host.settle()
    return stores


async def assert_whole(stores: Stores, chunks: int = CHUNKS) -> None:
    """One session that is done: one transcript with every sentence in order, one history, nothing left over."""
    process = Process(stores)
    session = await process.ledger.get(SESSION)
    assert session.state is State.DONE
    assert session.received == session.sealed_chunks == chunks
    (transcript,) = await process.records.transcripts_of(PAIR, "client2")
    (history,) = await process.records.histories_of(PAIR, "client2")
    assert (transcript.number, history.number) == (session.transcript_id, session.history_id)
    assert await transcript_of(stores) == list(SCRIPT[:chunks])
    assert await summary_of(stores) == await history_of(stores)
    rows = stores.partition(RECORDS, PAIR)
    recordings = [row for row in rows if row["kind"] == "recording"]
    assert len(recordings) == len({row["number"] for row in recordings}) == chunks
    assert all(row["is_processed"] for row in recordings)
    assert sorted(row["blob"] for row in recordings) == stores.blob_names(RECORDINGS_BLOBS)


async def walk(tmp_path: Path, fault_at: Callable[[int], Fault]) -> None:
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
    await walk(tmp_path, lambda number: Fault(number, when))
