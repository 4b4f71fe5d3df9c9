"""What `ItemStore` promises, asked of the in-memory twin and of the Cosmos adapter alike."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from shared.adapters.cosmos_items import CosmosItems
from shared.adapters.memory_items import MemoryItems
from shared.domain.errors import AlreadyExists, InvalidInput, NotFound, Permanent, PreconditionFailed, TooLarge
from shared.ports import Change, Create, Delete, Item, ItemStore, JsonObject, Patch, Replace, Upsert

BOX = "sessions"


@pytest.fixture(params=["memory", "cosmos"], scope="session")
async def items(request: pytest.FixtureRequest) -> AsyncIterator[ItemStore]:
    if request.param == "memory":
        yield MemoryItems()
        return
    server = request.getfixturevalue("cosmos")
    store = CosmosItems(server.endpoint, server.key, database=f"contract-{uuid4().hex}", may_create=True)
    yield store
    await store.close()


@pytest.fixture
def partition() -> str:
    return f"session-{uuid4().hex}"


def an_item(partition: str, item_id: str = "one", **fields: Any) -> JsonObject:
    return {"id": item_id, "session_id": partition, "kind": "thing", **fields}


async def read(items: ItemStore, partition: str, item_id: str = "one") -> Item:
    item = await items.read(BOX, partition, item_id)
    assert item is not None
    return item


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


# ---- batch -----------------------------------------------------------------------------------------------------


async def test_a_batch_does_every_step_and_gives_each_item(items, partition):
    await items.create(BOX, partition, an_item(partition, "session", received=0))
    old = await items.create(BOX, partition, an_item(partition, "old"))
    swap = await items.create(BOX, partition, an_item(partition, "swap"))
    done = await items.batch(
        BOX,
        partition,
        [
            Create(an_item(partition, "chunk")),
            Patch("session", [Change("incr", "/received", 1)]),
            Upsert(an_item(partition, "upserted", n=1)),
            Replace(an_item(partition, "swap", n=2), etag=swap.etag),
            Delete("old", etag=old.etag),
        ],
    )
    bodies = [item.body if item else None for item in done]
    assert bodies == [
        an_item(partition, "chunk"),
        an_item(partition, "session", received=1),
        an_item(partition, "upserted", n=1),
        an_item(partition, "swap", n=2),
        None,
    ]
    assert [await items.read(BOX, partition, name) for name in ("chunk", "session", "upserted", "swap", "old")] == done


async def test_steps_of_a_batch_see_what_came_before_them(items, partition):
    done = await items.batch(
        BOX, partition, [Create(an_item(partition)), Patch("one", [Change("incr", "/n", 1)]), Delete("one")]
    )
    assert [item.body if item else None for item in done] == [an_item(partition), an_item(partition, n=1), None]
    assert await items.read(BOX, partition, "one") is None


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (lambda p, stale: Create(an_item(p, "there")), AlreadyExists),
        (lambda p, stale: Replace(an_item(p, "absent")), NotFound),
        (lambda p, stale: Patch("absent", [Change("set", "/n", 1)]), NotFound),
        (lambda p, stale: Delete("absent"), NotFound),
        (lambda p, stale: Replace(an_item(p, "there"), etag=stale), PreconditionFailed),
        (lambda p, stale: Patch("there", [Change("set", "/n", 1)], etag=stale), PreconditionFailed),
        (lambda p, stale: Delete("there", etag=stale), PreconditionFailed),
        (lambda p, stale: Patch("there", [Change("remove", "/nowhere")]), Permanent),
    ],
    ids=[
        "create what is there",
        "replace what is absent",
        "patch what is absent",
        "delete what is absent",
        "replace an old version",
        "patch an old version",
        "delete an old version",
        "a change that does not fit",
    ],
)
async def test_a_failing_step_undoes_the_whole_batch_and_names_the_first_error(items, partition, failing, error):
    stale = (await items.create(BOX, partition, an_item(partition, "there"))).etag
    there = await items.patch(BOX, partition, "there", [Change("set", "/n", 0)])
    steps = [
        Create(an_item(partition, "before")),
        Patch("there", [Change("incr", "/n", 1)]),
        failing(partition, stale),
        Create(an_item(partition, "before")),
    ]
    with pytest.raises(error) as raised:
        await items.batch(BOX, partition, steps)
    assert type(raised.value) is error
    assert await items.read(BOX, partition, "before") is None
    assert await items.read(BOX, partition, "there") == there


async def test_a_batch_takes_a_hundred_steps_and_no_more(items, partition):
    steps = [Create(an_item(partition, f"n{n}")) for n in range(101)]
    with pytest.raises(ValueError, match="101"):
        await items.batch(BOX, partition, steps)
    with pytest.raises(ValueError, match="0 steps"):
        await items.batch(BOX, partition, [])
    assert len(await items.batch(BOX, partition, steps[:100])) == 100


# ---- query -----------------------------------------------------------------------------------------------------


async def everything(items: ItemStore, partition: str, **query: Any) -> list[Item]:
    found: list[Item] = []
    continuation = None
    while True:
        page = await items.query(BOX, partition, continuation=continuation, **query)
        assert len(page.items) <= query.get("limit", 100)
        found += page.items
        continuation = page.continuation
        if continuation is None:
            return found


def ids(found: list[Item]) -> list[str]:
    return [item.body["id"] for item in found]


async def test_a_query_finds_equal_fields_in_its_partition_only(items, partition):
    other = partition + "-other"
    await items.create(BOX, partition, an_item(partition, "a", n=1, flag=True))
    await items.create(BOX, partition, an_item(partition, "b", n=2, flag=False))
    await items.create(BOX, partition, an_item(partition, "c", n=1, flag=None))
    await items.create(BOX, partition, an_item(partition, "d"))
    await items.create(BOX, other, an_item(other, "e", n=1, flag=True))
    assert sorted(ids(await everything(items, partition, equal={"n": 1}))) == ["a", "c"]
    assert ids(await everything(items, partition, equal={"n": 1, "flag": True})) == ["a"]
    assert ids(await everything(items, partition, equal={"flag": None})) == ["c"]
    assert sorted(ids(await everything(items, partition, equal={}))) == ["a", "b", "c", "d"]


async def test_a_query_does_not_take_true_for_one(items, partition):
    await items.create(BOX, partition, an_item(partition, "number", n=1))
    await items.create(BOX, partition, an_item(partition, "truth", n=True))
    assert ids(await everything(items, partition, equal={"n": 1})) == ["number"]
    assert ids(await everything(items, partition, equal={"n": True})) == ["truth"]


async def test_what_a_query_finds_can_be_replaced_with_its_etag(items, partition):
    created = await items.create(BOX, partition, an_item(partition))
    found = (await items.query(BOX, partition, equal={"kind": "thing"})).items[0]
    assert found == created
    await items.replace(BOX, partition, found.body, etag=found.etag)


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_come_in_order_and_miss_nothing(items, partition, descending):
    for n in (3, 1, 6, 0, 5, 2, 4):
        await items.create(BOX, partition, an_item(partition, f"i{n}", created=f"2026-02-0{n + 1}"))
    found = await everything(
        items, partition, equal={"kind": "thing"}, order_by="created", descending=descending, limit=3
    )
    assert ids(found) == [f"i{n}" for n in (range(6, -1, -1) if descending else range(7))]


async def test_equal_places_in_the_order_are_neither_lost_nor_doubled_between_pages(items, partition):
    for n in range(7):
        await items.create(BOX, partition, an_item(partition, f"i{n}", created="2026-02-01"))
    found = await everything(items, partition, equal={}, order_by="created", limit=2)
    assert sorted(ids(found)) == [f"i{n}" for n in range(7)]


async def test_pages_read_side_by_side_keep_their_own_continuation(items, partition):
    kinds = [f"kind{n}" for n in range(4)]
    for kind in kinds:
        for n in range(5):
            await items.create(BOX, partition, an_item(partition, f"{kind}-{n}") | {"kind": kind, "n": n})
    found = await asyncio.gather(
        *(everything(items, partition, equal={"kind": kind}, order_by="n", limit=2) for kind in kinds)
    )
    assert [ids(each) for each in found] == [[f"{kind}-{n}" for n in range(5)] for kind in kinds]


async def test_an_empty_partition_has_one_empty_page(items, partition):
    page = await items.query(BOX, partition, equal={"kind": "thing"})
    assert list(page.items) == []
    assert page.continuation is None


async def test_continuations_of_others_are_refused(items, partition):
    for n in range(3):
        await items.create(BOX, partition, an_item(partition, f"i{n}"))
    continuation = (await items.query(BOX, partition, equal={}, limit=1)).continuation
    assert continuation is not None
    for query in ({"kind": "thing"}, {"kind": "other"}):
        with pytest.raises(InvalidInput) as refusal:
            await items.query(BOX, partition, equal=query, limit=1, continuation=continuation)
        assert refusal.value.code == "invalid_continuation"
    with pytest.raises(InvalidInput):
        await items.query(BOX, partition + "-other", equal={}, limit=1, continuation=continuation)


@pytest.mark.parametrize("continuation", ["", "nonsense", "MTIz", "e30=", "Grüße", "W10="])
async def test_a_continuation_nobody_gave_is_refused(items, partition, continuation):
    with pytest.raises(InvalidInput) as refusal:
        await items.query(BOX, partition, equal={}, continuation=continuation)
    assert refusal.value.code == "invalid_continuation"


async def test_queries_outside_the_contract_are_a_bug(items, partition):
    with pytest.raises(ValueError, match="field name"):
        await items.query(BOX, partition, equal={"a = 1 OR c.b": 1})
    with pytest.raises(ValueError, match="field name"):
        await items.query(BOX, partition, equal={}, order_by="n; --")
    with pytest.raises(ValueError, match="page"):
        await items.query(BOX, partition, equal={}, limit=0)
