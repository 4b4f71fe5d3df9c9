"""Queue Storage (or Azurite) as Queues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shared.adapters.http_transport import HttpTransport
from shared.adapters.storage_errors import in_our_words
from shared.adapters.storage_options import OPTIONS, TIMEOUTS

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


class AzureQueues:
    """One client for the process, opened by its first use. Messages are Base64, as the Functions host expects."""

    def __init__(self, account: str, credential: AsyncTokenCredential | None = None) -> None:
        """`account` is a connection string, or the queue endpoint's URL when a credential is given."""
        self._account = account
        self._credential = credential
        self._client: QueueServiceClient | None = None

    async def send(self, queue: str, message: Mapping[str, str], *, delay_s: int = 0) -> None:
        """See Queues.send."""
        text = json.dumps(dict(message))
        with in_our_words(f"send to queue {queue}"):
            client = self._queue(queue)
            try:
                await client.send_message(text, visibility_timeout=delay_s)
            except ResourceNotFoundError:
                await self._make(client)
                await client.send_message(text, visibility_timeout=delay_s)

    async def reachable(self) -> None:
        """Ask the service for anything at all. Raises: StoreUnavailable."""
        with in_our_words("reach the queues"):
            await self._service().get_service_properties()

    async def close(self) -> None:
        """Close the client; the next use opens another."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _make(self, client: QueueClient) -> None:
        try:
            await client.create_queue()
        except ResourceExistsError:
            return  # another first use

    def _queue(self, name: str) -> QueueClient:
        return self._service().get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())

    def _service(self) -> QueueServiceClient:
        if self._client is None:
            options = {**OPTIONS, "transport": HttpTransport(**TIMEOUTS)}
            self._client = (
                QueueServiceClient.from_connection_string(self._account, **options)
                if self._credential is None
                else QueueServiceClient(self._account, self._credential, **options)
            )
        return self._client
