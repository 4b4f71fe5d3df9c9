"""What the app relies on in Cosmos DB, asked of the emulator and, where configured, of the real thing: items."""

import asyncio
from uuid import uuid4

import pytest
from azure.core import MatchConditions
from azure.cosmos import CosmosClient as SyncCosmosClient
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

IF_UNCHANGED = {"match_condition": MatchConditions.IfNotModified}


# ---- databases and containers ----------------------------------------------------------------------------------


async def test_databases_and_containers_are_created_once(cosmos_container, cosmos_account):
    async with cosmos_account.client() as client:
        database = await client.create_database_if_not_exists(cosmos_account.database)
        assert cosmos_account.database in [each["id"] async for each in client.list_databases()]
        again = await database.create_container_if_not_exists(
            cosmos_container.id, partition_key={"paths": ["/pk"], "kind": "Hash", "version": 2}
        )
        properties = await again.read()
        assert properties["partitionKey"]["paths"] == ["/pk"]
        assert properties["defaultTtl"] == -1
        assert {"path": "/secret/*"} in properties["indexingPolicy"]["excludedPaths"]
        assert cosmos_container.id in [each["id"] async for each in database.list_containers()]


async def test_a_deleted_container_is_gone_with_its_items(cosmos_account):
    async with cosmos_account.client() as client:
        database = client.get_database_client(cosmos_account.database)
        name = f"short-lived-{uuid4().hex}"
        key = {"paths": ["/pk"], "kind": "Hash", "version": 2}
        container = await database.create_container(name, partition_key=key)
        with pytest.raises(CosmosResourceExistsError):
            await database.create_container(name, partition_key=key)
        await container.create_item({"id": "1", "pk": "a"})
        await database.delete_container(name)
        with pytest.raises(CosmosResourceNotFoundError):
            await container.read()
        renewed = await database.create_container(name, partition_key=key)
        assert [item async for item in renewed.read_all_items()] == []
        await database.delete_container(name)


async def test_a_wrong_key_is_unauthorized(cosmos_account):
    client = cosmos_account.client(key="d3Jvbmc=")
    with pytest.raises(CosmosHttpResponseError) as refused:
        await client.__aenter__()
    await client.close()
    assert refused.value.status_code == 401


def test_the_synchronous_sdk_is_served_too(cosmos_account, cosmos_container, pk):
    with SyncCosmosClient(cosmos_account.endpoint, cosmos_account.key, **cosmos_account.options) as client:
        container = client.get_database_client(cosmos_account.database).get_container_client(cosmos_container.id)
        container.create_item({"id": "1", "pk": pk})
        assert [item["id"] for item in container.query_items("SELECT * FROM c", partition_key=pk)] == ["1"]


# ---- one item --------------------------------------------------------------------------------------------------


async def test_an_item_comes_back_with_system_properties(cosmos_container, pk):
    body = {"id": "ünï cödé+é", "pk": pk, "n": 2**53 - 1, "text": "世界 🙂", "deep": {"list": [1, 2.5, None, True, {}]}}
    created = await cosmos_container.create_item(body)
    assert {name: created[name] for name in body} == body
    assert {"_rid", "_self", "_etag", "_ts"} <= created.keys()
    assert dict(await cosmos_container.read_item(body["id"], pk)) == dict(created)


async def test_ids_are_unique_within_a_partition_only(cosmos_container, pk):
    first = await cosmos_container.create_item({"id": "1", "pk": pk})
    with pytest.raises(CosmosResourceExistsError):
        await cosmos_container.create_item({"id": "1", "pk": pk})
    second = await cosmos_container.create_item({"id": "1", "pk": f"{pk}-other"})
    assert first["_rid"] != second["_rid"]


async def test_what_is_missing_is_404_whatever_is_tried(cosmos_container, pk):
    await cosmos_container.create_item({"id": "1", "pk": pk})
    for attempt in (
        cosmos_container.read_item("2", pk),
        cosmos_container.read_item("1", f"{pk}-other"),
        cosmos_container.replace_item("2", {"id": "2", "pk": pk}),
        cosmos_container.delete_item("2", pk),
        cosmos_container.patch_item("2", pk, [{"op": "set", "path": "/n", "value": 1}]),
    ):
        with pytest.raises(CosmosResourceNotFoundError):
            await attempt


async def test_upsert_creates_then_replaces(cosmos_container, pk):
    first = await cosmos_container.upsert_item({"id": "1", "pk": pk, "n": 1, "gone": True})
    second = await cosmos_container.upsert_item({"id": "1", "pk": pk, "n": 2})
    assert (second["n"], "gone" in second, second["_rid"]) == (2, False, first["_rid"])


async def test_if_match_lets_the_first_writer_win(cosmos_container, pk):
    item = await cosmos_container.create_item({"id": "1", "pk": pk, "n": 0})
    stale = {"etag": item["_etag"], **IF_UNCHANGED}
    changed = await cosmos_container.replace_item("1", {**item, "n": 1}, **stale)
    assert changed["_etag"] != item["_etag"]
    for attempt in (
        cosmos_container.replace_item("1", {**item, "n": 2}, **stale),
        cosmos_container.upsert_item({**item, "n": 2}, **stale),
        cosmos_container.patch_item("1", pk, [{"op": "set", "path": "/n", "value": 2}], **stale),
        cosmos_container.delete_item("1", pk, **stale),
    ):
        with pytest.raises(CosmosAccessConditionFailedError):
            await attempt
    await cosmos_container.delete_item("1", pk, etag=changed["_etag"], **IF_UNCHANGED)


