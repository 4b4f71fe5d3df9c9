"""Blob triggers: an event becomes a message in the host's own queue, and that message runs the function."""

import base64
import itertools
import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient
from azure.storage.queue import QueueMessage

from localcloud.host.functions import Function, FunctionLoadError
from localcloud.host.invoke import Invoker
from localcloud.host.queues import MAX_BATCH, QueueListener, QueueOptions
from localcloud.host.settings import HostSettings
from localcloud.host.storage import Accounts

log = logging.getLogger("localcloud.host")

POISON_QUEUE = "webjobs-blobtrigger-poison"


@dataclass(frozen=True)
class BlobPath:
    """A trigger's path, `container/{name}.json`: which blobs it means, and what they share at the start."""

    container: str
    prefix: str
    match: Callable[[str], Mapping[str, str] | None]

    @classmethod
    def parse(cls, path: str) -> "BlobPath":
        """Read a path; `{{` and `}}` stand for braces in it. Raises ValueError."""
        container, slash, blob = path.partition("/")
        if not container or "{" in container or (slash and not blob):
            raise ValueError(f"blob path {path!r} is not container/blob")
        parts = [_Part.read(each) for each in re.findall(r"\{\{|\}\}|\{[^{}]+\}|[^{}]+", blob)]
        expression = ""
        for part in parts:
            group = f"(?P={part.text})" if f"(?P<{part.text}>" in expression else f"(?P<{part.text}>.*)"
            expression += group if part.is_name else re.escape(part.text)
        compiled = re.compile(expression or ".*", re.DOTALL)
        prefix = "".join(part.text for part in itertools.takewhile(lambda each: not each.is_name, parts))
        return cls(container, prefix, lambda name: found.groupdict() if (found := compiled.fullmatch(name)) else None)


@dataclass(frozen=True)
class _Part:
    text: str
    is_name: bool

    @classmethod
    def read(cls, token: str) -> "_Part":
        if token.startswith("{") and token.endswith("}"):
            return cls(token[1:-1], is_name=True)
        return cls(token[0] if token in {"{{", "}}"} else token, is_name=False)


@dataclass(frozen=True)
class BlobTrigger:
    """One function with a blob trigger."""

    function: Function
    connection: str
    path: BlobPath
    event_grid: bool


class BlobTriggers:
    """The blob triggers of an app and the queue their events wait in."""

    def __init__(self, settings: HostSettings, accounts: Accounts, invoker: Invoker) -> None:
        self._accounts = accounts
        self._invoker = invoker
        self._settings = settings
        self.connection = settings.connection()
        self.queue = f"azure-webjobs-blobtrigger-{settings.host_id}"
        self._triggers: dict[str, BlobTrigger] = {}

    def add(self, function: Function) -> None:
        """Take a function with a blob trigger. Raises FunctionLoadError, SettingsError."""
        binding = function.trigger
        try:
            path = BlobPath.parse(self._settings.resolve(binding["path"]))
        except ValueError as error:
            raise FunctionLoadError(function.name, str(error)) from error
        self._triggers[function.id] = BlobTrigger(
            function,
            self._settings.connection(binding.get("connection")),
            path,
            event_grid=str(binding.get("source") or "").lower() == "eventgrid",
        )

    @property
    def scanned(self) -> list[BlobTrigger]:
        """The triggers whose containers must be scanned: all but those fed by Event Grid."""
        return [each for each in self._triggers.values() if not each.event_grid]

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._triggers)

    def knows(self, function_id: str) -> bool:
        """Whether a function of this id has a blob trigger."""
        return function_id in self._triggers

    def listener(self, options: QueueOptions) -> QueueListener:
        """Return the listener of the queue; its batches come from `extensions.blobs`, as on the real host."""
        parallel = int(self._settings.extension("blobs", "maxDegreeOfParallelism", 8 * (os.cpu_count() or 1)))
        batch = min(MAX_BATCH, parallel // 2 + 1)
        own = replace(
            options,
            batch_size=batch,
            new_batch_threshold=max(parallel - batch, 0),
            max_dequeue_count=int(self._settings.extension("blobs", "poisonBlobThreshold", 5)),
            visibility_timeout=0.0,
            base64=True,
        )
        return QueueListener(
            self._accounts, self.connection, self.queue, options=own, handle=self._handle, poison=POISON_QUEUE
        )

    async def enqueue(self, function_id: str, container: str, blob: str, *, etag: str, blob_type: str) -> None:
        """Queue the event that `blob` was written. Raises AzureError."""
        event = {
            "Type": "BlobTrigger",
            "FunctionId": function_id,
            "BlobType": blob_type,
            "ContainerName": container,
            "BlobName": blob,
            "ETag": etag,
        }
        content = base64.b64encode(json.dumps(event).encode()).decode()
        await self._accounts.send(self.connection, self.queue, content)

    async def _handle(self, message: QueueMessage, body: bytes) -> bool:
        event = json.loads(body)
        trigger = self._triggers.get(event["FunctionId"])
        if trigger is None:
            log.warning("event %s dropped: no function %s", message.id, event["FunctionId"])
            return True
        container, name = event["ContainerName"], event["BlobName"]
        blob = self._accounts.blobs(trigger.connection).get_blob_client(container, name)
        try:
            properties = await blob.get_blob_properties()
            if not trigger.event_grid and properties.etag != event["ETag"]:
                return True  # overwritten since: the scan sends another event for what is there now
            content = await (await blob.download_blob()).readall()
        except ResourceNotFoundError:
            return True  # deleted since
        except AzureError as error:
            log.warning("event %s: blob cannot be read: %s", message.id, type(error).__name__)
            return False
        reason = f"blob {container}/{name}, try {message.dequeue_count}"
        facts = _facts(trigger, blob, properties)
        return await self._invoker.run(trigger.function, Datum(content, "bytes"), facts, reason)


def _facts(trigger: BlobTrigger, blob: BlobClient, properties: BlobProperties) -> dict[str, Any]:
    own_metadata = dict(properties.metadata or {})
    return {
        **(trigger.path.match(blob.blob_name) or {}),
        "BlobTrigger": f"{blob.container_name}/{blob.blob_name}",
        "Uri": blob.url,
        "Metadata": own_metadata,
        "Properties": {
            "ContentLength": properties.size,
            "ContentType": properties.content_settings.content_type,
            "CreatedOn": properties.creation_time,
            "ETag": properties.etag,
            "LastModified": properties.last_modified,
            "Metadata": own_metadata,
        },
    }
