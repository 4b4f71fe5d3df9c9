import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.adapters.local_kek import LocalKek, add_version
from shared.adapters.memory_items import MemoryItems
from shared.adapters.private_files import replace_private_file
from shared.crypto.keyring import Keyrings
from shared.crypto.wrapped import WRAPPED
from shared.domain.errors import NotFound, StoreUnavailable
from shared.domain.names import RECORDS
from shared.services.rewrap_keys import rewrap_keys
from tests.faults import Fault, When

PLACE = "transcripts/17/transcript"


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 2, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def kek_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "kek.json"


@pytest.fixture
def items() -> MemoryItems:
    return MemoryItems()


@pytest.fixture
def keyrings(items: MemoryItems, kek_file: Path) -> Keyrings:
    return a_process(items, kek_file)


def a_process(items: MemoryItems, kek_file: Path) -> Keyrings:
    return Keyrings(items=items, kek=LocalKek(kek_file, may_create=True), clock=Clock())


def retire_old_versions(kek_file: Path) -> None:
    """What an operator does at the end: only the newest version is left."""
    newest = kek_file.read_text().rpartition("{")[2]
    replace_private_file(kek_file, ('{"keys": [{' + newest).encode())


async def test_after_a_run_the_old_version_is_needed_no_more(keyrings, items, kek_file):
    sealed = {who: (await keyrings.load(who)).seal("said", aad=PLACE) for who in ("a", "b", "c")}
    await keyrings.rotate("b")
    add_version(kek_file)
    assert (await rewrap_keys(keyrings)).keys == 4
    retire_old_versions(kek_file)
    for who, envelope in sealed.items():
        assert await a_process(items, kek_file).open(who, envelope, aad=PLACE) == b"said"


async def test_a_run_with_nothing_to_do_touches_no_relationship(keyrings, kek_file):
    await keyrings.load("a")
    add_version(kek_file)
    await rewrap_keys(keyrings)
    assert [who async for who in keyrings.behind()] == []
    assert (await rewrap_keys(keyrings)).keys == 0


async def test_a_key_added_between_two_versions_is_found(keyrings, kek_file):
    await keyrings.load("a")
    add_version(kek_file)
    await keyrings.rotate("a")  # its newest is under the new version, its oldest is not
    assert (await rewrap_keys(keyrings)).keys == 1


async def test_keys_from_before_there_was_a_list_are_listed_by_their_next_use(keyrings, items, kek_file):
    await keyrings.load("a")
    await items.delete(RECORDS, WRAPPED, "a")
    [row] = [item for item in [await items.read(RECORDS, "a", "dek:1")] if item is not None]
    await items.replace(RECORDS, "a", {name: value for name, value in row.body.items() if name != "listed"})
    add_version(kek_file)
    assert (await rewrap_keys(keyrings)).keys == 0
    await a_process(items, kek_file).of("a")
    assert (await rewrap_keys(keyrings)).keys == 1


async def test_an_erased_relationship_is_off_the_list(keyrings, items, kek_file):
    await keyrings.load("a")
    await keyrings.shred("a")
    assert await items.read(RECORDS, WRAPPED, "a") is None
    add_version(kek_file)
    assert (await rewrap_keys(keyrings)).keys == 0
    with pytest.raises(NotFound):
        await keyrings.load("a")


async def test_one_that_cannot_be_done_does_not_hold_up_the_others(keyrings, items, kek_file):
    for who in ("a", "b", "c"):
        await keyrings.load(who)
    row = await items.read(RECORDS, "b", "dek:1")
    assert row is not None
    await items.replace(RECORDS, "b", {**row.body, "kek_id": "local-gone"})
    add_version(kek_file)
    done = await rewrap_keys(keyrings)
    assert (done.keys, done.failed) == (2, ("b",))
    assert [who async for who in keyrings.behind()] == ["b"]


@pytest.mark.parametrize("when", list(When))
async def test_a_run_that_ends_at_any_step_is_finished_by_the_next(items, kek_file, when):
    for step in range(1, 40):
        stores, keys = MemoryItems(), kek_file.with_name(f"kek-{step}-{when.name}.json")
        for who in ("a", "b"):
            await a_process(stores, keys).load(who)
        add_version(keys)
        fault = Fault(step, when)
        with suppress(StoreUnavailable, asyncio.CancelledError):
            await rewrap_keys(a_process(fault.over(stores), keys))
        if len(fault.calls) < step:
            return
        await rewrap_keys(a_process(stores, keys))
        retire_old_versions(keys)
        for who in ("a", "b"):
            await a_process(stores, keys).load(who)
    pytest.fail("a run has more steps than this test has")
