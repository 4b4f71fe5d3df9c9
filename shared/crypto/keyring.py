"""The data keys of a relationship: the newest encrypts, all decrypt.

Each data key is an item in the relationship's own partition, `dek:1`, `dek:2`, …, wrapped by the key-encryption key.
The numbers make creation and rotation safe without a lock: whoever comes second meets the existing item and uses
the key in it. They also say which key is newest, whatever the clocks of two machines think.
"""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from shared.crypto.envelope import KEY_BYTES, DataKey, key_id_of, open_bytes, open_envelope, seal, seal_bytes
from shared.crypto.wrapped import UNKNOWN, WrappedList
from shared.domain.errors import AlreadyExists, DecryptionFailed, NotFound, PreconditionFailed, StoreUnavailable
from shared.domain.names import RECORDS
from shared.domain.recent import Recent
from shared.domain.times import iso
from shared.ports import Clock, Create, Item, ItemStore, JsonObject, KeyEncryptionKey, Replace, WrappedKey, all_items

KIND = "data_key"
SHREDDED = "shredded_key"


@dataclass(frozen=True)
class Keyring:
    """A relationship's data keys as they stood at one moment, oldest first, at least one."""

    relationship: str
    keys: tuple[DataKey, ...]

    @property
    def newest(self) -> DataKey:
        """The key that encrypts."""
        return self.keys[-1]

    def holds(self, kid: UUID) -> bool:
        """Whether the key with this id is among them."""
        return any(key.kid == kid for key in self.keys)

    def seal(self, plaintext: str | bytes, *, aad: str) -> str:
        """Encrypt into a Base64 envelope."""
        return seal(plaintext, key=self.newest, aad=aad)

    def seal_bytes(self, plaintext: bytes, *, aad: str) -> bytes:
        """Encrypt into an envelope of bytes."""
        return seal_bytes(plaintext, key=self.newest, aad=aad)

    def open(self, envelope: str, *, aad: str) -> bytes:
        """Decrypt a Base64 envelope. Raises: DecryptionFailed."""
        return open_envelope(envelope, keys=self.keys, aad=aad)

    def open_bytes(self, envelope: bytes, *, aad: str) -> bytes:
        """Decrypt an envelope of bytes. Raises: DecryptionFailed."""
        return open_bytes(envelope, keys=self.keys, aad=aad)


