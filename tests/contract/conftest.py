"""Item stores, and accounts of the Cosmos contract: the emulator always, a real one where its settings are given."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient

from shared.adapters.cosmos_items import CosmosItems
from shared.adapters.memory_items import MemoryItems
from shared.ports import ItemStore

INDEXING_POLICY: dict[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": "/secret/*"}, {"path": '/"_etag"/?'}],
    "compositeIndexes": [
        [{"path": "/kind", "order": "ascending"}, {"path": "/n", "order": "descending"}],
    ],
}


@dataclass(frozen=True)
class CosmosAccount:
    """Where the contract is asked, and the database the run has to itself."""

    endpoint: str
    key: str
    is_ours: bool = False
    """Whether it is this project's emulator, whose clock can be moved."""
    database: str = field(default_factory=lambda: f"contract-{uuid4().hex}")

    @property
    def options(self) -> dict[str, Any]:
        """What clients are made with: an endpoint of plain http must not be discovered anew as https."""
        return {"enable_endpoint_discovery": not self.endpoint.startswith("http:")}

    async def pass_time(self, seconds: float) -> None:
        """Let time pass for the account: at once where it is an emulator of ours, else as it does."""
        if not self.is_ours:
            await asyncio.sleep(seconds)
            return
        async with httpx.AsyncClient() as control:
            moved = await control.post(f"{self.endpoint}_emulator/clock", json={"seconds": seconds})
            moved.raise_for_status()

    def client(self, key: str | None = None) -> CosmosClient:
        """Return a client not connected yet."""
        return CosmosClient(self.endpoint, key or self.key, **self.options)


@pytest.fixture(
    scope="session", params=["emulator", "configured"] if "COSMOS__ENDPOINT" in os.environ else ["emulator"]
)
def cosmos_account(request: pytest.FixtureRequest) -> CosmosAccount:
    if request.param == "emulator":
        emulator = request.getfixturevalue("cosmos")
        return CosmosAccount(emulator.endpoint, emulator.key, is_ours=True)
    return CosmosAccount(os.environ["COSMOS__ENDPOINT"], os.environ["COSMOS__KEY"])


@pytest.fixture(scope="session")
async def cosmos_container(cosmos_account: CosmosAccount) -> AsyncIterator[ContainerProxy]:
    async with cosmos_account.client() as client:
        database = await client.create_database(cosmos_account.database)
        yield await database.create_container(
            "items", PartitionKey("/pk"), indexing_policy=INDEXING_POLICY, default_ttl=-1
        )
        await client.delete_database(cosmos_account.database)


@pytest.fixture
def pk() -> str:
    """A partition of its own for each test."""
    return f"session-{uuid4().hex}"


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
