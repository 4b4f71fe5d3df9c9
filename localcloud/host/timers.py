"""Timer triggers: due times remembered in storage, one host at a time."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob.aio import BlobLeaseClient

from localcloud.host.functions import Function
from localcloud.host.invoke import Invoker
from localcloud.host.schedule import parse_schedule
from localcloud.host.settings import HostSettings
from localcloud.host.storage import Accounts, read_json

log = logging.getLogger("localcloud.host")

_NEVER = "0001-01-01T00:00:00+00:00"
_LOCK_SECONDS = 60
_SHORTEST_LOCK_SECONDS = 15  # of a blob lease
_LOCK_RETRY_SECONDS = 5
_LONGEST_SLEEP_SECONDS = 60  # a laptop may have slept meanwhile: look at the clock again
_CONFLICT = 409


@dataclass(frozen=True)
class TimerStatus:
    """When a timer last ran, if ever, and when it is due; kept in the form the real host keeps it."""

    last: datetime | None
    next: datetime
    updated: datetime

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "TimerStatus":
        """Read the stored form."""
        last = None if stored["Last"] == _NEVER else datetime.fromisoformat(stored["Last"])
        return cls(last, datetime.fromisoformat(stored["Next"]), datetime.fromisoformat(stored["LastUpdated"]))

    def stored(self) -> dict[str, str]:
        """Return the stored form."""
        return {
            "Last": self.last.isoformat() if self.last else _NEVER,
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }


class TimerListener:
    """Runs one function when it is due, in UTC. A run that fails does not change when the next one comes."""

    def __init__(self, function: Function, settings: HostSettings, accounts: Accounts, invoker: Invoker) -> None:
        trigger = function.trigger
        self._function = function
        self._accounts = accounts
        self._invoker = invoker
        self._schedule = parse_schedule(settings.resolve(str(trigger["schedule"])))
        self._run_on_startup = bool(trigger.get("runOnStartup"))
        self._monitored = trigger.get("useMonitor") is not False and self._schedule.monitored
        self._connection = settings.connection()
        self._status_name = f"timers/{settings.host_id}/{function.id}/status"
        self._lock_name = f"locks/{settings.host_id}/{function.id}.Listener"
        self._break_lock = settings.message_lease_seconds < _SHORTEST_LOCK_SECONDS

    async def run(self) -> None:
        """Fire until cancelled, as long as the singleton lock is ours."""
        while True:
            lock = await self._acquire()
            try:
                async with asyncio.TaskGroup() as both:
                    firing = both.create_task(self._fire_when_due())
                    await self._hold(lock)
                    firing.cancel()
            finally:
                await self._let_go(lock)

    async def _acquire(self) -> BlobLeaseClient:
        lock = BlobLeaseClient(self._accounts.host_blob(self._connection, self._lock_name))
        while True:
            try:
                await lock.acquire(_LOCK_SECONDS)
            except ResourceNotFoundError:
                await self._create_lock()
            except HttpResponseError as error:
                if error.status_code == _CONFLICT and self._break_lock:
                    self._break_lock = False  # once: what holds it after that is alive
                    await lock.break_lease(0)
                    continue
                log.info("%s waits for its lock: %s", self._function.name, error.status_code)
                await asyncio.sleep(_LOCK_RETRY_SECONDS)
            except AzureError as error:
                log.warning("%s cannot take its lock: %s", self._function.name, type(error).__name__)
                await asyncio.sleep(_LOCK_RETRY_SECONDS)
            else:
                return lock

    async def _create_lock(self) -> None:
        try:
            await self._accounts.put(self._connection, self._lock_name)
        except AzureError as error:
            log.warning("%s cannot create its lock: %s", self._function.name, type(error).__name__)
            await asyncio.sleep(_LOCK_RETRY_SECONDS)

    async def _hold(self, lock: BlobLeaseClient) -> None:
        """Renew the lock; return when another has taken it."""
        while True:
            await asyncio.sleep(_LOCK_SECONDS / 2)
            try:
                await lock.renew()
            except HttpResponseError:
                log.warning("%s lost its lock", self._function.name)
                return
            except AzureError as error:
                log.warning("%s cannot renew its lock: %s", self._function.name, type(error).__name__)

    async def _let_go(self, lock: BlobLeaseClient) -> None:
        try:
            await lock.release()
        except AzureError as error:
            log.warning("%s cannot release its lock: %s", self._function.name, type(error).__name__)

    async def _fire_when_due(self) -> None:
        status = await self._resume()
        past_due = self._monitored and status.next < datetime.now(UTC)
        if past_due or self._run_on_startup:
            status = await self._fire(status, due=datetime.now(UTC), past_due=past_due)
        while True:
            remaining = (status.next - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(min(max(remaining, 0), _LONGEST_SLEEP_SECONDS))
            if datetime.now(UTC) >= status.next:
                status = await self._fire(status, due=datetime.now(UTC), past_due=False)

    async def _resume(self) -> TimerStatus:
        """Return the stored status; a new one at the first start and when the schedule has changed."""
        while True:
            try:
                blob = self._accounts.host_blob(self._connection, self._status_name)
                stored = await read_json(blob) if self._monitored else None
                break
            except AzureError as error:
                log.warning("%s cannot read its status: %s", self._function.name, type(error).__name__)
                await asyncio.sleep(_LOCK_RETRY_SECONDS)
        now = datetime.now(UTC)
        if stored is not None:
            status = TimerStatus.read(stored)
            expected = self._schedule.next(status.last or status.updated)
            if status.next == expected:
                return status
            upcoming = expected if expected > now else self._schedule.next(now)
        else:
            upcoming = self._schedule.next(now)
        return await self._remember(TimerStatus(None, upcoming, now))

    async def _fire(self, status: TimerStatus, *, due: datetime, past_due: bool) -> TimerStatus:
        """Run the function; the status is written after it, so a run cut short is past due at the next start."""
        information = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.stored() if self._monitored else None,
            "IsPastDue": past_due,
        }
        reason = "timer past due" if past_due else "timer"
        await self._invoker.run(self._function, Datum(json.dumps(information), "json"), {}, reason)
        return await self._remember(TimerStatus(due, self._schedule.next(due), due))

    async def _remember(self, status: TimerStatus) -> TimerStatus:
        if self._monitored:
            try:
                content = json.dumps(status.stored()).encode()
                await self._accounts.put(self._connection, self._status_name, content=content)
            except AzureError as error:
                log.warning("%s cannot write its status: %s", self._function.name, type(error).__name__)
        return status
