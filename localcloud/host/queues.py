"""Queue triggers: how the real host takes, renews, deletes, releases and gives up messages."""

import asyncio
import base64
import binascii
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue import QueueMessage

from localcloud.host.functions import Function
from localcloud.host.invoke import Invoker
from localcloud.host.settings import HostSettings, SettingsError, timespan_seconds
from localcloud.host.storage import Accounts

log = logging.getLogger("localcloud.host")

Handler = Callable[[QueueMessage, bytes], Awaitable[bool]]
Pause = Callable[[float], Awaitable[None]]
"""Lets seconds pass."""

MAX_BATCH = 32  # what one request to a queue may return
_SHORTEST_POLL_SECONDS = 0.1
_DRAIN_SECONDS = 3.0
_LONGEST_QUEUE_NAME = 63


@dataclass(frozen=True)
class QueueOptions:
    """`extensions.queues` of host.json; times in seconds."""

    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    visibility_timeout: float
    max_polling_interval: float
    base64: bool
    lease: int

    @classmethod
    def read(cls, settings: HostSettings) -> "QueueOptions":
        """Read host.json with the real host's defaults. Raises SettingsError."""
        batch = int(settings.extension("queues", "batchSize", 16))
        if not 1 <= batch <= MAX_BATCH:
            raise SettingsError("extensions.queues.batchSize must be from 1 to 32")
        polling = settings.extension("queues", "maxPollingInterval")
        default_polling = 2.0 if settings.development else 60.0
        return cls(
            batch_size=batch,
            new_batch_threshold=int(
                settings.extension("queues", "newBatchThreshold", batch // 2 * (os.cpu_count() or 1))
            ),
            max_dequeue_count=int(settings.extension("queues", "maxDequeueCount", 5)),
            visibility_timeout=timespan_seconds(settings.extension("queues", "visibilityTimeout", "00:00:00")),
            max_polling_interval=default_polling if polling is None else timespan_seconds(polling),
            base64=str(settings.extension("queues", "messageEncoding", "base64")).lower() == "base64",
            lease=settings.message_lease_seconds,
        )


class QueueListener:
    """Takes messages from one queue and runs the handler on each; a message goes when its handler has succeeded."""

    def __init__(
        self,
        accounts: Accounts,
        connection: str,
        queue: str,
        *,
        options: QueueOptions,
        handle: Handler,
        poison: str | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """`pause` is how half a lease passes."""
        self._accounts = accounts
        self._pause = pause
        self._connection = connection
        self._name = queue
        self._queue = accounts.queues(connection).get_queue_client(queue)
        self._options = options
        self._handle = handle
        self._poison = poison or _poison_name(queue)
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen until cancelled; then let what runs finish for some seconds, and release the rest."""
        pause = _SHORTEST_POLL_SECONDS
        wake = self._accounts.wake(self._name)
        try:
            while True:
                wake.clear()
                messages = await self._take()
                if not messages:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(wake.wait(), pause)
                    pause = min(pause * random.uniform(1.6, 2.4), self._options.max_polling_interval)  # noqa: S311
                    continue
                pause = _SHORTEST_POLL_SECONDS
                self._running.update(asyncio.create_task(self._process(each)) for each in messages)
                await self._until_room()
        finally:
            await self._drain()

    async def _take(self) -> list[QueueMessage]:
        try:
            pages = self._queue.receive_messages(
                messages_per_page=self._options.batch_size,
                max_messages=self._options.batch_size,
                visibility_timeout=self._options.lease,
            )
            return [message async for message in pages]
        except ResourceNotFoundError:
            return []  # nobody has sent anything yet
        except AzureError as error:
            log.warning("queue %s cannot be read: %s", self._name, type(error).__name__)
            return []

    async def _until_room(self) -> None:
        while len(self._running) > self._options.new_batch_threshold:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            self._forget_finished()
        self._forget_finished()

    def _forget_finished(self) -> None:
        for task in [each for each in self._running if each.done()]:
            self._running.discard(task)
            task.result()  # _process deals with every failure of storage and app: what comes here is a bug

    async def _drain(self) -> None:
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _process(self, message: QueueMessage) -> None:
        try:
            try:
                body = _decode(message.content, is_base64=self._options.base64)
            except binascii.Error:
                log.error("queue %s: message %s is not Base64", self._name, message.id)  # noqa: TRY400 - no trace needed
                await self._give_up(message)
                return
            if (message.dequeue_count or 0) > self._options.max_dequeue_count:
                await self._give_up(message)  # it took the host down each time, or it would have been moved before
                return
            async with self._renewed(message):
                succeeded = await self._handle(message, body)
            await self._settle(message, succeeded)
        except asyncio.CancelledError:
            await self._release(message, 0)
            raise
        except AzureError as error:
            log.warning("queue %s: message %s comes again: %s", self._name, message.id, type(error).__name__)

    async def _settle(self, message: QueueMessage, succeeded: bool) -> None:
        if succeeded:
            await self._queue.delete_message(message)
        elif self._poison is None:
            return  # as on the real host, it stays hidden: released, it would come back in a tight circle
        elif (message.dequeue_count or 0) >= self._options.max_dequeue_count:
            await self._give_up(message)
        else:
            await self._release(message, self._options.visibility_timeout)

    async def _give_up(self, message: QueueMessage) -> None:
        if self._poison is not None:
            await self._accounts.send(self._connection, self._poison, message.content)
            log.error("queue %s: message %s moved to %s", self._name, message.id, self._poison)
        await self._queue.delete_message(message)

    async def _release(self, message: QueueMessage, visibility_timeout: float) -> None:
        await self._queue.update_message(message, visibility_timeout=int(visibility_timeout))
        if not visibility_timeout:
            self._accounts.wake(self._name).set()

    @asynccontextmanager
    async def _renewed(self, message: QueueMessage) -> AsyncIterator[None]:
        finished = asyncio.Event()
        renewing = asyncio.create_task(self._renew(message, finished))
        try:
            yield
        finally:  # never cancelled: a renewal cut short would leave us without the pop receipt that deletes
            finished.set()
            await renewing

    async def _renew(self, message: QueueMessage, finished: asyncio.Event) -> None:
        while await self._half_a_lease_passes_before(finished):
            try:
                renewed = await self._queue.update_message(message, visibility_timeout=self._options.lease)
                message.pop_receipt = renewed.pop_receipt
            except ResourceNotFoundError:
                return  # deleted by another
            except AzureError as error:
                log.warning("queue %s: message %s not renewed: %s", self._name, message.id, type(error).__name__)

    async def _half_a_lease_passes_before(self, finished: asyncio.Event) -> bool:
        waits = [
            asyncio.ensure_future(self._pause(self._options.lease / 2)),
            asyncio.ensure_future(finished.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not finished.is_set()


def queue_listener(
    function: Function, settings: HostSettings, accounts: Accounts, invoker: Invoker, options: QueueOptions
) -> QueueListener:
    """Return the listener of a function with a queue trigger. Raises SettingsError."""
    queue = settings.resolve(function.trigger["queueName"]).lower()
    connection = settings.connection(function.trigger.get("connection"))

    async def handle(message: QueueMessage, body: bytes) -> bool:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            log.error("%s failed: message %s of queue %s is not UTF-8", function.name, message.id, queue)  # noqa: TRY400
            return False
        facts = {
            "QueueTrigger": text,
            "DequeueCount": message.dequeue_count,
            "ExpirationTime": message.expires_on and message.expires_on.isoformat(),
            "Id": message.id,
            "InsertionTime": message.inserted_on and message.inserted_on.isoformat(),
            "NextVisibleTime": message.next_visible_on and message.next_visible_on.isoformat(),
            "PopReceipt": message.pop_receipt,
        }
        reason = f"message {message.id} of queue {queue}, try {message.dequeue_count}"
        return await invoker.run(function, Datum(text, "string"), facts, reason)

    return QueueListener(accounts, connection, queue, options=options, handle=handle)


def _decode(content: str, *, is_base64: bool) -> bytes:
    return base64.b64decode(content, validate=True) if is_base64 else content.encode()


def _poison_name(queue: str) -> str | None:
    name = f"{queue}-poison"
    return None if queue.endswith("-poison") or len(name) > _LONGEST_QUEUE_NAME else name
