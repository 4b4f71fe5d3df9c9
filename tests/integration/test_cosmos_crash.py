"""The emulator killed in the middle of its work: what it acknowledged is there, what it half did is not."""

import asyncio
from contextlib import suppress
from pathlib import Path

from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient

from localcloud.cosmos.process import Cosmos, start_cosmos

BATCH = 20


def connect(running: Cosmos) -> CosmosClient:
    """A client that takes the first failure for the answer."""
    return CosmosClient(running.endpoint, running.key, enable_endpoint_discovery=False, retry_total=0)


async def container_of(client: CosmosClient) -> ContainerProxy:
    database = await client.create_database_if_not_exists("crash")
    return await database.create_container_if_not_exists("items", PartitionKey("/pk"))


async def stored(home: Path) -> set[str]:
    """The ids an emulator started on what is left has."""
    running = start_cosmos(home)
    try:
        async with connect(running) as client:
            return {item["id"] async for item in (await container_of(client)).read_all_items()}
    finally:
        running.stop()


async def test_no_acknowledged_write_is_lost_by_a_kill(tmp_path):
    running = start_cosmos(tmp_path)
    acknowledged: set[str] = set()
    enough = asyncio.Event()

    async def write_until_it_dies(container: ContainerProxy, writer: int) -> None:
        with suppress(AzureError):  # the end of the stream: the process is gone
            for n in range(100_000):
                item_id = f"{writer}-{n}"
                await container.create_item({"id": item_id, "pk": str(writer), "text": "x" * 2000})
                acknowledged.add(item_id)
                if len(acknowledged) >= 300:
                    enough.set()

    async with connect(running) as client, asyncio.TaskGroup() as writers:
        container = await container_of(client)
        for writer in range(4):
            writers.create_task(write_until_it_dies(container, writer))
        await enough.wait()
        running.child.kill()
    assert len(acknowledged) >= 300
    assert acknowledged <= await stored(tmp_path)


async def test_a_killed_stream_of_batches_leaves_whole_batches_only(tmp_path):
    running = start_cosmos(tmp_path)
    acknowledged: list[int] = []
    enough = asyncio.Event()

    async def write_until_it_dies(container: ContainerProxy) -> None:
        with suppress(AzureError):
            for n in range(100_000):
                operations = [("create", ({"id": f"{n}-{i}", "pk": "a", "text": "x" * 2000},)) for i in range(BATCH)]
                await container.execute_item_batch(operations, partition_key="a")
                acknowledged.append(n)
                if len(acknowledged) >= 30:
                    enough.set()

    async with connect(running) as client, asyncio.TaskGroup() as writers:
        container = await container_of(client)
        writers.create_task(write_until_it_dies(container))
        await enough.wait()
        running.child.kill()
    kept = await stored(tmp_path)
    batches = {int(item_id.split("-")[0]) for item_id in kept}
    assert set(acknowledged) <= batches
    assert kept == {f"{n}-{i}" for n in batches for i in range(BATCH)}