async def test_an_unchanged_item_is_not_sent_again(cosmos_container, pk):
    item = await cosmos_container.create_item({"id": "1", "pk": pk})
    unless_changed = {"etag": item["_etag"], "match_condition": MatchConditions.IfModified}
    assert dict(await cosmos_container.read_item("1", pk, **unless_changed)) == {}
    await cosmos_container.upsert_item({"id": "1", "pk": pk, "n": 1})
    assert (await cosmos_container.read_item("1", pk, **unless_changed))["n"] == 1


async def test_two_megabytes_is_the_limit_of_an_item(cosmos_container, pk):
    await cosmos_container.create_item({"id": "fits", "pk": pk, "secret": {"text": "x" * 2_000_000}})
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cosmos_container.create_item({"id": "big", "pk": pk, "secret": {"text": "x" * 2_200_000}})
    assert refused.value.status_code == 413


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": 7}, {"id": "a/b"}, {"id": "x", "ttl": 0}])
async def test_an_item_that_is_none_is_refused(cosmos_container, pk, body):
    with pytest.raises((CosmosHttpResponseError, ValueError, TypeError)) as refused:
        await cosmos_container.create_item({"pk": pk, **body})
    assert getattr(refused.value, "status_code", 400) == 400


async def test_answers_tell_charge_session_and_activity(cosmos_container, pk):
    headers = (await cosmos_container.create_item({"id": "1", "pk": pk})).get_response_headers()
    assert float(headers["x-ms-request-charge"]) >= 4
    assert headers["etag"]
    assert "#" in headers["x-ms-session-token"]
    assert headers["x-ms-activity-id"]


async def test_any_scalar_is_a_partition_key(cosmos_container):
    item_id = uuid4().hex
    for value in (7, 1.5, True, "", "日本"):
        await cosmos_container.create_item({"id": item_id, "pk": value})
        assert (await cosmos_container.read_item(item_id, value))["pk"] == value


# ---- time to live ----------------------------------------------------------------------------------------------


async def test_an_item_lives_as_long_as_its_ttl(cosmos_account, cosmos_container, pk):
    await cosmos_container.create_item({"id": "short", "pk": pk, "ttl": 1})
    await cosmos_container.create_item({"id": "long", "pk": pk})
    await cosmos_account.pass_time(2)
    assert await _ids(cosmos_container, pk) == ["long"]
    with pytest.raises(CosmosResourceNotFoundError):
        await cosmos_container.read_item("short", pk)
    await cosmos_container.create_item({"id": "short", "pk": pk})


async def _ids(container: ContainerProxy, pk: str) -> list[str]:
    return [item["id"] async for item in container.query_items("SELECT c.id FROM c", partition_key=pk)]


# ---- patch -----------------------------------------------------------------------------------------------------


async def test_a_patch_applies_its_operations_in_order(cosmos_container, pk):
    await cosmos_container.create_item({"id": "1", "pk": pk, "n": 1, "list": ["a", "c"], "old": 1, "deep": {"x": 1}})
    operations = [
        {"op": "add", "path": "/list/1", "value": "b"},
        {"op": "add", "path": "/list/-", "value": "d"},
        {"op": "set", "path": "/list/0", "value": "A"},
        {"op": "replace", "path": "/deep/x", "value": 2},
        {"op": "remove", "path": "/old"},
        {"op": "incr", "path": "/n", "value": 64},
        {"op": "incr", "path": "/count", "value": 1},
        {"op": "move", "from": "/deep/x", "path": "/moved"},
    ]
    patched = await cosmos_container.patch_item("1", pk, operations)
    assert (patched["list"], patched["deep"], patched["moved"]) == (["A", "b", "c", "d"], {}, 2)
    assert (patched["n"], patched["count"], "old" in patched) == (65, 1, False)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/absent", "value": 1},
        {"op": "remove", "path": "/absent"},
        {"op": "add", "path": "/absent/child", "value": 1},
        {"op": "incr", "path": "/text", "value": 1},
        {"op": "set", "path": "/id", "value": "other"},
        {"op": "set", "path": "/pk", "value": "other"},
    ],
)
async def test_a_patch_that_does_not_fit_changes_nothing(cosmos_container, pk, operation):
    item = await cosmos_container.create_item({"id": "1", "pk": pk, "text": "a", "n": 1})
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cosmos_container.patch_item("1", pk, [{"op": "incr", "path": "/n", "value": 1}, operation])
    assert refused.value.status_code == 400
    assert (await cosmos_container.read_item("1", pk))["_etag"] == item["_etag"]


async def test_a_conditional_patch_needs_its_predicate_to_hold(cosmos_container, pk):
    await cosmos_container.create_item({"id": "1", "pk": pk, "state": "open"})
    claim = [{"op": "set", "path": "/state", "value": "claimed"}]
    predicate = "FROM c WHERE c.state = 'open'"
    await cosmos_container.patch_item("1", pk, claim, filter_predicate=predicate)
    with pytest.raises(CosmosAccessConditionFailedError):
        await cosmos_container.patch_item("1", pk, claim, filter_predicate=predicate)


async def test_concurrent_increments_each_get_a_block_of_their_own(cosmos_container, pk):
    await cosmos_container.create_item({"id": "counter", "pk": pk, "next": 0})
    take = [{"op": "incr", "path": "/next", "value": 100}]
    blocks = await asyncio.gather(*(cosmos_container.patch_item("counter", pk, take) for _ in range(10)))
    assert sorted(block["next"] for block in blocks) == list(range(100, 1100, 100))
