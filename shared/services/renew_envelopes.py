"""Encrypt anew what lies under an older data key than the newest, wherever it is stored.

    of a relationship   transcripts, histories and their earlier versions    rows of its partition
                        words of its sessions                                blobs
                        requests of processing sessions                      items beside their ledgers
    of a partner        the secret of its webhook                            item in the directory

Envelopes are known by their form, and their associated data by the place they are found in: a text that is added to
one of these is found without being named here. Every write is made on the version that was read. Whoever writes at the
same time wins, and what they wrote is looked at again; what was deleted stays deleted.

Answers under idempotency keys and pages of long documents end after a day: they are left to it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.crypto.envelope import SHORTEST, associated_data, key_id_of
from shared.crypto.keyring import Keyring, Keyrings
from shared.domain.errors import DecryptionFailed, NotFound, Permanent, PreconditionFailed
from shared.domain.ids import ID_PATTERN
from shared.domain.names import DIRECTORY, RECORDS, SESSIONS, WORDS_BLOBS
from shared.domain.records import StoredHistory, StoredTranscript
from shared.ports import BlobInfo, BlobStore, Change, Clock, Item, ItemStore, JsonObject, all_items
from shared.services import idempotency, kept_pages, processing_requests, webhooks
from shared.services.record_rows import version_of

log = logging.getLogger(__name__)

_RESOURCES = {
    kind: record.RESOURCE
    for record in (StoredTranscript, StoredHistory)
    for kind in (record.KIND, version_of(record.KIND))
}
_EXPIRING = {idempotency.KEYS: idempotency.KEPT, kept_pages.KEYS: kept_pages.KEPT}


@dataclass
class Renewal:
    """What came of looking at all there is."""

    renewed: int = 0
    """Items and blobs of which something was encrypted anew."""
    unreadable: set[str] = field(default_factory=set)
    """Envelopes that do not open, by their associated data."""
    complete: bool = True
    """Whether time was enough."""


@dataclass(frozen=True)
class _Texts:
    """An item whose envelopes' associated data is `{resource}/{record_id}/` and the field's name."""

    container: str
    partition: str
    item: Item
    resource: str
    record_id: int | str


@dataclass(frozen=True)
class _Words:
    """A blob; `named` when the newest transcript says that its words are there."""

    blob: str
    number: int
    named: bool


class Envelopes:
    """All there are of a relationship, or of whoever else data keys are filed under. May raise StoreUnavailable."""

    def __init__(self, *, items: ItemStore, blobs: BlobStore, keyrings: Keyrings, clock: Clock) -> None:
        self._items = items
        self._blobs = blobs
        self._keyrings = keyrings
        self._clock = clock

    async def renew(self, relationship: str, until: datetime) -> Renewal:
        """Encrypt with the newest data key whatever is not. Once something was after `until`, leave the rest.

        Safe to repeat, and beside any other work: what was done is not done again.
        Raises: NotFound (`relationship_erased`); Permanent (`keys_unknown`).
        """
        done = Renewal()
        async for place in self._places(relationship):
            if isinstance(place, _Texts):
                renewed = await self._renew_texts(relationship, place, done)
            else:
                renewed = await self._renew_words(relationship, place, done)
            done.renewed += renewed
            if renewed and self._clock.now() >= until:
                done.complete = False
                break
        for place_name in sorted(done.unreadable):
            log.error("relationship %s: %s does not open, so it stays as it is", relationship, place_name)
        return done

    async def _places(self, relationship: str) -> AsyncIterator[_Texts | _Words]:
        if relationship.startswith(webhooks.KEYS):
            item = await self._items.read(DIRECTORY, relationship, relationship)
            if item is not None:
                yield _Texts(DIRECTORY, relationship, item, webhooks.RESOURCE, item.body["webhook_id"])
            return
        if expires_after(relationship) is not None:
            return
        for kind, resource in _RESOURCES.items():
            async for row in all_items(self._items, RECORDS, relationship, equal={"kind": kind}):
                yield _Texts(RECORDS, relationship, row, resource, row.body["number"])
                if kind == StoredTranscript.KIND:
                    async for blob in self._blobs.list(WORDS_BLOBS, f"{row.body['session_id']}/"):
                        yield _Words(blob.name, row.body["number"], blob.name == row.body["words_blob"])
        lines = {"kind": processing_requests.LINE}
        async for line in all_items(self._items, RECORDS, relationship, equal=lines):
            session_id = line.body["session_id"]
            item = await self._items.read(SESSIONS, session_id, processing_requests.ITEM)
            if item is not None:
                yield _Texts(SESSIONS, session_id, item, processing_requests.RESOURCE, session_id)

    async def _renew_texts(self, relationship: str, place: _Texts, done: Renewal) -> bool:
        item: Item | None = place.item
        while item is not None:
            changes = await self._changes(relationship, place, item.body, done)
            if not changes:
                return False
            try:
                await self._items.patch(place.container, place.partition, item.body["id"], changes, etag=item.etag)
            except NotFound:
                return False  # erased
            except PreconditionFailed:
                item = await self._items.read(place.container, place.partition, item.body["id"])
            else:
                return True
        return False

    async def _changes(self, relationship: str, place: _Texts, body: JsonObject, done: Renewal) -> list[Change]:
        changes = []
        for name, text in body.items():
            keyring = await self._keyrings.of(relationship)
            if not isinstance(text, str) or not _is_behind(text, keyring):
                continue
            aad = associated_data(place.resource, place.record_id, name)
            try:
                opened = await self._keyrings.open(relationship, text, aad=aad)
            except DecryptionFailed:
                done.unreadable.add(aad)
                continue
            keyring = await self._keyrings.of(relationship)
            changes.append(Change("set", f"/{name}", keyring.seal(opened, aad=aad)))
        return changes

    async def _renew_words(self, relationship: str, place: _Words, done: Renewal) -> bool:
        aad = associated_data(StoredTranscript.RESOURCE, place.number, "words")
        while (found := await self._words_behind(relationship, place.blob)) is not None:
            info, content = found
            try:
                opened = await self._keyrings.open_bytes(relationship, content, aad=aad)
            except DecryptionFailed:
                if place.named:  # the others may be of a transcript that never came to be: nobody's to read
                    done.unreadable.add(aad)
                return False
            sealed = (await self._keyrings.of(relationship)).seal_bytes(opened, aad=aad)
            try:
                await self._blobs.replace(
                    WORDS_BLOBS,
                    place.blob,
                    sealed,
                    etag=info.etag,
                    content_type=info.content_type,
                    metadata=info.metadata,
                )
            except PreconditionFailed:
                continue
            return True
        return False

    async def _words_behind(self, relationship: str, blob: str) -> tuple[BlobInfo, bytes] | None:
        """The version first, so that it is never newer than the bytes; None when they need not be touched."""
        keyring = await self._keyrings.of(relationship)
        try:
            info = await self._blobs.info(WORDS_BLOBS, blob)
            pieces = [piece async for piece in self._blobs.stream(WORDS_BLOBS, blob, length=SHORTEST)]
            if info is None or not _is_behind(b"".join(pieces), keyring):
                return None
            return info, await self._blobs.read(WORDS_BLOBS, blob)
        except NotFound:
            return None  # erased


def expires_after(relationship: str) -> timedelta | None:
    """How long what lies under these keys is kept at all; None where it is kept for good.

    Raises: Permanent (`keys_unknown`) for keys of which nobody has said here what lies under them.
    """
    for prefix, kept in _EXPIRING.items():
        if relationship.startswith(prefix):
            return kept
    if not (relationship.startswith(webhooks.KEYS) or is_relationship(relationship)):
        raise Permanent(f"what lies under the data keys of {relationship} is not known", code="keys_unknown")
    return None


def is_relationship(relationship: str) -> bool:
    """Whether data keys filed under this are a relationship's: all others have a name that no relationship can have."""
    return re.match(ID_PATTERN, relationship) is not None


def _is_behind(envelope: str | bytes, keyring: Keyring) -> bool:
    """Whether it is one, and not under the newest key."""
    try:
        return key_id_of(envelope) != keyring.newest.kid
    except DecryptionFailed:
        return False