class Keyrings:
    """Keyrings by relationship (its `therapist_clientid`), unwrapped keys kept for `ttl` in memory only.

    Every method may raise StoreUnavailable, and DecryptionFailed when a key was wrapped by a key-encryption key
    that is gone.
    """

    def __init__(
        self,
        *,
        items: ItemStore,
        kek: KeyEncryptionKey,
        clock: Clock,
        ttl: timedelta = timedelta(minutes=5),
        capacity: int = 256,
    ) -> None:
        self._items = items
        self._kek = kek
        self._wrapped = WrappedList(items)
        self._clock = clock
        self._recent: Recent[Keyring] = Recent(ttl, capacity)

    async def of(self, relationship: str) -> Keyring:
        """The keyring, at most `ttl` old; the first use of a relationship creates its first key."""
        return self._recent.get(relationship, self._clock.now()) or await self.load(relationship)

    async def open(self, relationship: str, envelope: str, *, aad: str) -> bytes:
        """Decrypt a Base64 envelope, also one that another process sealed with a key this one has not seen yet.

        Raises: DecryptionFailed.
        """
        return (await self._holding(relationship, key_id_of(envelope))).open(envelope, aad=aad)

    async def open_bytes(self, relationship: str, envelope: bytes, *, aad: str) -> bytes:
        """Decrypt an envelope of bytes, as `open` does. Raises: DecryptionFailed."""
        return (await self._holding(relationship, key_id_of(envelope))).open_bytes(envelope, aad=aad)

    async def load(self, relationship: str) -> Keyring:
        """The keyring as the store holds it now: what a client is given, so that it misses no key."""
        rows = await self._rows(relationship) or [await self._add_first(relationship)]
        if not rows[0].body.get("listed"):
            await self._list_late(relationship, rows[0])
        keyring = Keyring(relationship, tuple([await self._unwrap(row) for row in rows]))
        self._recent.put(relationship, keyring, self._clock.now())
        return keyring

    async def rotate(self, relationship: str, *, made_before: datetime | None = None) -> DataKey | None:
        """Add a data key, unless the newest is not as old as that; from now on it encrypts, and all still decrypt.

        Gives the newest, or None for a relationship that never had one, or has none any more.
        """
        while rows := await self._rows(relationship):
            if made_before is None or _created(rows[-1]) < made_before:
                try:
                    await self._add_after(relationship, rows[-1])
                except PreconditionFailed:
                    continue  # rewrapped by another, or shredded, since it was read
            return (await self.load(relationship)).newest
        return None

    async def shred(self, relationship: str) -> list[str]:
        """Destroy the relationship's data keys; their ids. Nobody can read any more what they encrypted.

        What is left of each is its number, so that no other key ever takes its place. None can be added after the
        last. Safe to repeat. Other processes may hold a key in memory until its `ttl` has passed.
        """
        self._recent.forget(relationship)
        rows = await self._rows(relationship)
        if not rows and await self._items.read(RECORDS, relationship, _item_id(1)) is None:
            rows = [await self._add_first(relationship)]  # one that was never used closes the door as well
        while rows:
            for row in rows:
                kept = {name: row.body[name] for name in ("id", "therapist_client_id", "kid", "generation", "created")}
                await self._items.replace(RECORDS, relationship, {**kept, "kind": SHREDDED})
            rows = await self._rows(relationship)  # one that a rotation added before its predecessor was shredded
        await self._wrapped.remove(relationship)
        return [str(row.body["kid"]) for row in await self._rows(relationship, SHREDDED)]

    async def rewrap(self, relationship: str) -> int:
        """Wrap every data key under the current key-encryption key; the number that were not before.

        Data keys and ciphertexts stay as they are. Safe to repeat, and beside another rewrap.
        """
        current = await self._kek.current()
        rows = await self._rows(relationship)
        rewrapped = sum([await self._rewrap_one(relationship, row) for row in rows if row.body["kek_id"] != current])
        after = await self._rows(relationship) if rewrapped else rows
        if after and all(row.body["kek_id"] == current for row in after):
            await self._wrapped.mark(relationship, current)
        return rewrapped

    async def behind(self) -> AsyncIterator[str]:
        """Relationships with a data key that may be wrapped by another than the current key-encryption key."""
        async for relationship in self._wrapped.behind(await self._kek.current()):
            yield relationship

    async def older_than(self, moment: datetime) -> AsyncIterator[str]:
        """Relationships of which something may lie under a data key made before this moment."""
        async for relationship in self._wrapped.older_than(moment):
            yield relationship

    async def renewed(self, relationship: str, since: datetime) -> None:
        """Say that nothing of the relationship lies under a data key that was made before `since`."""
        await self._wrapped.renewed(relationship, since)

    async def _holding(self, relationship: str, kid: UUID) -> Keyring:
        keyring = await self.of(relationship)
        return keyring if keyring.holds(kid) else await self.load(relationship)

    async def _rows(self, relationship: str, kind: str = KIND) -> list[Item]:
        found = all_items(self._items, RECORDS, relationship, equal={"kind": kind})
        return sorted([row async for row in found], key=_generation)

    async def _list_late(self, relationship: str, row: Item) -> None:
        """Keys from before there was a list get their line with their next use."""
        await self._wrapped.enlist(relationship, UNKNOWN, row.body["created"])
        with suppress(PreconditionFailed):  # rewrapped or listed by another, or shredded: the next use looks again
            await self._items.replace(RECORDS, relationship, {**row.body, "listed": True}, etag=row.etag)

    async def _add_first(self, relationship: str) -> Item:
        """Its line comes before it: one too many is harmless, one too few is never rewrapped."""
        body = await self._new(relationship, generation=1)
        await self._wrapped.enlist(relationship, body["kek_id"], body["created"])
        try:
            return await self._items.create(RECORDS, relationship, body)
        except AlreadyExists as exc:
            row = await self._items.read(RECORDS, relationship, body["id"])
            if row is None:
                raise StoreUnavailable(f"data key 1 of {relationship} exists but cannot be read") from exc
            if row.body["kind"] == SHREDDED:
                await self._wrapped.remove(relationship)
                raise NotFound(f"the data keys of {relationship} are shredded", code="relationship_erased") from exc
            return row

    async def _add_after(self, relationship: str, last: Item) -> None:
        """In one step with proof that `last` stands, so that no key is added once all are shredded.

        Raises: PreconditionFailed when `last` has changed.
        """
        body = await self._new(relationship, generation=_generation(last) + 1)
        with suppress(AlreadyExists):  # another rotation at the same time
            await self._items.batch(RECORDS, relationship, [Create(body), Replace(last.body, etag=last.etag)])
        await self._wrapped.mark(relationship, UNKNOWN)

    async def _new(self, relationship: str, *, generation: int) -> JsonObject:
        return {
            "id": _item_id(generation),
            "therapist_client_id": relationship,
            "kind": KIND,
            "kid": str(uuid4()),
            "generation": generation,
            "created": iso(self._clock.now()),
            "listed": True,
            **_wrapped_fields(await self._kek.wrap(os.urandom(KEY_BYTES))),
        }

    async def _unwrap(self, row: Item) -> DataKey:
        secret = await self._kek.unwrap(_wrapped_key(row))
        if len(secret) != KEY_BYTES:
            raise DecryptionFailed(f"data key {row.body['kid']} has the wrong length")
        return DataKey(kid=UUID(row.body["kid"]), created=_created(row), secret=secret)

    async def _rewrap_one(self, relationship: str, row: Item) -> bool:
        before = _wrapped_key(row)
        after = await self._kek.wrap(await self._kek.unwrap(before))
        if after.kek_id == before.kek_id:
            return False
        try:
            await self._items.replace(RECORDS, relationship, {**row.body, **_wrapped_fields(after)}, etag=row.etag)
        except PreconditionFailed:
            return False  # by another rewrap, as a rule; the caller looks again
        return True


def _item_id(generation: int) -> str:
    return f"dek:{generation}"


def _generation(row: Item) -> int:
    return int(row.body["generation"])


def _created(row: Item) -> datetime:
    return datetime.fromisoformat(row.body["created"])


def _wrapped_fields(wrapped: WrappedKey) -> JsonObject:
    return {"kek_id": wrapped.kek_id, "wrapped": base64.b64encode(wrapped.wrapped).decode("ascii")}


def _wrapped_key(row: Item) -> WrappedKey:
    return WrappedKey(kek_id=row.body["kek_id"], wrapped=base64.b64decode(row.body["wrapped"]))
