"""What every Queues keeps: Azurite through the real SDK, and the in-memory twin."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from azure.storage.queue.aio import QueueClient

from shared.adapters.azure_queues import AzureQueues
from shared.adapters.memory_queues import MemoryQueues
from shared.domain.errors import StoreUnavailable
from shared.ports import Queues

MESSAGE = {"session_id": "session-1", "manifest": "0" * 32}
AWAY = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=c2VjcmV0;"
    "QueueEndpoint=http://127.0.0.1:9/devstoreaccount1;"
)


@dataclass(frozen=True)
class Line:
    """A queue under test and the far end of it."""

    queues: Queues
    receive: Callable[[str], Awaitable[dict[str, str] | None]]
    """The next visible message of a queue, as whoever hosts the app reads it."""


@pytest.fixture(params=["memory", "azurite"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    if request.param == "memory":
        memory = MemoryQueues()

        async def take(queue: str) -> dict[str, str] | None:
            return memory.take(queue)

        yield Line(memory, take)
        return
    account = request.getfixturevalue("azurite").connection_string
    azure = AzureQueues(account)

    async def receive(queue: str) -> dict[str, str] | None:
        async with QueueClient.from_connection_string(account, queue) as client:
            message = await client.receive_message()
            if message is None:
                return None
            await client.delete_message(message)
            body: dict[str, str] = json.loads(base64.b64decode(message.content, validate=True))
            return body

    yield Line(azure, receive)
    await azure.close()


@pytest.fixture
def queue() -> str:
    return f"q{uuid.uuid4().hex}"


async def test_what_was_sent_arrives_once(line, queue):
    await line.queues.send(queue, MESSAGE)
    assert await line.receive(queue) == MESSAGE
    assert await line.receive(queue) is None


async def test_every_message_arrives(line, queue):
    for n in range(5):
        await line.queues.send(queue, {"n": str(n)})
    received = [await line.receive(queue) for _ in range(5)]
    assert sorted(message["n"] for message in received) == [str(n) for n in range(5)]


async def test_queues_do_not_mix(line, queue):
    await line.queues.send(queue, MESSAGE)
    await line.queues.send(f"{queue}x", {"n": "1"})
    assert await line.receive(f"{queue}x") == {"n": "1"}
    assert await line.receive(queue) == MESSAGE


async def test_the_first_sends_at_once_all_make_the_queue_and_all_arrive(line, queue):
    await asyncio.gather(*(line.queues.send(queue, {"n": str(n)}) for n in range(8)))
    received = [await line.receive(queue) for _ in range(8)]
    assert sorted(message["n"] for message in received) == [str(n) for n in range(8)]


async def test_ids_of_any_form_arrive_as_they_are(line, queue):
    message = {"session_id": "A.b_c-1" * 18, "manifest": "ü€🙂<&>\"'"}
    await line.queues.send(queue, message)
    assert await line.receive(queue) == message


async def test_the_message_belongs_to_the_queue_once_it_is_sent(line, queue):
    message = dict(MESSAGE)
    await line.queues.send(queue, message)
    message["session_id"] = "another"
    assert await line.receive(queue) == MESSAGE


async def test_a_delayed_message_comes_behind_one_sent_later(line, queue):
    await line.queues.send(queue, {"n": "later"}, delay_s=1)
    await line.queues.send(queue, {"n": "now"})
    assert await line.receive(queue) == {"n": "now"}
    message = None
    async with asyncio.timeout(20):
        while message is None:
            message = await line.receive(queue)
    assert message == {"n": "later"}


async def test_storage_that_is_away_is_said_to_be_unavailable():
    away = AzureQueues(AWAY)
    with pytest.raises(StoreUnavailable):
        await away.send("q", MESSAGE)
    await away.close()
