"""What has arrived of each session: the session item and its chunk items, written in one batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.domain.model import Model
from shared.domain.names import SESSIONS
from shared.domain.note import SessionType
from shared.domain.session import Failure, Session, State, StoredChunk
from shared.ports import Change, Clock, Create, ItemStore, JsonObject, Patch, all_items

SESSION_ITEM = "session"
OPEN = "~open"
"""Partition of the sweeper's list. No client's session id can be this: `~` is not allowed in one."""
MAX_FAILURES = 20
_RESULTS = frozenset({State.DONE, State.SKIPPED})
_LATER = {
    State.TRANSCRIBING: _RESULTS | {State.WRITING},
    State.TRANSCRIBED: _RESULTS | {State.WRITING},
    State.WRITING: _RESULTS,
}
"""Which states a session is never taken back from: a worker that slept through its replacement knows less."""


class OpenWork(Model):
    """A line of the sweeper's list: a session that may need a push."""

    session_id: str
    touched: datetime
    etag: str


class Ledger:
    """Sessions and their chunks. Every change of a session item is a patch, so no writer undoes another's."""

    def __init__(self, items: ItemStore, clock: Clock) -> None:
        self._items = items
        self._clock = clock

    async def find(self, session_id: str) -> Session | None:
        """The session, or None."""
        item = await self._items.read(SESSIONS, session_id, SESSION_ITEM)
        return None if item is None else Session.model_validate(item.body)

    async def get(self, session_id: str) -> Session:
        """The session. Raises: NotFound (`session_not_found`)."""
        session = await self.find(session_id)
        if session is None:
            raise NotFound(f"no session {session_id}", code="session_not_found")
        return session

    async def open(self, session: Session, *beside: JsonObject) -> Session:
        """Create the session, after its line on the sweeper's list; or give back the one another request created.

        `beside` are items of its partition that are created with it, all or none.
        """
        await self.list_as_open(session.session_id)
        steps = [Create(_session_body(session)), *map(Create, beside)]
        try:
            items = await self._items.batch(SESSIONS, session.session_id, steps)
        except AlreadyExists:
            return await self.get(session.session_id)
        assert items[0] is not None
        return Session.model_validate(items[0].body)

    async def add(self, session_id: str, chunk: StoredChunk, total: int | None) -> Session:
        """Enter a chunk and give back the session with it. Raises: AlreadyExists when the chunk is in the ledger."""
        changes = [
            Change("incr", "/received", 1),
            Change("set", f"/present/{chunk.chunk_id}", chunk.mark.model_dump(mode="json")),
            Change("set", "/updated", self._now()),
        ]
        if total is not None:
            changes.append(Change("set", "/total", total))
        steps = (Create(_chunk_body(session_id, chunk)), Patch(SESSION_ITEM, changes))
        results = await self._items.batch(SESSIONS, session_id, steps)
        item = results[1]
        assert item is not None
        return Session.model_validate(item.body)

    async def chunk(self, session_id: str, chunk_id: str) -> StoredChunk | None:
        """One chunk of the ledger, or None."""
        item = await self._items.read(SESSIONS, session_id, f"chunk:{chunk_id}")
        return None if item is None else StoredChunk.model_validate(item.body)

    async def chunks(self, session_id: str) -> dict[str, StoredChunk]:
        """All chunks of a session, by chunk id."""
        found = [
            StoredChunk.model_validate(item.body)
            async for item in all_items(self._items, SESSIONS, session_id, equal={"kind": "chunk"})
        ]
        return {chunk.chunk_id: chunk for chunk in found}

    async def advance(self, session_id: str, manifest: str | None, state: State, **fields: Any) -> Session | None:
        """Move the session on, for work done from `manifest`; None before there is one.

        None when a newer manifest has replaced it, or the work is past this state already.
        """

        def changes(session: Session) -> Mapping[str, Any] | None:
            if session.manifest != manifest or session.state in _LATER.get(state, frozenset()):
                return None
            return {"state": state, **fields}

        return await self.change(session_id, changes)

    async def finish(self, written: Session, **fields: Any) -> Session | None:
        """End the session: its notes stand, as they were wanted when it was read as `written`.

        None when a newer manifest has replaced that one, or notes have been asked for since: they are under way.
        """

        def changes(session: Session) -> Mapping[str, Any] | None:
            if (session.manifest, session.wanted) != (written.manifest, written.wanted):
                return None
            return {"state": State.DONE, **fields}

        return await self.change(written.session_id, changes)

    async def want(self, session_id: str, manifest: str, edition: int, *types: SessionType) -> Session | None:
        """Ask for notes in these formats in (at least) this edition, of the transcript made from `manifest`.

        None when they are wanted already, or when the session has been sealed anew and will be heard anew.
        """

        def changes(session: Session) -> Mapping[str, Any] | None:
            behind = [kind for kind in types if session.wanted.get(kind, -1) < edition]
            if not behind or session.manifest != manifest:
                return None
            editions = {**session.editions, **dict.fromkeys(behind, edition)}
            heard = session.state not in {State.SEALED, State.TRANSCRIBING}
            return {"editions": editions, **({"state": State.TRANSCRIBED, "attempts": 0} if heard else {})}

        await self.list_as_open(session_id)
        return await self.change(session_id, changes)

    async def fail(self, session_id: str, manifest: str | None, failure: Failure, *, final: bool) -> Session | None:
        """Add to the attempt history; `final` ends the session's run.

        None when a newer manifest has replaced this one, or its result stands: then nothing has failed.
        """

        def changes(session: Session) -> Mapping[str, Any] | None:
            if session.manifest != manifest or session.state in _RESULTS:
                return None
            failures = [f.model_dump(mode="json") for f in (*session.failures, failure)][-MAX_FAILURES:]
            return {"failures": failures, "state": State.FAILED if final else session.state}

        return await self.change(session_id, changes)

    async def change(self, session_id: str, decide: Callable[[Session], Mapping[str, Any] | None]) -> Session | None:
        """Set the fields that `decide` gives for the session as it stands; None when it gives None.

        Read and write are one: when the session changes in between, `decide` is asked again.
        """
        while True:
            item = await self._items.read(SESSIONS, session_id, SESSION_ITEM)
            if item is None:
                raise NotFound(f"no session {session_id}", code="session_not_found")
            fields = decide(Session.model_validate(item.body))
            if fields is None:
                return None
            changes = [Change("set", f"/{name}", value) for name, value in fields.items()]
            changes.append(Change("set", "/updated", self._now()))
            try:
                written = await self._items.patch(SESSIONS, session_id, SESSION_ITEM, changes, etag=item.etag)
            except PreconditionFailed:
                continue
            return Session.model_validate(written.body)

    async def list_as_open(self, session_id: str) -> None:
        """Put the session on the sweeper's list, or renew its line."""
        body = {"id": session_id, "session_id": OPEN, "kind": "open", "touched": self._now()}
        await self._items.upsert(SESSIONS, OPEN, body)

    async def strike(self, work: OpenWork) -> None:
        """Take a line off the list, unless it was renewed since it was read."""
        try:
            await self._items.delete(SESSIONS, OPEN, work.session_id, etag=work.etag)
        except (NotFound, PreconditionFailed):
            return

    async def open_work(self) -> AsyncIterator[OpenWork]:
        """The sweeper's list."""
        async for item in all_items(self._items, SESSIONS, OPEN, equal={"kind": "open"}):
            yield OpenWork(session_id=item.body["id"], touched=item.body["touched"], etag=item.etag)

    def _now(self) -> str:
        return self._clock.now().isoformat()


def quiet_for(session: Session, now: datetime) -> timedelta:
    """How long nothing has happened to the session."""
    return now - session.updated


def _session_body(session: Session) -> JsonObject:
    return {"id": SESSION_ITEM, "kind": "session", **session.model_dump(mode="json")}


def _chunk_body(session_id: str, chunk: StoredChunk) -> JsonObject:
    return {
        "id": f"chunk:{chunk.chunk_id}",
        "session_id": session_id,
        "kind": "chunk",
        **chunk.model_dump(mode="json"),
    }
