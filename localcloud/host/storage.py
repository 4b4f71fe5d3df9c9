"""The storage accounts a host talks to: one client per connection and service."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Mapping
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

# The container of everything a host remembers, as the real host names it.
HOSTS = "azure-webjobs-hosts"
# Metadata of a receipt whose event has not been queued yet.
INCOMPLETE = "Incomplete"

# Listeners try again themselves: two short retries, not the SDK's three of 15 s and more.
_RETRIES: dict[str, Any] = {"retry_total": 2, "initial_backoff": 1, "increment_base": 1, "random_jitter_range": 1}


class Accounts:
    """Storage clients by connection string."""

    def __init__(self) -> None:
        self._blobs: dict[str, BlobServiceClient] = {}
        self._queues: dict[str, QueueServiceClient] = {}
        self._wakes: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def blobs(self, connection: str) -> BlobServiceClient:
        """Return the blob service of an account."""
        if connection not in self._blobs:
            self._blobs[connection] = BlobServiceClient.from_connection_string(connection, **_RETRIES)
        return self._blobs[connection]

    def queues(self, connection: str) -> QueueServiceClient:
        """Return the queue service of an account; its clients leave messages as they are."""
        if connection not in self._queues:
            self._queues[connection] = QueueServiceClient.from_connection_string(connection, **_RETRIES)
        return self._queues[connection]

    def wake(self, queue: str) -> asyncio.Event:
        """Return what is set when this host itself sent to `queue`, so its listener need not wait for the next poll."""
        return self._wakes[queue]

    async def send(self, connection: str, queue: str, content: str) -> None:
        """Send a message as it stands, creating the queue when there is none."""
        client = self.queues(connection).get_queue_client(queue)
        try:
            await client.send_message(content)
        except ResourceNotFoundError:
            await _create(client.create_queue())
            await client.send_message(content)
        self._wakes[queue].set()

    def host_blob(self, connection: str, name: str) -> BlobClient:
        """Return a blob of the host's own."""
        return self.blobs(connection).get_blob_client(HOSTS, name)

    async def put(self, connection: str, name: str, *, content: bytes = b"", receipt: bool = False) -> None:
        """Write a blob of the host's own, creating its container when there is none.

        A receipt is created as incomplete and never overwritten: ResourceExistsError is raised instead.
        """
        blob = self.host_blob(connection, name)
        metadata = {INCOMPLETE: INCOMPLETE} if receipt else None
        try:
            await blob.upload_blob(content, overwrite=not receipt, metadata=metadata)
        except ResourceNotFoundError:
            await _create(self.blobs(connection).create_container(HOSTS))
            await blob.upload_blob(content, overwrite=not receipt, metadata=metadata)

    async def close(self) -> None:
        """Close all connections."""
        for blobs in self._blobs.values():
            await blobs.close()
        for queues in self._queues.values():
            await queues.close()


async def read_json(blob: BlobClient) -> Mapping[str, Any] | None:
    """Return the JSON object in a blob, None when there is no blob."""
    try:
        content = await (await blob.download_blob()).readall()
    except ResourceNotFoundError:
        return None
    found: Mapping[str, Any] = json.loads(content)
    return found


async def _create(creating: Awaitable[object]) -> None:
    try:
        await creating
    except ResourceExistsError:
        return  # another was quicker
