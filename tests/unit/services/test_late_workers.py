"""Workers that come back after the world has moved on: what stands is never replaced by what is older."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from shared.adapters.embedded_notes import EmbeddedNoteEngine
from shared.domain.errors import ClaimLost, EngineRefused
from shared.domain.manifest import Manifest
from shared.domain.names import RECORDS, SEALED_BLOBS
from shared.domain.session import State
from tests.engines import ToneSpeech
from tests.faults import Fault, Pause, When
from tests.unit.services.reading import history_of, transcript_of
from tests.unit.services.world import PAIR, SCRIPT, SESSION, Process, Stores, upload, uploads


async def sealed(stores: Stores) -> Manifest:
    """The manifest that counts now."""
    session = await Process(stores).ledger.get(SESSION)
    return Manifest.model_validate_json(await stores.blobs.read(SEALED_BLOBS, f"{SESSION}/{session.manifest}.json"))


async def until(pause: Pause, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """The work, under way and held up in its pause."""
    task = asyncio.create_task(work)
    await pause.reached.wait()
    return task


async def test_a_late_run_of_an_older_manifest_leaves_the_newer_transcript_alone(stores, host):
    await host.send_all(uploads(2))
    pause = Pause("transcribe", When.AFTER)
    slow = await until(pause, Process(stores, speech=pause.over(ToneSpeech(SCRIPT))).transcribe(await sealed(stores)))
    await host.send(upload(2))
    await host.settle()
    pause.go.set()
    await slow
    session = await host.settle()
    assert session.state is State.DONE
    assert await transcript_of(stores) == list(SCRIPT[:3])


async def test_a_late_note_of_an_older_manifest_leaves_the_newer_history_alone(stores, host):
    await host.send_all(uploads(2))
    first = await sealed(stores)
    await host.process.transcribe(first)
    pause = Pause("write", When.AFTER)
    slow_process = Process(stores, notes=pause.over(EmbeddedNoteEngine()))
    slow = await until(pause, slow_process.write_note(SESSION, first.digest))
    for n in (2, 3):
        await host.send(upload(n))
    await host.settle()
    newer = await history_of(stores)
    pause.go.set()
    await slow
    assert (await host.settle()).state is State.DONE
    assert await history_of(stores) == newer
    kinds = [row["kind"] for row in stores.partition(RECORDS, PAIR)]
    assert kinds.count("history") == 1


async def test_a_worker_that_was_replaced_changes_nothing_when_it_wakes(stores, host, clock):
    await host.send_all(uploads(2))
    pause = Pause("transcribe", When.AFTER)
    manifest = await sealed(stores)
    slow = await until(pause, Process(stores, speech=pause.over(ToneSpeech(SCRIPT))).transcribe(manifest))
    clock.move(minutes=6)
    await host.ring()
    done = await host.settle()
    pause.go.set()
    with pytest.raises(ClaimLost):
        await slow
    assert done.state is State.DONE
    assert await host.process.ledger.get(SESSION) == done
    assert [row for row in stores.partition(RECORDS, PAIR) if row["kind"] == "transcript_version"] == []


async def test_a_worker_that_was_replaced_does_not_fail_the_session_of_its_heir(stores, host, clock):
    await host.send_all(uploads(2))
    pause = Pause("transcribe", When.BEFORE)
    refuses = Fault(1, error=EngineRefused).over(ToneSpeech(SCRIPT))
    slow = await until(pause, Process(stores, speech=pause.over(refuses)).transcribe(await sealed(stores)))
    clock.move(minutes=6)
    await host.ring()
    done = await host.settle()
    pause.go.set()
    with pytest.raises(ClaimLost):
        await slow
    assert (await host.process.ledger.get(SESSION)).failures == done.failures == ()


async def test_two_workers_that_store_the_same_transcript_make_one(stores, host, clock):
    await host.send_all(uploads(2))
    manifest = await sealed(stores)
    first, second = Pause("transcribe", When.AFTER), Pause("put", When.AFTER)
    early = await until(first, Process(stores, speech=first.over(ToneSpeech(SCRIPT))).transcribe(manifest))
    clock.move(seconds=61)
    heir = await until(second, Process(stores, blobs=second.over(stores.blobs)).transcribe(manifest))
    first.go.set()  # the one that was replaced stores its transcript first …
    with pytest.raises(ClaimLost):
        await early
    second.go.set()  # … and its heir, who is right to go on, finds it
    await heir
    session = await host.settle()
    assert session.state is State.DONE
    assert session.failures == ()
    assert await transcript_of(stores) == list(SCRIPT[:2])


async def test_a_session_that_is_done_is_not_given_up_on_any_more(stores, host):
    await host.send_all(uploads(2))
    done = await host.settle()
    for stage in ("transcribe", "note"):
        await host.process.give_up(SESSION, done.manifest, stage)
    assert await host.process.ledger.get(SESSION) == done
