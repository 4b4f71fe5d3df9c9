"""The stitched audio of a session: made once, kept, and cleaned up behind whoever is stopped."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import count
from typing import Any, cast

import pytest

from shared.domain.errors import StoreUnavailable
from shared.domain.manifest import Manifest
from shared.domain.names import AUDIO_BLOBS, RECORDINGS_BLOBS, SEALED_BLOBS
from shared.ports import BlobStore
from shared.services.session_audio import audio_blob, session_audio
from tests.faults import Fault, When
from tests.unit.services.world import Host, Stores, uploads


class SlowBlobs:
    """Blobs whose first stream of a recording waits for `go`; everything else is the store's."""

    def __init__(self, stores: Stores) -> None:
        self._blobs = stores.blobs
        self.reached = asyncio.Event()
        self.go = asyncio.Event()
        self.opened = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def stream(self, container: str, name: str, **part: Any) -> AsyncIterator[bytes]:
        self.opened += container == RECORDINGS_BLOBS
        self.reached.set()
        await self.go.wait()
        async for piece in self._blobs.stream(container, name, **part):
            yield piece


@pytest.fixture
async def manifest(stores: Stores, host: Host) -> Manifest:
    await host.send_all(uploads(6))
    ((name, _),) = stores.manifests()
    return Manifest.model_validate_json(await stores.blobs.read(SEALED_BLOBS, name))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary files are made during the test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_it_is_stitched_once_and_fetched_from_then_on(stores, manifest, scratch):
    async with session_audio(manifest, blobs=stores.blobs) as (path, known):
        first = path.read_bytes()
    for name in stores.blob_names(RECORDINGS_BLOBS):
        await stores.blobs.delete(RECORDINGS_BLOBS, name)
    async with session_audio(manifest, blobs=stores.blobs) as (path, again):
        assert (
            path.read_bytes()
            == first
            == await stores.blobs.read(AUDIO_BLOBS, audio_blob(manifest.session_id, manifest.digest))
        )
        assert again == known
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
async def test_a_run_that_broke_off_is_never_mistaken_for_a_whole_one(stores, manifest, scratch, when):
    for number in count(1):
        fault = Fault(number, when)
        stores.blobs._blobs = {place: blob for place, blob in stores.blobs._blobs.items() if place[0] != AUDIO_BLOBS}
        with suppress(StoreUnavailable):
            async with session_audio(manifest, blobs=fault.over(stores.blobs)):
                pass
        async with session_audio(manifest, blobs=stores.blobs) as (path, known):
            assert known.duration_ms == 6 * 300
            assert path.stat().st_size
        if number > len(fault.calls):
            break
    assert number > 6
    assert list(scratch.iterdir()) == []


async def test_who_is_cancelled_stops_stitching_and_leaves_no_file(stores, manifest, scratch):
    blobs = SlowBlobs(stores)

    async def work() -> None:
        async with session_audio(manifest, blobs=cast("BlobStore", blobs)):
            raise AssertionError("never comes here")

    task = asyncio.create_task(work())
    await blobs.reached.wait()
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()  # the thread that stitches is still busy with a chunk
    blobs.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert blobs.opened == 1
    assert list(scratch.iterdir()) == []
