"""Hosts and their storage for the tests of the local Functions host."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from localcloud.azurite import Azurite
from tests.integration.host.hosting import Hosts, Witness


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    """Somebody for the functions to talk to."""
    async with Witness.listening() as witness:
        yield witness


@pytest.fixture
async def hosts(azurite: Azurite, witness: Witness, tmp_path: Path) -> AsyncIterator[Hosts]:
    """A place of its own to start hosts in; they are stopped after the test."""
    hosts = Hosts(azurite, witness, tmp_path)
    yield hosts
    hosts.stop()


@pytest.fixture
async def queues(azurite: Azurite) -> AsyncIterator[QueueServiceClient]:
    """The account's queues."""
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service


@pytest.fixture
async def jobs(queues: QueueServiceClient, hosts: Hosts) -> QueueClient:
    """The queue of `on_job`."""
    return await queues.create_queue(hosts.names["JOBS_QUEUE"])


@pytest.fixture
async def blobs(azurite: Azurite) -> AsyncIterator[BlobServiceClient]:
    """The account's blobs."""
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        yield service


@pytest.fixture
async def sealed(blobs: BlobServiceClient, hosts: Hosts) -> ContainerClient:
    """The container `on_sealed` watches."""
    return await blobs.create_container(hosts.names["SEALED"])
