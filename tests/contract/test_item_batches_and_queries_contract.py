"""What `ItemStore` promises of batches and queries, asked of the in-memory twin and of the Cosmos adapter alike."""

import asyncio
from typing import Any

import pytest

from shared.domain.errors import AlreadyExists, InvalidInput, NotFound, Permanent, PreconditionFailed
from shared.ports import Change, Create, Delete, Item, ItemStore, Patch, Replace, Upsert
from tests.contract.items import BOX, an_item

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
