"""The connection to Cosmos DB: one client for the process, opened by its first use, and the containers behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError

from shared.adapters.cosmos_errors import in_our_words
from shared.adapters.http_transport import HttpTransport
from shared.domain.errors import StoreUnavailable
from shared.domain.names import DIRECTORY, PARTITION_KEYS, RECORDS

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_CIPHERTEXT = ("transcript", "transcript_summary", "note", "answer", "pages", "brief", "url", "plan", "secret")
_NOT_INDEXED = (*_CIPHERTEXT, "wrapped", '"_etag"')
INDEXING_POLICY: dict[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    # Ciphertext is never searched, and indexing it would cost more than storing it.
    "excludedPaths": [{"path": f"/{name}/?"} for name in _NOT_INDEXED],
    "compositeIndexes": [[{"path": "/kind", "order": "ascending"}, {"path": "/created", "order": "descending"}]],
}
"""Of every container; infra's Bicep says the same."""
TTL_BY_ITEM = -1
"""In `directory` and `records`, items that have a `ttl` are cleared away; all others stay."""


class CosmosConnection:
    """Containers by name, each verified (or created, where allowed) by its first use."""

    def __init__(
        self,
        endpoint: str,
        credential: str | AsyncTokenCredential,
        *,
        database: str,
        may_create: bool,
        deadline_s: float,
    ) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._database = database
        self._may_create = may_create
        self._deadline_s = deadline_s
        self._opening = asyncio.Lock()
        self._client: CosmosClient | None = None
        self._containers: dict[str, ContainerProxy] = {}

    async def container(self, name: str) -> ContainerProxy:
        """The container. Raises: StoreUnavailable, also when it should have been provisioned and was not."""
        if name not in self._containers:
            # Waiting for the lock counts: behind a dead account, callers must not queue for a deadline each.
            async with in_our_words(f"open container {name}", deadline_s=self._deadline_s), self._opening:
                if name not in self._containers:
                    self._containers[name] = await self._open(name)
        return self._containers[name]

    async def close(self) -> None:
        """Close the client; the next use opens another."""
        client, self._client = self._client, None
        self._containers.clear()
        if client is not None:
            await client.close()

    async def _open(self, name: str) -> ContainerProxy:
        client = await self._connected()
        try:
            if self._may_create:
                await _create(client, self._database, name)
            container = client.get_database_client(self._database).get_container_client(name)
            await container.read()
        except CosmosResourceNotFoundError:
            raise StoreUnavailable(f"container {name} does not exist") from None
        return container

    async def _connected(self) -> CosmosClient:
        if self._client is None:
            client = self._new_client()
            try:
                await client.__aenter__()  # reads the account: its consistency level decides how sessions are kept
            except BaseException:
                await client.close()
                raise
            self._client = client
        return self._client

    def _new_client(self) -> CosmosClient:
        """Few retries and short waits: better a 503 in seconds and the caller's own retry than minutes of silence."""
        return CosmosClient(
            self._endpoint,
            self._credential,
            # Over http it is an emulator, whose account may name addresses that mean nothing here.
            enable_endpoint_discovery=not self._endpoint.startswith("http://"),
            transport=HttpTransport(),
            connection_timeout=2,
            read_timeout=self._deadline_s,
            # A write whose answer was lost must not be sent again unseen: a second create meets the first, a second
            # incr counts twice. To the SDK a line cut while waiting is a failed connect, so that is not retried either.
            retry_connect=0,
            retry_read=0,
            retry_status=0,
            retry_throttle_total=2,
            retry_throttle_backoff_max=2,
        )


async def _create(client: CosmosClient, database: str, name: str) -> None:
    """Make sure database and container exist; another process may do the same at the same time."""
    try:
        made: DatabaseProxy = await client.create_database_if_not_exists(database)
    except CosmosResourceExistsError:
        made = client.get_database_client(database)
    try:
        await made.create_container_if_not_exists(
            name,
            PartitionKey(path=f"/{PARTITION_KEYS[name]}"),
            indexing_policy=INDEXING_POLICY,
            default_ttl=TTL_BY_ITEM if name in {DIRECTORY, RECORDS} else None,
        )
    except CosmosResourceExistsError:
        return  # made between the look and the try, which is all we wanted
