import asyncio
import base64
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.adapters.local_kek import LocalKek, add_version
from shared.adapters.memory_items import MemoryItems
from shared.crypto.envelope import key_id_of
from shared.crypto.keyring import Keyring, Keyrings
from shared.crypto.wrapped import WRAPPED
from shared.domain.errors import DecryptionFailed, NotFound
from shared.ports import Item, JsonObject, Page, Step
from tests.faults import Pause, When

WHO = "client2"
PLACE = "transcripts/17/transcript"


class SetClock:
    """A clock that stands where it was put."""

    def __init__(self) -> None:
        self.at = datetime(2026, 2, 23, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class CountingItems(MemoryItems):
    """Items that know how often they were listed."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = 0

    async def query(self, container: str, partition: str, *, equal: Mapping[str, Any], **rest: Any) -> Page:
        self.queries += 1
        return await super().query(container, partition, equal=equal, **rest)


class SlowToCreate(MemoryItems):
    """Items whose creation, alone or in a batch, waits until `writers` callers are about to: the narrowest race."""

    def __init__(self, writers: int) -> None:
        super().__init__()
        self._together = asyncio.Barrier(writers)

    async def create(self, container: str, partition: str, body: JsonObject) -> Item:
        await self._together.wait()
        return await super().create(container, partition, body)

    async def batch(self, container: str, partition: str, steps: Sequence[Step]) -> Sequence[Item | None]:
        await self._together.wait()
        return await super().batch(container, partition, steps)


@pytest.fixture
def kek_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "kek.json"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def items() -> CountingItems:
    return CountingItems()


@pytest.fixture
def keyrings(items: CountingItems, kek_file: Path, clock: SetClock) -> Keyrings:
    return a_process(items, kek_file, clock)


def a_process(items: MemoryItems, kek_file: Path, clock: SetClock, **limits: Any) -> Keyrings:
    """Keyrings as one process of several has them: a cache of its own over the store all share."""
    return Keyrings(items=items, kek=LocalKek(kek_file, may_create=True), clock=clock, **limits)


async def rows(items: MemoryItems, relationship: str = WHO) -> list[JsonObject]:
    page = await items.query("records", relationship, equal={"kind": "data_key"})
    return [item.body for item in page.items]


async def test_first_use_creates_one_wrapped_key(keyrings, items, clock):
    keyring = await keyrings.of(WHO)
    (row,) = await rows(items)
    assert row["id"] == "dek:1"
    assert row["kid"] == str(keyring.newest.kid)
    assert row["created"] == "2026-02-23T09:00:00.000000Z"
    assert keyring.newest.created == clock.at
    assert len(keyring.newest.secret) == 32
    assert base64.b64encode(keyring.newest.secret).decode() not in json.dumps(row)


async def test_what_one_process_seals_another_opens(keyrings, items, kek_file, clock):
    envelope = (await keyrings.of(WHO)).seal("words", aad=PLACE)
    other = a_process(items, kek_file, clock)
    assert await other.open(WHO, envelope, aad=PLACE) == b"words"


async def test_blobs_are_sealed_as_bytes(keyrings):
    sealed = (await keyrings.of(WHO)).seal_bytes(b"\0words", aad=PLACE)
    assert await keyrings.open_bytes(WHO, sealed, aad=PLACE) == b"\0words"


async def test_processes_that_create_the_first_key_at_once_end_with_the_stored_one(kek_file, clock):
    items = SlowToCreate(writers=5)
    found = await asyncio.gather(*(a_process(items, kek_file, clock).of(WHO) for _ in range(5)))
    (row,) = await rows(items)
    assert {str(keyring.newest.kid) for keyring in found} == {row["kid"]}
    assert len({keyring.newest.secret for keyring in found}) == 1


async def test_processes_that_rotate_at_once_add_one_key(kek_file, clock):
    items = SlowToCreate(writers=2)
    one, two = a_process(items, kek_file, clock), a_process(items, kek_file, clock)
    await asyncio.gather(one.of(WHO), two.of(WHO))
    newest = await asyncio.gather(one.rotate(WHO), two.rotate(WHO))
    assert newest[0] == newest[1]
    assert [row["id"] for row in await rows(items)] == ["dek:1", "dek:2"]


async def test_relationships_have_keys_of_their_own(keyrings):
    envelope = (await keyrings.of(WHO)).seal("words", aad=PLACE)
    with pytest.raises(DecryptionFailed):
        await keyrings.open("client3", envelope, aad=PLACE)


async def test_a_key_that_is_young_enough_is_not_replaced(keyrings, clock):
    first = (await keyrings.load(WHO)).newest
    assert await keyrings.rotate(WHO, made_before=clock.at) == first
    assert await keyrings.rotate(WHO, made_before=clock.at + timedelta(seconds=1)) != first


async def test_what_has_no_key_is_not_given_one(keyrings, items):
    assert await keyrings.rotate(WHO) is None
    assert await rows(items) == []
    await keyrings.shred(WHO)
    assert await keyrings.rotate(WHO) is None


async def test_a_rotation_that_a_rewrap_overtakes_looks_again(keyrings, items, kek_file, clock):
    await keyrings.load(WHO)
    pause = Pause("batch")
    rotating = asyncio.create_task(a_process(pause.over(items), kek_file, clock).rotate(WHO))
    await pause.reached.wait()
    add_version(kek_file)
    await keyrings.rewrap(WHO)
    pause.go.set()
    assert await rotating == (await keyrings.load(WHO)).newest
    assert [row["id"] for row in await rows(items)] == ["dek:1", "dek:2"]


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
@pytest.mark.parametrize("method", ["query", "batch", "patch"])
async def test_no_key_is_left_when_a_rotation_meets_a_shred(keyrings, items, kek_file, clock, method, when):
    await keyrings.load(WHO)
    pause = Pause(method, when)
    rotating = asyncio.create_task(a_process(pause.over(items), kek_file, clock).rotate(WHO))
    await pause.reached.wait()
    await keyrings.shred(WHO)
    pause.go.set()
    with suppress(NotFound):
        assert await rotating is None
    assert await rows(items) == []
    assert await items.read("records", WRAPPED, WHO) is None


async def test_no_key_is_left_when_a_shred_meets_a_rotation(keyrings, items, kek_file, clock):
    await keyrings.load(WHO)
    pause = Pause("replace")
    shredding = asyncio.create_task(a_process(pause.over(items), kek_file, clock).shred(WHO))
    await pause.reached.wait()
    await keyrings.rotate(WHO)
    pause.go.set()
    assert len(await shredding) == 2
    assert await rows(items) == []


async def test_after_a_rotation_the_new_key_encrypts_and_the_old_one_still_opens(keyrings):
    before = (await keyrings.of(WHO)).seal("words", aad=PLACE)
    added = await keyrings.rotate(WHO)
    after = (await keyrings.of(WHO)).seal("words", aad=PLACE)
    assert key_id_of(after) == added.kid != key_id_of(before)
    assert await keyrings.open(WHO, before, aad=PLACE) == await keyrings.open(WHO, after, aad=PLACE) == b"words"


async def test_the_newest_key_is_newest_even_when_the_clock_went_backwards(keyrings, clock):
    await keyrings.of(WHO)
    clock.at -= timedelta(days=1)
    added = await keyrings.rotate(WHO)
    assert (await keyrings.load(WHO)).newest == added


async def test_more_keys_than_a_page_keep_their_order(keyrings, items, kek_file, clock):
    await keyrings.load(WHO)
    for _ in range(100):
        added = await keyrings.rotate(WHO)
    keyring = await a_process(items, kek_file, clock).of(WHO)
    assert len(keyring.keys) == 101
    assert keyring.newest == added


async def test_a_process_opens_what_another_sealed_after_rotating(keyrings, items, kek_file, clock):
    other = a_process(items, kek_file, clock)
    await keyrings.of(WHO)
    await other.rotate(WHO)
    envelope = (await other.of(WHO)).seal("words", aad=PLACE)
    sealed = (await other.of(WHO)).seal_bytes(b"words", aad=PLACE)
    assert await keyrings.open(WHO, envelope, aad=PLACE) == b"words"
    assert await keyrings.open_bytes(WHO, sealed, aad=PLACE) == b"words"


async def test_unwrapped_keys_are_kept_until_their_time_is_up(keyrings, items, clock):
    await keyrings.of(WHO)
    asked = items.queries
    clock.at += timedelta(minutes=4, seconds=59)
    await keyrings.of(WHO)
    assert items.queries == asked
    clock.at += timedelta(seconds=1)
    await keyrings.of(WHO)
    assert items.queries == asked + 1


async def test_the_cache_forgets_the_relationship_used_longest_ago(items, kek_file, clock):
    keyrings = a_process(items, kek_file, clock, capacity=2)
    for relationship in ("a", "b", "a", "c"):
        await keyrings.of(relationship)
    asked = items.queries
    await keyrings.of("a")
    await keyrings.of("c")
    assert items.queries == asked
    await keyrings.of("b")
    assert items.queries == asked + 1


async def test_rewrap_moves_every_key_to_the_new_kek_and_changes_nothing_else(keyrings, items, kek_file, clock):
    envelope = (await keyrings.of(WHO)).seal("words", aad=PLACE)
    await keyrings.rotate(WHO)
    before = await rows(items)
    added = add_version(kek_file)
    assert await keyrings.rewrap(WHO) == 2
    assert await keyrings.rewrap(WHO) == 0
    after = await rows(items)
    assert {row["kek_id"] for row in after} == {added}
    assert [row["kid"] for row in after] == [row["kid"] for row in before]
    assert not {row["wrapped"] for row in after} & {row["wrapped"] for row in before}
    assert await a_process(items, kek_file, clock).open(WHO, envelope, aad=PLACE) == b"words"


async def test_a_lost_kek_is_an_error_and_never_a_new_key(keyrings, items, kek_file, clock):
    await keyrings.of(WHO)
    kek_file.unlink()
    await keyrings.of("client3")  # makes a new key file
    with pytest.raises(DecryptionFailed):
        await a_process(items, kek_file, clock).of(WHO)
    assert len(await rows(items)) == 1


async def test_no_key_in_repr_logs_or_errors(keyrings, items, kek_file, clock, caplog):
    caplog.set_level(logging.DEBUG)
    keyring = await keyrings.of(WHO)
    shown = repr(keyring) + str(keyring) + repr(keyrings) + repr(keyrings.__dict__)
    with pytest.raises(DecryptionFailed) as failure:
        await keyrings.open(WHO, keyring.seal("words", aad=PLACE), aad="elsewhere")
    shown += caplog.text + repr(failure.value)
    secret = keyring.newest.secret
    for form in (repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode()):
        assert form not in shown


def test_a_keyring_knows_which_keys_it_holds():
    assert not Keyring("client2", ()).holds(UUID(int=1))
