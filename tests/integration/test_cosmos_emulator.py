"""What only the emulator has: its process, its counters, its faults, and the courage to say what it does not do."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from localcloud.cosmos.process import Cosmos, start_cosmos
from localcloud.processes import free_port


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cosmos]:
    """One of this module's own: counters and faults are for the whole process."""
    running = start_cosmos(tmp_path_factory.mktemp("own-cosmos"))
    yield running
    running.stop()


@pytest.fixture
async def items(emulator: Cosmos) -> AsyncIterator[ContainerProxy]:
    async with connect(emulator, retry_total=0, retry_throttle_total=0) as client:
        database = await client.create_database(f"own-{uuid4().hex}")
        yield await database.create_container("items", PartitionKey("/pk"))


def connect(emulator: Cosmos, **options: Any) -> CosmosClient:
    return CosmosClient(emulator.endpoint, emulator.key, enable_endpoint_discovery=False, **options)


def control(emulator: Cosmos, path: str, body: Any = None) -> Any:
    """GET `_emulator/{path}`, or POST with a body."""
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{emulator.endpoint}_emulator/{path}", content) as answer:  # noqa: S310 - loopback
        return json.load(answer)


# ---- counters --------------------------------------------------------------------------------------------------


async def test_requests_and_units_are_counted_by_operation_and_container(emulator, items):
    control(emulator, "stats/reset", {})
    await items.create_item({"id": "1", "pk": "a"})
    await items.create_item({"id": "2", "pk": "a", "text": "x" * 64 * 1024})
    await items.read_item("1", "a")
    stats = control(emulator, "stats")
    database = items.container_link.split("/")[1]
    assert stats["operations"]["create_item"]["requests"] == 2
    assert stats["operations"]["create_item"]["request_units"] == pytest.approx(5 + 22.7, abs=0.5)
    assert stats["containers"][f"{database}/items"]["read_item"] == {"requests": 1, "request_units": 1.0}
    assert stats["requests"] == sum(tally["requests"] for tally in stats["operations"].values())


async def test_refused_requests_count_too(emulator, items):
    control(emulator, "stats/reset", {})
    with pytest.raises(CosmosHttpResponseError):
        await items.read_item("missing", "a")
    assert control(emulator, "stats")["operations"]["read_item"]["requests"] == 1


# ---- faults ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 449, 503])
async def test_an_ordered_fault_refuses_one_kind_of_operation(emulator, items, status):
    control(emulator, "faults", {"status": status, "count": 100, "retry_after_ms": 1, "operation": "read_item"})
    await items.create_item({"id": "1", "pk": "a"})
    with pytest.raises(CosmosHttpResponseError) as refused:
        await items.read_item("1", "a")
    control(emulator, "faults/reset", {})
    assert refused.value.status_code == status
    assert refused.value.headers["x-ms-retry-after-ms"] == "1"
    await items.read_item("1", "a")


async def test_a_fault_is_over_after_its_count(emulator, items):
    await items.create_item({"id": "1", "pk": "a"})
    control(emulator, "stats/reset", {})
    control(emulator, "faults", {"status": 429, "count": 2, "retry_after_ms": 1})
    async with connect(emulator) as patient:
        database = patient.get_database_client(items.container_link.split("/")[1])
        await database.get_container_client("items").read_item("1", "a")
    assert control(emulator, "stats")["operations"]["read_item"]["requests"] == 3


@pytest.mark.parametrize("wish", [{}, {"status": 418}, {"status": 503, "count": 0}, {"status": 503, "operation": "x"}])
def test_a_fault_that_is_none_is_refused(emulator, wish):
    with pytest.raises(urllib.error.HTTPError) as refused:
        control(emulator, "faults", wish)
    refused.value.close()
    assert refused.value.code == 400


async def test_a_lost_answer_leaves_the_write_in_place(tmp_path):
    running = start_cosmos(tmp_path)
    try:
        async with connect(running, retry_total=0) as client:
            database = await client.create_database("lost")
            container = await database.create_container("items", PartitionKey("/pk"))
            control(running, "faults", {"kill_after": 2})
            await container.create_item({"id": "answered", "pk": "a"})
            with pytest.raises(Exception, match=r"disconnected|connect|reset"):
                await container.create_item({"id": "unanswered", "pk": "a"})
        assert running.child.popen.wait(10) == 137
    finally:
        running.stop()
    assert await kept_ids(tmp_path, "lost") == ["answered", "unanswered"]


