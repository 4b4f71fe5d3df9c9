"""Keyrings of two processes over one Cosmos account: the races that only a real store can have."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.adapters.cosmos_items import CosmosItems
from shared.adapters.local_kek import LocalKek, add_version
from shared.adapters.memory_blobs import MemoryBlobs
from shared.crypto.envelope import key_id_of
from shared.crypto.keyring import Keyrings
from shared.domain.limits import Limits
from shared.domain.names import RECORDS
from shared.domain.rotation import DataKeyRules
from shared.services.audit import AuditTrail
from shared.services.renew_envelopes import Envelopes
from shared.services.rewrap_keys import rewrap_keys
from shared.services.rotate_keys import KeyRotation, Rotated

PLACE = "transcripts/17/transcript"


class Time:
    """The machine's, and as far ahead of it as the test has let pass."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def stores(cosmos: Any) -> AsyncIterator[list[CosmosItems]]:
    """Four connections to one database."""
    database = f"keyring-{uuid4().hex}"
    stores = [CosmosItems(cosmos.endpoint, cosmos.key, database=database, may_create=True) for _ in range(4)]
    yield stores
    for store in stores:
        await store.close()


@pytest.fixture
def processes(stores: list[CosmosItems], tmp_path: Path, time: Time) -> list[Keyrings]:
    """Four, each with a connection, a cache and a view of the key file of its own."""
    kek_file = tmp_path / "kek.json"
    return [Keyrings(items=store, kek=LocalKek(kek_file, may_create=True), clock=time) for store in stores]


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


async def test_two_rotations_at_once_while_keys_are_rewrapped_lose_nothing(processes, stores, time, tmp_path):
    rules = DataKeyRules(replace_before=time.now() + timedelta(minutes=1))
    relationships = [f"client{n}" for n in range(12)]
    for name in relationships:
        text = (await processes[0].of(name)).seal("words", aad=PLACE)
        row = {"id": "transcript:1", "therapist_client_id": name, "kind": "transcript_version", "number": 17}
        await stores[0].create(RECORDS, name, {**row, "transcript": text})
    time.ahead = timedelta(minutes=2)
    add_version(tmp_path / "kek.json")
    rotations = [
        KeyRotation(
            keyrings=keyrings,
            envelopes=Envelopes(items=items, blobs=MemoryBlobs(), keyrings=keyrings, clock=time),
            audit=AuditTrail(items, time),
            clock=time,
            limits=Limits(),
            rules=rules,
        )
        for keyrings, items in zip(processes, stores, strict=True)
    ]
    await asyncio.gather(rotations[0].run(), rotations[1].run(), rewrap_keys(processes[2]))
    time.ahead += timedelta(minutes=11)
    assert await rotations[3].run() == Rotated(settled=len(relationships))
    assert await rotations[0].run() == Rotated()
    for name in relationships:
        keyring = await processes[3].load(name)
        item = await stores[3].read(RECORDS, name, "transcript:1")
        assert item is not None
        assert len(keyring.keys) == 2
        assert key_id_of(item.body["transcript"]) == keyring.newest.kid
        assert keyring.open(item.body["transcript"], aad=PLACE) == b"words"
