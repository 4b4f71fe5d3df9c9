"""What `ItemStore` promises of single items, asked of the in-memory twin and of the Cosmos adapter alike."""

import asyncio

import pytest

from shared.domain.errors import AlreadyExists, NotFound, Permanent, PreconditionFailed, TooLarge
from shared.ports import Change, Item
from tests.contract.items import BOX, an_item, read

# ---- one item --------------------------------------------------------------------------------------------------


async def test_what_was_created_can_be_read(items, partition):
    body = an_item(partition, text="Grüße, 世界 🙂", nested={"list": [1, 2.5, None, True]})
    created = await items.create(BOX, partition, body)
    assert await items.read(BOX, partition, "one") == created
    assert created.body == body


async def test_reading_what_is_not_there_gives_none(items, partition):
    assert await items.read(BOX, partition, "one") is None


async def test_create_meets_an_existing_item(items, partition):
    await items.create(BOX, partition, an_item(partition, n=1))
    with pytest.raises(AlreadyExists):
        await items.create(BOX, partition, an_item(partition, n=2))
    assert (await read(items, partition)).body["n"] == 1


async def test_of_many_creates_at_once_one_wins(items, partition):
    tries = [items.create(BOX, partition, an_item(partition, n=n)) for n in range(8)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    winners = [outcome for outcome in outcomes if isinstance(outcome, Item)]
    assert len(winners) == 1
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 7
    assert (await read(items, partition)).body == winners[0].body


async def test_partitions_do_not_see_each_other(items, partition):
    other = partition + "-other"
    await items.create(BOX, partition, an_item(partition, n=1))
    await items.create(BOX, other, an_item(other, n=2))
    assert (await read(items, partition)).body["n"] == 1
    assert (await read(items, other)).body["n"] == 2
    await items.delete(BOX, other, "one")
    assert await items.read(BOX, other, "one") is None
    assert (await read(items, partition)).body["n"] == 1


async def test_containers_do_not_see_each_other(items, partition):
    await items.create(BOX, partition, an_item(partition))
    assert await items.read("records", partition, "one") is None


async def test_an_item_partitioned_by_its_own_id(items, partition):
    await items.create("directory", partition, {"id": partition, "n": 1})
    item = await items.read("directory", partition, partition)
    assert item is not None
    assert item.body == {"id": partition, "n": 1}


async def test_upsert_creates_and_replaces(items, partition):
    first = await items.upsert(BOX, partition, an_item(partition, a=1))
    second = await items.upsert(BOX, partition, an_item(partition, b=2))
    assert second.body == an_item(partition, b=2)
    assert second.etag != first.etag


async def test_replace_needs_the_version_that_was_read(items, partition):
    first = await items.create(BOX, partition, an_item(partition, n=1))
    second = await items.replace(BOX, partition, an_item(partition, n=2), etag=first.etag)
    with pytest.raises(PreconditionFailed):
        await items.replace(BOX, partition, an_item(partition, n=3), etag=first.etag)
    assert await read(items, partition) == second
    await items.replace(BOX, partition, an_item(partition, n=4))
    assert (await read(items, partition)).body["n"] == 4


async def test_replace_of_what_is_not_there(items, partition):
    with pytest.raises(NotFound):
        await items.replace(BOX, partition, an_item(partition))
    with pytest.raises(NotFound):
        await items.replace(BOX, partition, an_item(partition), etag='"any"')


async def test_delete_needs_the_version_that_was_read(items, partition):
    first = await items.create(BOX, partition, an_item(partition))
    second = await items.replace(BOX, partition, an_item(partition, n=2))
    with pytest.raises(PreconditionFailed):
        await items.delete(BOX, partition, "one", etag=first.etag)
    await items.delete(BOX, partition, "one", etag=second.etag)
    with pytest.raises(NotFound):
        await items.delete(BOX, partition, "one")


async def test_callers_cannot_change_what_is_stored(items, partition):
    body = an_item(partition, list=[1])
    created = await items.create(BOX, partition, body)
    body["list"].append(2)
    created.body["list"].append(3)
    (await read(items, partition)).body["list"].append(4)
    assert (await read(items, partition)).body["list"] == [1]


@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")  # aiohttp, above 1 MiB
async def test_an_item_over_two_megabytes_is_too_large(items, partition):
    with pytest.raises(TooLarge):
        await items.create(BOX, partition, an_item(partition, text="x" * (2 * 1024 * 1024)))
    assert await items.read(BOX, partition, "one") is None


@pytest.mark.parametrize("item_id", ["", "a/b", "a?b", "a#b", "a\\b", "x" * 1024])
async def test_ids_cosmos_does_not_take_are_a_bug(items, partition, item_id):
    with pytest.raises(ValueError, match="id"):
        await items.create(BOX, partition, an_item(partition, item_id))


async def test_an_item_sent_to_another_partition_is_a_bug(items, partition):
    with pytest.raises(ValueError, match="partition"):
        await items.create(BOX, partition, an_item(partition + "-other"))


# ---- patch -----------------------------------------------------------------------------------------------------


async def test_a_patch_gives_back_the_item_as_it_stands(items, partition):
    first = await items.create(BOX, partition, an_item(partition, received=1, present={}, old=True))
    changes = [
        Change("incr", "/received", 2),
        Change("set", "/present/i3", "abc"),
        Change("set", "/state", "receiving"),
        Change("remove", "/old"),
    ]
    patched = await items.patch(BOX, partition, "one", changes)
    assert patched.body == an_item(partition, received=3, present={"i3": "abc"}, state="receiving")
    assert patched.etag != first.etag
    assert await read(items, partition) == patched


async def test_incr_counts_from_nothing_and_downwards(items, partition):
    await items.create(BOX, partition, an_item(partition))
    assert (await items.patch(BOX, partition, "one", [Change("incr", "/n", 5)])).body["n"] == 5
    assert (await items.patch(BOX, partition, "one", [Change("incr", "/n", -7)])).body["n"] == -2


async def test_every_concurrent_incr_counts_and_is_told_its_own_number(items, partition):
    await items.create(BOX, partition, an_item(partition))
    done = await asyncio.gather(*(items.patch(BOX, partition, "one", [Change("incr", "/n", 1)]) for _ in range(20)))
    assert sorted(item.body["n"] for item in done) == list(range(1, 21))


async def test_patch_paths_escape_and_reach_into_lists(items, partition):
    await items.create(BOX, partition, an_item(partition, present={}, list=[{"n": 1}, 2, 3]))
    changes = [
        Change("set", "/present/a~1b~0c", 1),
        Change("incr", "/list/0/n", 1),
        Change("set", "/list/1", "two"),
        Change("remove", "/list/2"),
    ]
    patched = await items.patch(BOX, partition, "one", changes)
    assert patched.body["present"] == {"a/b~c": 1}
    assert patched.body["list"] == [{"n": 2}, "two"]


@pytest.mark.parametrize(
    "change",
    [
        Change("set", "/nowhere/leaf", 1),
        Change("incr", "/nowhere/leaf", 1),
        Change("remove", "/nowhere"),
        Change("remove", "/nowhere/leaf"),
        Change("incr", "/text", 1),
        Change("set", "/text/leaf", 1),
    ],
    ids=lambda change: f"{change.op} {change.path}",
)
async def test_a_change_that_does_not_fit_is_refused_and_the_others_with_it(items, partition, change):
    before = await items.create(BOX, partition, an_item(partition, text="abc"))
    with pytest.raises(Permanent) as refusal:
        await items.patch(BOX, partition, "one", [Change("set", "/fine", 1), change])
    assert refusal.value.code == "store_refused"
    assert await read(items, partition) == before


async def test_patch_needs_the_item_and_the_version_that_was_read(items, partition):
    change = [Change("set", "/n", 1)]
    with pytest.raises(NotFound):
        await items.patch(BOX, partition, "one", change)
    first = await items.create(BOX, partition, an_item(partition))
    await items.patch(BOX, partition, "one", change, etag=first.etag)
    with pytest.raises(PreconditionFailed):
        await items.patch(BOX, partition, "one", change, etag=first.etag)


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [Change("set", f"/n{n}", n) for n in range(11)],
        [Change("move", "/n", 1)],
        [Change("set", "/id", "two")],
        [Change("set", "/session_id", "two")],
        [Change("incr", "/n", "1")],
    ],
    ids=["none", "eleven", "unknown operation", "id", "partition key", "incr by a text"],
)
async def test_patches_outside_the_contract_are_a_bug(items, partition, changes):
    await items.create(BOX, partition, an_item(partition))
    with pytest.raises(ValueError, match=r"patch|incr"):
        await items.patch(BOX, partition, "one", changes)
