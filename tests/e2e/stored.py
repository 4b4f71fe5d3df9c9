"""What stands in the stores of a stack: for tests that say nothing was stored, or look for what must not be there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from localcloud.stack import Stack
from shared.domain.names import AUDIT, PARTITION_KEYS

_OF_THE_HOST = "azure-webjobs-"


def storage_of(stack: Stack) -> str:
    """Connection string of a stack's storage emulator."""
    return stack.settings["STORAGE__CONNECTION_STRING"]


def items_of(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """(container, item) of everything in the database."""
    for name in PARTITION_KEYS:
        for item in _all(stack.container(name)):
            yield name, item


def _all(container: ContainerProxy) -> list[dict[str, Any]]:
    try:
        return [dict(item) for item in container.read_all_items()]
    except CosmosResourceNotFoundError:
        return []  # a container that nobody has written to yet


def blobs_of(stack: Stack) -> Iterator[tuple[str, str]]:
    """(container, name) of every blob that is not the host's own."""
    with BlobServiceClient.from_connection_string(storage_of(stack)) as account:
        for container in account.list_containers():
            if not container.name.startswith(_OF_THE_HOST):
                for name in account.get_container_client(container.name).list_blob_names():
                    yield container.name, name


def everything_in(stack: Stack) -> set[tuple[str, ...]]:
    """Names of all items and blobs: equal before and after a request that stored nothing but what tells of itself.

    That is its entry in the audit trail, and what is kept under its Idempotency-Key. The marks of open sessions are
    left out: the sweeper takes those away in its own time, and none comes without the session's item.
    """
    items = {
        ("item", container, item["id"], str(item[_key(container)]))
        for container, item in items_of(stack)
        if container != AUDIT and item.get("kind") != "open"
    }
    items = {item for item in items if not any(name.startswith("idempotency:") for name in item)}
    return items | {("blob", *blob) for blob in blobs_of(stack)}


def _key(container: str) -> str:
    return PARTITION_KEYS[container]
