"""Keyrings of two processes over one Cosmos account: the races that only a real store can have."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.adapters.cosmos_items import CosmosItems
from shared.adapters.local_kek import LocalKek, add_version
from shared.crypto.keyring import Keyrings
from shared.services.rewrap_keys import rewrap_keys

PLACE = "transcripts/17/transcript"


class SystemTime:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
async def processes(cosmos: Any, tmp_path: Path) -> AsyncIterator[list[Keyrings]]:
    """Four, each with a connection, a cache and a view of the key file of its own."""
    database = f"keyring-{uuid4().hex}"
    stores = [CosmosItems(cosmos.endpoint, cosmos.key, database=database, may_create=True) for _ in range(4)]
    kek_file = tmp_path / "kek.json"
    yield [Keyrings(items=store, kek=LocalKek(kek_file, may_create=True), clock=SystemTime()) for store in stores]
    for store in stores:
        await store.close()


async def test_first_use_by_several_processes_at_once_ends_with_one_key(processes):
    for relationship in ("client1", "client2", "client3"):
        found = await asyncio.gather(*(process.of(relationship) for process in processes))
        assert len({keyring.keys for keyring in found}) == 1
        assert len({keyring.newest.secret for keyring in found}) == 1
        assert len(found[0].keys) == 1


async def test_what_any_process_seals_during_rotations_every_process_opens(processes):
    async def seal_and_rotate(process: Keyrings) -> list[str]:
        envelopes = []
        for _ in range(3):
            envelopes.append((await process.of("client2")).seal("words", aad=PLACE))
            await process.rotate("client2")
        return envelopes

    sealed = await asyncio.gather(*(seal_and_rotate(process) for process in processes))
    for process in processes:
        for envelope in chain.from_iterable(sealed):
            assert await process.open("client2", envelope, aad=PLACE) == b"words"


async def test_a_rotation_is_followed_up_while_other_processes_go_on(processes, tmp_path):
    """More relationships than a page of the list has lines."""
    relationships = [f"client{n}" for n in range(120)]
    await asyncio.gather(*(processes[n % 4].of(name) for n, name in enumerate(relationships)))
    add_version(tmp_path / "kek.json")
    done, again, _ = await asyncio.gather(
        rewrap_keys(processes[0]), rewrap_keys(processes[1]), processes[2].rotate(relationships[-1])
    )
    assert done.keys + again.keys == len(relationships)
    await rewrap_keys(processes[3])
    assert [name async for name in processes[3].behind()] == []
