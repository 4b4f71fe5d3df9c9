"""API keys of partners: random secrets that are stored as digests, looked up with one point read, and revoked."""

from __future__ import annotations

import hashlib
import secrets

from pydantic import Field

from shared.domain.caller import Caller, Role
from shared.domain.errors import AlreadyExists, NotAuthenticated, NotFound, PreconditionFailed
from shared.domain.ids import check_id
from shared.domain.model import Model
from shared.domain.names import DIRECTORY
from shared.domain.times import iso
from shared.ports import Change, Clock, ItemStore

PREFIX = "ssk_"
SECRET_BYTES = 32
_SHOWN = 4


class ApiKey(Model):
    """What is kept of a key. `name` is whose it is and what its bearer is called in the audit trail."""

    digest: str = Field(repr=False)
    """SHA-256 of the key, hex."""
    name: str
    role: Role
    last_four: str
    """The key's last characters, for people to tell keys apart."""
    created: str
    revoked: str | None = None


class ApiKeys:
    """Keys in the directory. A partner may have several at a time, so that one can replace another without a gap."""

    def __init__(self, items: ItemStore, clock: Clock) -> None:
        self._items = items
        self._clock = clock

    async def issue(self, name: str, role: Role = Role.SERVICE) -> tuple[str, ApiKey]:
        """A new key for `name`: the secret, shown this once, and what is kept of it. Raises: InvalidInput."""
        check_id(name, "name")
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        key = ApiKey(
            digest=_digest(secret), name=name, role=role, last_four=secret[-_SHOWN:], created=iso(self._clock.now())
        )
        # First the name knows its key, then the key opens doors: one that does can always be found and revoked.
        await self._add_to_name(name, key.digest)
        body = {"id": _key(key.digest), "kind": "api_key", **key.model_dump(mode="json")}
        await self._items.create(DIRECTORY, _key(key.digest), body)
        return secret, key

    async def verify(self, secret: str) -> Caller:
        """Who holds this key. Raises: NotAuthenticated (`api_key_invalid`, `api_key_revoked`).

        The secret itself is never compared. What is looked up is its digest, and how long that takes says nothing
        about any secret: nobody can make inputs whose digests come closer to a stored one.
        """
        key = await self._find(_digest(secret)) if secret.startswith(PREFIX) else None
        if key is None:
            raise NotAuthenticated("the API key is not valid", code="api_key_invalid")
        if key.revoked is not None:
            raise NotAuthenticated("the API key has been revoked", code="api_key_revoked")
        return Caller(id=key.name, roles=frozenset({key.role}))

    async def of(self, name: str) -> list[ApiKey]:
        """All keys ever issued to `name`, oldest first."""
        listed = await self._items.read(DIRECTORY, _name(name), _name(name))
        found = [await self._find(digest) for digest in (listed.body["keys"] if listed else [])]
        return [key for key in found if key is not None]

    async def revoke(self, name: str, last_four: str | None = None) -> list[ApiKey]:
        """End the keys of `name`, or the one that ends in `last_four`, at once; those that were valid until now.

        Raises: NotFound (`api_key_not_found`) when there is no such key.
        """
        known = [key for key in await self.of(name) if last_four in {None, key.last_four}]
        if not known:
            raise NotFound(f"{name} has no such API key", code="api_key_not_found")
        ended = [key for key in known if key.revoked is None]
        for key in ended:
            change = Change("set", "/revoked", iso(self._clock.now()))
            await self._items.patch(DIRECTORY, _key(key.digest), _key(key.digest), [change])
        return ended

    async def _find(self, digest: str) -> ApiKey | None:
        item = await self._items.read(DIRECTORY, _key(digest), _key(digest))
        return None if item is None else ApiKey.model_validate(item.body)

    async def _add_to_name(self, name: str, digest: str) -> None:
        while True:
            item = await self._items.read(DIRECTORY, _name(name), _name(name))
            known = item.body["keys"] if item else []
            body = {"id": _name(name), "kind": "api_key_name", "keys": [*known, digest]}
            try:
                if item is None:
                    await self._items.create(DIRECTORY, _name(name), body)
                else:
                    await self._items.replace(DIRECTORY, _name(name), body, etag=item.etag)
            except (AlreadyExists, PreconditionFailed):
                continue  # another key for the same name at the same time
            return


def _digest(secret: str) -> str:
    """A plain digest is right here: slow, salted hashes protect what people can think of, not 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(digest: str) -> str:
    return f"api_key:{digest}"


def _name(name: str) -> str:
    return f"api_key_name:{name}"
