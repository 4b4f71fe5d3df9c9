"""The key that wraps data keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class WrappedKey:
    """A data key under a key-encryption key. `kek_id` names the version that wrapped it."""

    kek_id: str
    wrapped: bytes


class KeyEncryptionKey(Protocol):
    """Wraps data keys; the key itself never leaves its vault (or its file, on a laptop)."""

    async def current(self) -> str:
        """The `kek_id` of the version that wraps now."""
        ...

    async def wrap(self, key: bytes) -> WrappedKey:
        """Wrap 32 bytes under the current version."""
        ...

    async def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap under the version that wrapped it. Raises: DecryptionFailed."""
        ...
