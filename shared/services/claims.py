"""A claim: the right to do one costly piece of work, kept only by those who are seen to be working.

    absent ──take──► busy ──complete──► done          `done` is for ever: the result stands
                      │  ▲
           (silence)  ▼  │ take
                    expired / released

Every step is a conditional write on the claim's etag, so a worker that was silent for too long and has been
replaced cannot mark as done what another is doing: its next write fails with ClaimLost.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.errors import AlreadyExists, ClaimLost, NotFound, PreconditionFailed, Transient
from shared.domain.names import SESSIONS
from shared.ports import Clock, Item, ItemStore, JsonObject


class ClaimState(StrEnum):
    """What stands in the claim item; `free` is a claim that is absent, released or expired."""

    FREE = "free"
    BUSY = "busy"
    DONE = "done"


class Claims:
    """Claims on the work of a session, stored beside it. `work` names what is done and on which input."""

    def __init__(self, items: ItemStore, clock: Clock, lease: timedelta) -> None:
        self._items = items
        self._clock = clock
        self._lease = lease

    async def state(self, session_id: str, work: str) -> ClaimState:
        """Whether anybody may, does, or need not do this work."""
        item = await self._items.read(SESSIONS, session_id, _id(work))
        return ClaimState.FREE if item is None else self._state(item)

    async def take(self, session_id: str, work: str) -> Claim | None:
        """The claim, or None when the work is done or somebody else is at it."""
        held = await self._items.read(SESSIONS, session_id, _id(work))
        body = self._body(session_id, work)
        try:
            if held is None:
                item = await self._items.create(SESSIONS, session_id, body)
            elif self._state(held) is ClaimState.FREE:
                item = await self._items.replace(SESSIONS, session_id, body, etag=held.etag)
            else:
                return None
        except (AlreadyExists, PreconditionFailed):
            return None
        return Claim(self._items, self._clock, self._lease, item)

    @asynccontextmanager
    async def working(self, claim: Claim) -> AsyncIterator[Claim]:
        """Keep the claim alive while the block runs; release it when the block fails.

        If the claim is lost meanwhile, the block is cancelled and ClaimLost raised: somebody else has the work,
        and whatever went wrong here is no concern of theirs.
        """
        task = asyncio.current_task()
        assert task is not None
        heart = asyncio.create_task(_beat(claim, task, self._lease / 3))
        try:
            yield claim
        except asyncio.CancelledError:
            if claim.lost:
                task.uncancel()
                raise ClaimLost(f"claim {claim.work} was taken over") from None
            raise
        except Exception as error:
            await _stop(heart)
            await claim.release()
            if claim.lost:
                raise ClaimLost(f"claim {claim.work} was taken over") from error
            raise
        finally:
            await _stop(heart)

    async def forget(self, session_id: str, work: str) -> None:
        """Make finished work doable again (a retry that a person asked for)."""
        held = await self._items.read(SESSIONS, session_id, _id(work))
        if held is not None and held.body["state"] == ClaimState.DONE:
            await self._items.replace(SESSIONS, session_id, {**held.body, "state": ClaimState.FREE}, etag=held.etag)

    def _state(self, item: Item) -> ClaimState:
        state = ClaimState(item.body["state"])
        if state is ClaimState.BUSY and datetime.fromisoformat(item.body["expires"]) <= self._clock.now():
            return ClaimState.FREE
        return state

    def _body(self, session_id: str, work: str) -> JsonObject:
        return {
            "id": _id(work),
            "session_id": session_id,
            "kind": "claim",
            "work": work,
            "holder": uuid.uuid4().hex,
            "state": ClaimState.BUSY.value,
            "expires": (self._clock.now() + self._lease).isoformat(),
        }


class Claim:
    """A claim that is held. Its methods raise ClaimLost once somebody else has it."""

    def __init__(self, items: ItemStore, clock: Clock, lease: timedelta, item: Item) -> None:
        self._items = items
        self._clock = clock
        self._lease = lease
        self._item = item
        self._lock = asyncio.Lock()
        self.lost = False

    @property
    def work(self) -> str:
        """What is claimed."""
        return str(self._item.body["work"])

    async def renew(self) -> None:
        """Say that the work goes on."""
        await self._write(ClaimState.BUSY)

    async def complete(self) -> None:
        """Say that the result stands and what follows from it has been started."""
        await self._write(ClaimState.DONE)

    async def release(self) -> None:
        """Let another try at once. A claim that is no longer ours needs no release."""
        try:
            await self._write(ClaimState.FREE)
        except Transient:
            return  # it expires by itself

    async def _write(self, state: ClaimState) -> None:
        async with self._lock:
            # A heartbeat that waited here while the work was completed would make it busy again.
            while self._item.body["state"] == ClaimState.BUSY:
                expires = (self._clock.now() + self._lease).isoformat()
                body = {**self._item.body, "state": state.value, "expires": expires}
                try:
                    self._item = await self._items.replace(SESSIONS, body["session_id"], body, etag=self._item.etag)
                except (NotFound, PreconditionFailed):
                    self._item = await self._reread()
                else:
                    return

    async def _reread(self) -> Item:
        """The claim as it stands, if it is still ours: then the change was our own, and only its answer was lost."""
        ours = self._item.body
        held = await self._items.read(SESSIONS, ours["session_id"], ours["id"])
        if held is None or held.body["holder"] != ours["holder"]:
            self.lost = True
            raise ClaimLost(f"claim {self.work} was taken over") from None
        return held


async def _beat(claim: Claim, worker: asyncio.Task[object], every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        try:
            await claim.renew()
        except ClaimLost:
            worker.cancel()
            return
        except Transient:
            continue  # the store is away for a moment; the lease has room for two more tries


async def _stop(heart: asyncio.Task[None]) -> None:
    heart.cancel()
    await asyncio.gather(heart, return_exceptions=True)


def _id(work: str) -> str:
    return f"claim:{work}"
