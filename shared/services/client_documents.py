"""Where a client's documents lie: which features hold any, and so all of them.

A document's path begins with its feature, so a person's documents cannot be listed by a prefix alone. The list is
entered before the document is stored: a line too many is harmless, a line too few hides what must be erased.
"""

from __future__ import annotations

from datetime import datetime

from shared.domain.document import UploaderRole
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.domain.names import DIRECTORY, DOCUMENTS_BLOBS
from shared.domain.times import iso
from shared.ports import BlobStore, Change, Clock, ItemStore


class ClientDocuments:
    """Documents that clients have uploaded, by their user id. Every method may raise StoreUnavailable."""

    def __init__(self, *, items: ItemStore, blobs: BlobStore, clock: Clock) -> None:
        self._items = items
        self._blobs = blobs
        self._clock = clock

    async def enter(self, userid: str, feature: str) -> None:
        """The client is about to have documents of this feature."""
        key, now = _key(userid), iso(self._clock.now())
        while True:
            try:
                await self._items.patch(DIRECTORY, key, key, [Change("set", f"/features/{feature}", now)])
            except NotFound:
                try:
                    body = {"id": key, "kind": "client_documents", "features": {feature: now}}
                    await self._items.create(DIRECTORY, key, body)
                except AlreadyExists:
                    continue
            return

    async def of(self, userid: str) -> list[str]:
        """Paths of all, sorted."""
        item = await self._items.read(DIRECTORY, _key(userid), _key(userid))
        found: list[str] = []
        for feature in item.body["features"] if item is not None else ():
            found += [blob.name async for blob in self._blobs.list(DOCUMENTS_BLOBS, _folder(userid, feature))]
        return sorted(found)

    async def tidy(self, userid: str, *, before: datetime) -> None:
        """Strike features that hold nothing; not those entered since `before`, whose documents may be on their way."""
        item = await self._items.read(DIRECTORY, _key(userid), _key(userid))
        if item is None:
            return
        kept = {
            feature: entered
            for feature, entered in item.body["features"].items()
            if entered > iso(before) or await self._holds_any(userid, feature)
        }
        try:
            if kept:
                await self._items.replace(DIRECTORY, _key(userid), {**item.body, "features": kept}, etag=item.etag)
            else:
                await self._items.delete(DIRECTORY, _key(userid), _key(userid), etag=item.etag)
        except (NotFound, PreconditionFailed):
            return  # somebody uploads at this moment: a line too many is harmless

    async def delete(self, path: str) -> None:
        """Remove one; removing what is gone already is fine."""
        await self._blobs.delete(DOCUMENTS_BLOBS, path)

    async def _holds_any(self, userid: str, feature: str) -> bool:
        async for _ in self._blobs.list(DOCUMENTS_BLOBS, _folder(userid, feature)):
            return True
        return False


def _folder(userid: str, feature: str) -> str:
    return f"{feature}/{UploaderRole.USER}/{userid}/"


def _key(userid: str) -> str:
    return f"documents:{userid}"
