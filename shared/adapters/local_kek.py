"""The key-encryption key in a file, for those who run without a key vault.

AES Key Wrap (RFC 3394) with 256-bit keys. The file, mode 0600, is JSON:

    {"keys": [{"id": "local-3f9a1c20", "key": "<Base64, 32 bytes>"}, …]}

The last key wraps, all unwrap. It is read at each use: uses are rare, and a rotation needs no restart.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from shared.adapters.private_files import create_private_file, replace_private_file
from shared.domain.errors import DecryptionFailed, StoreUnavailable
from shared.ports import WrappedKey

_KEY_BYTES = 32


@dataclass(frozen=True)
class _Version:
    id: str
    key: bytes = field(repr=False)


class LocalKek:
    """`KeyEncryptionKey` over a key file. Every call may raise StoreUnavailable when the file cannot be read."""

    def __init__(self, path: Path, *, may_create: bool) -> None:
        self._path = path
        self._may_create = may_create

    async def current(self) -> str:
        """The newest version's id."""
        return (await self._newest()).id

    async def wrap(self, key: bytes) -> WrappedKey:
        """Wrap under the newest version; the file is created by the first use of it where that is allowed."""
        newest = await self._newest()
        return WrappedKey(kek_id=newest.id, wrapped=aes_key_wrap(newest.key, key))

    async def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap under the version named. Raises: DecryptionFailed."""
        # Never creates: a lost file must show as such, not as a new key that opens nothing.
        for version in await asyncio.to_thread(self._versions, create=False):
            if version.id == wrapped.kek_id:
                return _unwrap(version, wrapped)
        raise DecryptionFailed(f"key-encryption key {wrapped.kek_id} is not in the key file")

    async def _newest(self) -> _Version:
        return (await asyncio.to_thread(self._versions, create=self._may_create))[-1]

    def _versions(self, *, create: bool) -> list[_Version]:
        if create and not self._path.exists():
            create_private_file(self._path, _to_json([_new_version()]))
        return _read(self._path)


def add_version(path: Path) -> str:
    """Rotate: add a key that wraps from now on, and give its id. Older ones stay, to unwrap.

    Run by one operator at a time. Raises: StoreUnavailable when there is no readable key file.
    """
    added = _new_version()
    replace_private_file(path, _to_json([*_read(path), added]))
    return added.id


def _new_version() -> _Version:
    return _Version(id=f"local-{uuid4().hex[:8]}", key=os.urandom(_KEY_BYTES))


def _read(path: Path) -> list[_Version]:
    try:
        rows = json.loads(path.read_bytes())["keys"]
        versions = [_Version(id=row["id"], key=base64.b64decode(row["key"], validate=True)) for row in rows]
    except OSError as exc:
        raise StoreUnavailable(f"the key file cannot be read: {type(exc).__name__}") from None
    except (ValueError, KeyError, TypeError):
        raise StoreUnavailable("the key file is not a key file") from None  # the cause may quote its content
    if not versions or any(len(version.key) != _KEY_BYTES for version in versions):
        raise StoreUnavailable("the key file holds no usable key")
    return versions


def _to_json(versions: list[_Version]) -> bytes:
    rows = [{"id": version.id, "key": base64.b64encode(version.key).decode("ascii")} for version in versions]
    return json.dumps({"keys": rows}, indent=1).encode()


def _unwrap(version: _Version, wrapped: WrappedKey) -> bytes:
    try:
        return aes_key_unwrap(version.key, wrapped.wrapped)
    except (InvalidUnwrap, ValueError):
        raise DecryptionFailed(f"a data key does not unwrap under {version.id}") from None
