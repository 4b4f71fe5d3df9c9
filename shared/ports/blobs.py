"""Named bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class BlobInfo:
    """What a store knows of a blob without reading it. `size` is in bytes."""

    name: str
    size: int
    etag: str
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class BlobStore(Protocol):
    """Named bytes in containers. Containers are made on first use."""

    async def create(
        self, container: str, name: str, body: bytes | BinaryIO, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Write a blob that must not exist yet; nobody ever sees half of it, nor a mix of two writers.

        A file is read from its current position in bounded pieces. Raises: AlreadyExists.
        """
        ...

    async def put(
        self, container: str, name: str, body: bytes | BinaryIO, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Write a blob, replacing what was there (and raising its event again)."""
        ...

    async def replace(
        self, container: str, name: str, body: bytes, *, etag: str, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Write a small blob in place of the version that `info` gave this etag for.

        Raises: PreconditionFailed when it has changed since, or is gone.
        """
        ...

    async def info(self, container: str, name: str) -> BlobInfo | None:
        """Size, type and metadata; None when there is no such blob."""
        ...

    async def read(self, container: str, name: str) -> bytes:
        """All bytes of a small blob. Raises: NotFound."""
        ...

    def stream(self, container: str, name: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, in pieces of a few MiB at most. Raises: NotFound, on the first piece."""
        ...

    async def delete(self, container: str, name: str) -> None:
        """Remove a blob; removing what is not there is fine."""
        ...

    async def signed_upload_url(self, container: str, name: str, *, expires: datetime) -> str:
        """An address that, until it expires, takes the bytes of this one blob (PUT) and gives them (GET)."""
        ...

    def name_in(self, container: str, url: str) -> str | None:
        """The blob of this container that a URL names, signed or not, expired or not; None for any other URL."""
        ...

    def list(self, container: str, prefix: str) -> AsyncIterator[BlobInfo]:
        """Blobs whose name starts with `prefix`, in order of name."""
        ...
