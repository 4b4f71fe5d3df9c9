"""What the app relies on in Cosmos DB, asked of the emulator and, where configured, of the real thing: batches."""

from typing import Any

import pytest
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError


async def test_a_batch_does_all_its_operations(cosmos_container, pk):
    await cosmos_container.create_item({"id": "session", "pk": pk, "received": 0})
    results = await cosmos_container.execute_item_batch(
        [
            ("create", ({"id": "chunk-1", "pk": pk},)),
            ("patch", ("session", [{"op": "incr", "path": "/received", "value": 1}])),
            ("upsert", ({"id": "claim", "pk": pk},)),
            ("read", ("session",)),
            ("replace", ("claim", {"id": "claim", "pk": pk, "done": True})),
            ("delete", ("claim",)),
        ],
        partition_key=pk,
    )
    assert [result["statusCode"] for result in results] == [201, 200, 201, 200, 200, 204]
    assert results[1]["resourceBody"]["received"] == results[3]["resourceBody"]["received"] == 1
    assert results[0]["eTag"] == results[0]["resourceBody"]["_etag"]


async def test_a_batch_with_one_failure_does_nothing(cosmos_container, pk):
    await cosmos_container.create_item({"id": "chunk-1", "pk": pk})
    session = await cosmos_container.create_item({"id": "session", "pk": pk, "received": 0})
    with pytest.raises(CosmosBatchOperationError) as failed:
        await cosmos_container.execute_item_batch(
            [
                ("patch", ("session", [{"op": "incr", "path": "/received", "value": 1}])),
                ("create", ({"id": "chunk-1", "pk": pk},)),
                ("create", ({"id": "chunk-2", "pk": pk},)),
            ],
            partition_key=pk,
        )
    assert failed.value.error_index == 1
    assert [response["statusCode"] for response in failed.value.operation_responses] == [424, 409, 424]
    assert (await cosmos_container.read_item("session", pk))["_etag"] == session["_etag"]
    assert [item["id"] async for item in cosmos_container.query_items("SELECT * FROM c", partition_key=pk)] == [
        "chunk-1",
        "session",
    ]


async def test_a_batch_heeds_etags_and_predicates(cosmos_container, pk):
    item = await cosmos_container.create_item({"id": "1", "pk": pk, "state": "open"})
    close = [{"op": "set", "path": "/state", "value": "closed"}]

    def close_if_open() -> Any:  # anew each time: the SDK takes the predicate out of what it is given
        return "patch", ("1", close), {"filter_predicate": "FROM c WHERE c.state = 'open'"}

    await cosmos_container.execute_item_batch([close_if_open()], partition_key=pk)
    for stale in (close_if_open(), ("replace", ("1", dict(item)), {"if_match_etag": item["_etag"]})):
        with pytest.raises(CosmosBatchOperationError) as failed:
            await cosmos_container.execute_item_batch([stale], partition_key=pk)
        assert failed.value.operation_responses[0]["statusCode"] == 412


async def test_a_batch_has_at_most_a_hundred_operations(cosmos_container, pk):
    operations = [("create", ({"id": str(n), "pk": pk},)) for n in range(101)]
    with pytest.raises(CosmosHttpResponseError) as refused:
        await cosmos_container.execute_item_batch(operations, partition_key=pk)
    assert refused.value.status_code == 400
    assert len(await cosmos_container.execute_item_batch(operations[:100], partition_key=pk)) == 100
