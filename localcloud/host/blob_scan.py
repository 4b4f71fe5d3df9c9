"""Scans of watched containers: each version of each blob becomes one event.

A receipt per function and ETag tells what has been queued. It is created incomplete, the event is queued, and only
then is it completed: cut short anywhere, the next scan finds it incomplete and queues the event again. How far a scan
came is written only after all it found is queued, so nothing between two scans is passed over.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobProperties

from localcloud.host.blobs import BlobTrigger, BlobTriggers
from localcloud.host.settings import HostSettings
from localcloud.host.storage import INCOMPLETE, Accounts, read_json

log = logging.getLogger("localcloud.host")

_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Container:
    """One container and how far its scans have come; `since` is None until that has been read.

    `queued` spares the receipts of blobs written in the very second of `since`, which every scan meets again.
    """

    connection: str
    name: str
    triggers: Sequence[BlobTrigger]
    since: datetime | None = None
    queued: frozenset[tuple[str, str]] = frozenset()

    @property
    def prefix(self) -> str:
        """What all watched names start with."""
        prefixes = [each.path.prefix for each in self.triggers]
        return prefixes[0] if len(set(prefixes)) == 1 else ""


class BlobScan:
    """Scans the containers of all triggers that are not fed by Event Grid."""

    def __init__(self, settings: HostSettings, accounts: Accounts, triggers: BlobTriggers) -> None:
        self._accounts = accounts
        self._triggers = triggers
        self._host_id = settings.host_id
        self._pause = settings.blob_poll_seconds
        self._containers = _by_container(triggers.scanned)

    async def run(self) -> None:
        """Scan until cancelled."""
        while True:
            for container in self._containers:
                try:
                    await self._scan(container)
                except AzureError as error:
                    log.warning("container %s cannot be scanned: %s", container.name, type(error).__name__)
            await asyncio.sleep(self._pause)

    async def _scan(self, container: _Container) -> None:
        if container.since is None:
            container.since = _latest(await read_json(self._scan_info(container)))
        client = self._accounts.blobs(container.connection).get_container_client(container.name)
        latest, met = container.since, set()
        try:
            async for blob in client.list_blobs(name_starts_with=container.prefix or None):
                if blob.last_modified < container.since:
                    continue
                if (blob.name, blob.etag) not in container.queued:
                    await self._notify(container, blob)
                met.add((blob.name, blob.etag))
                latest = max(latest, blob.last_modified)
        except ResourceNotFoundError:
            return  # the container is made with its first blob
        container.queued = frozenset(met)
        if latest > container.since:
            content = json.dumps({"LatestScan": latest.isoformat()}).encode()
            await self._accounts.put(self._triggers.connection, self._scan_info_name(container), content=content)
            container.since = latest

    async def _notify(self, container: _Container, blob: BlobProperties) -> None:
        for trigger in container.triggers:
            if trigger.path.match(blob.name) is not None:
                await self._enqueue_once(trigger, blob)

    async def _enqueue_once(self, trigger: BlobTrigger, blob: BlobProperties) -> None:
        etag = f'"{blob.etag.strip(chr(34))}"'  # a listing leaves out the quotes
        container = trigger.path.container
        name = f"blobreceipts/{self._host_id}/{trigger.function.id}/{etag}/{container}/{blob.name}"
        receipt = self._accounts.host_blob(trigger.connection, name)
        try:
            await self._accounts.put(trigger.connection, name, receipt=True)
        except ResourceExistsError:
            if INCOMPLETE not in ((await receipt.get_blob_properties()).metadata or {}):
                return
        await self._triggers.enqueue(
            trigger.function.id, container, blob.name, etag=etag, blob_type=str(getattr(blob.blob_type, "value", ""))
        )
        await receipt.set_blob_metadata({})

    def _scan_info_name(self, container: _Container) -> str:
        account = self._accounts.blobs(container.connection).account_name
        return f"blobscaninfo/{self._host_id}/{account}/{container.name}/scanInfo"

    def _scan_info(self, container: _Container) -> Any:
        return self._accounts.host_blob(self._triggers.connection, self._scan_info_name(container))


def _by_container(triggers: Iterable[BlobTrigger]) -> list[_Container]:
    found: dict[tuple[str, str], list[BlobTrigger]] = {}
    for trigger in triggers:
        found.setdefault((trigger.connection, trigger.path.container), []).append(trigger)
    return [_Container(connection, name, each) for (connection, name), each in found.items()]


def _latest(info: Mapping[str, Any] | None) -> datetime:
    return datetime.fromisoformat(info["LatestScan"]) if info else _BEGINNING
