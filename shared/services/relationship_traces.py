"""Everything a relationship has left in the stores: finding it, and deleting it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from shared.crypto.keyring import KIND as KEY
from shared.crypto.keyring import SHREDDED
from shared.domain.erasure import Erasure
from shared.domain.errors import NotFound
from shared.domain.names import (
    AUDIO_BLOBS,
    DIRECTORY,
    PARTNER_UPLOADS,
    RECORDINGS_BLOBS,
    RECORDS,
    SEALED_BLOBS,
    SESSIONS,
    WORDS_BLOBS,
)
from shared.domain.records import Recording, pointer_id
from shared.ports import MAX_STEPS, BlobInfo, BlobStore, Delete, Item, ItemStore, all_items
from shared.services.ledger import SESSION_ITEM, Ledger

_OF_A_SESSION = (SEALED_BLOBS, AUDIO_BLOBS, WORDS_BLOBS)


class Traces:
    """Rows, blobs, ledgers and pointers of a relationship. Deleting what is gone already is fine throughout."""

    def __init__(self, *, items: ItemStore, blobs: BlobStore, ledger: Ledger) -> None:
        self._items = items
        self._blobs = blobs
        self._ledger = ledger

    async def sessions(self, of: Erasure) -> set[str]:
        """Ids of all sessions: by their rows, by their chunks, and by the list of open ones where they have neither."""
        found = {row.body["session_id"] async for row in self._rows(of) if "session_id" in row.body}
        found |= {str(blob.metadata["session"]) async for blob in self._chunks(of) if "session" in blob.metadata}
        async for work in self._ledger.open_work():
            session = await self._ledger.find(work.session_id)
            if session is not None and session.therapist_clientid == of.relationship:
                found.add(work.session_id)
        return found

    async def counts(self, of: Erasure, sessions: Iterable[str]) -> dict[str, int]:
        """How many there are of each kind."""
        blobs = sum([1 async for _ in self._chunks(of)])
        for session_id in sessions:
            blobs += sum([1 async for _ in self._made(session_id)])
        records = sum([1 async for _ in self._rows(of)])
        return {"sessions": len(set(sessions)), "records": records, "blobs": blobs}

    async def delete(self, of: Erasure, sessions: Iterable[str]) -> None:
        """Ledgers first, so that uploads under way find no session to enter their chunk in; rows last."""
        for session_id in sessions:
            await self._delete_session(of, session_id)
        async for blob in self._chunks(of):
            await self._blobs.delete(RECORDINGS_BLOBS, blob.name)
        rows = [row async for row in self._rows(of)]
        for row in rows:
            if "number" in row.body:
                await self._delete_pointer(str(row.body["kind"]), row.body["number"])
        await self._delete_items(RECORDS, of.relationship, [row.body["id"] for row in rows])

    async def _delete_session(self, of: Erasure, session_id: str) -> None:
        session = await self._ledger.find(session_id)
        if session is not None and session.therapist_clientid != of.relationship:
            return  # the id has been free since the first look, and somebody else has taken it
        if session is not None and session.upload is not None:
            await self._blobs.delete(PARTNER_UPLOADS, session.upload)
        await self._delete_items(SESSIONS, session_id, [SESSION_ITEM])
        items = [item async for item in all_items(self._items, SESSIONS, session_id)]
        for item in items:
            if item.body.get("kind") == "chunk":
                await self._delete_pointer(Recording.KIND, item.body["recording_id"])
        await self._delete_items(SESSIONS, session_id, [item.body["id"] for item in items])
        async for container, blob in self._made(session_id):
            await self._blobs.delete(container, blob.name)

    async def _delete_pointer(self, kind: str, number: int) -> None:
        await self._delete_items(DIRECTORY, pointer_id(kind, number), [pointer_id(kind, number)])

    async def _delete_items(self, container: str, partition: str, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), MAX_STEPS):
            part = ids[start : start + MAX_STEPS]
            try:
                await self._items.batch(container, partition, [Delete(item_id) for item_id in part])
            except NotFound:
                for item_id in part:
                    await self._delete_one(container, partition, item_id)

    async def _delete_one(self, container: str, partition: str, item_id: str) -> None:
        try:
            await self._items.delete(container, partition, item_id)
        except NotFound:
            return

    def _chunks(self, of: Erasure) -> AsyncIterator[BlobInfo]:
        return self._blobs.list(RECORDINGS_BLOBS, of.folder)

    async def _made(self, session_id: str) -> AsyncIterator[tuple[str, BlobInfo]]:
        """What was made from a session's chunks."""
        for container in _OF_A_SESSION:
            async for blob in self._blobs.list(container, f"{session_id}/"):
                yield container, blob

    async def _rows(self, of: Erasure) -> AsyncIterator[Item]:
        """All but the data keys, which are shredded and stay as marks."""
        async for row in all_items(self._items, RECORDS, of.relationship):
            if row.body.get("kind") not in {KEY, SHREDDED}:
                yield row