async def kept_ids(home: Path, database: str) -> list[str]:
    """What an emulator started on `home` has in the database's container `items`."""
    running = start_cosmos(home)
    try:
        async with connect(running) as client:
            container = client.get_database_client(database).get_container_client("items")
            return [item["id"] async for item in container.read_all_items()]
    finally:
        running.stop()


# ---- what it does not do ---------------------------------------------------------------------------------------


async def test_hierarchical_keys_and_unique_keys_are_not_supported(emulator):
    async with connect(emulator) as client:
        database = await client.create_database(f"refused-{uuid4().hex}")
        for options, named in (
            ({"partition_key": PartitionKey(["/a", "/b"])}, "hierarchical partition keys"),
            ({"partition_key": PartitionKey("/a"), "unique_key_policy": {"uniqueKeys": []}}, "uniqueKeyPolicy"),
        ):
            with pytest.raises(CosmosHttpResponseError, match=named) as refused:
                await database.create_container("c", **options)
            assert refused.value.status_code == 501


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("SELECT DISTINCT c.kind FROM c", "DISTINCT"),
        ("SELECT c.kind, COUNT(1) FROM c GROUP BY c.kind", "GROUP BY"),
        ("SELECT VALUE t FROM c JOIN t IN c.tags", "JOIN"),
        ("SELECT * FROM c WHERE c.n + 1 = 2", "operator +"),
        ("SELECT * FROM c WHERE c.id LIKE 'a%'", "operator LIKE"),
        ("SELECT * FROM c WHERE EXISTS(SELECT VALUE 1)", "EXISTS"),
        ("SELECT * FROM c WHERE ST_DISTANCE(c.a, c.b) < 1", "ST_DISTANCE"),
        ("SELECT * FROM c ORDER BY LOWER(c.id)", "ORDER BY of anything but a property"),
    ],
)
async def test_what_only_azure_can_query_is_named(items, query, named):
    with pytest.raises(CosmosHttpResponseError) as refused:
        await anext(items.query_items(query, partition_key="a"))
    assert refused.value.status_code == 501
    assert named in refused.value.message


async def test_operations_of_azure_alone_are_named(items):
    for attempt, named in (
        (items.delete_all_items_by_partition_key("a"), "operations"),
        (items.scripts.create_stored_procedure({"id": "s", "body": "function () {}"}), "sprocs"),
        (anext(items.query_items_change_feed()), "change feed"),
    ):
        with pytest.raises(CosmosHttpResponseError) as refused:
            await attempt
        assert refused.value.status_code == 501
        assert named in refused.value.message


# ---- the process -----------------------------------------------------------------------------------------------


async def test_everything_is_there_after_a_restart(tmp_path):
    running = start_cosmos(tmp_path)
    async with connect(running) as client:
        container = await (await client.create_database("kept")).create_container("items", PartitionKey("/pk"))
        written = await container.create_item({"id": "1", "pk": "a"})
    running.stop()
    again = start_cosmos(tmp_path)
    try:
        async with connect(again) as client:
            container = client.get_database_client("kept").get_container_client("items")
            assert dict(await container.read_item("1", "a")) == dict(written)
    finally:
        again.stop()


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_asked(tmp_path, wish):
    running = start_cosmos(tmp_path)
    running.child.popen.send_signal(wish)
    assert running.child.popen.wait(10) == 0
    assert running.child.tail() == f"cosmos ready {running.endpoint}"


def test_it_serves_loopback_only(tmp_path):
    command = [sys.executable, "-m", "localcloud.cosmos", "--port", str(free_port()), "--data", str(tmp_path)]
    ended = subprocess.run([*command, "--address", "0.0.0.0"], check=False, capture_output=True, text=True, timeout=30)  # noqa: S104 - refused
    assert ended.returncode == 2
    assert "only loopback addresses" in ended.stderr


def test_one_file_is_served_by_one_process(emulator, tmp_path):
    running = start_cosmos(tmp_path)
    try:
        with pytest.raises(Exception, match="in use by another process"):
            start_cosmos(tmp_path)
    finally:
        running.stop()
