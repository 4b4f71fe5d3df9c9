"""The in-memory twin of BlobStore: what the contract says and nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from itertools import count
from typing import BinaryIO
from urllib.parse import quote, unquote, urlencode

from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.ports import BlobInfo

PIECE = 1024 * 1024
_ADDRESS = "memory://blobs/"


class MemoryBlobs:
    """Blobs in a dictionary."""

    def __init__(self) -> None:
        self._blobs: dict[tuple[str, str], tuple[BlobInfo, bytes]] = {}
        self._versions = count(1)

    async def create(
        self, container: str, name: str, body: bytes | BinaryIO, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """See BlobStore.create."""
        if (container, name) in self._blobs:
            raise AlreadyExists(f"write a blob of {container}: already exists")
        await self.put(container, name, body, content_type=content_type, metadata=metadata)

    async def put(
        self, container: str, name: str, body: bytes | BinaryIO, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """See BlobStore.put."""
        content = body if isinstance(body, bytes) else body.read()
        info = BlobInfo(name, len(content), f'"{next(self._versions)}"', content_type, dict(metadata))
        self._blobs[container, name] = (info, content)

    async def replace(
        self, container: str, name: str, body: bytes, *, etag: str, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """See BlobStore.replace."""
        found = await self.info(container, name)
        if found is None or found.etag != etag:
            raise PreconditionFailed(f"write a blob of {container}: has changed")
        await self.put(container, name, body, content_type=content_type, metadata=metadata)

    async def info(self, container: str, name: str) -> BlobInfo | None:
        """See BlobStore.info."""
        found = self._blobs.get((container, name))
        return found[0] if found else None

    async def read(self, container: str, name: str) -> bytes:
        """See BlobStore.read."""
        return self._content(container, name)

    async def stream(
        self, container: str, name: str, *, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """See BlobStore.stream."""
        content = self._content(container, name)
        end = len(content) if length is None else min(len(content), start + length)
        for offset in range(start, end, PIECE):
            yield content[offset : min(end, offset + PIECE)]

    async def delete(self, container: str, name: str) -> None:
        """See BlobStore.delete."""
        self._blobs.pop((container, name), None)

    async def signed_upload_url(self, container: str, name: str, *, expires: datetime) -> str:
        """See BlobStore.signed_upload_url. Nobody listens there."""
        return f"{_ADDRESS}{container}/{quote(name)}?{urlencode({'se': expires.isoformat()})}"

    def name_in(self, container: str, url: str) -> str | None:
        """See BlobStore.name_in."""
        inside = f"{_ADDRESS}{container}/"
        return unquote(url.removeprefix(inside).partition("?")[0]) if url.startswith(inside) else None

    async def list(self, container: str, prefix: str) -> AsyncIterator[BlobInfo]:
        """See BlobStore.list."""
        for (inside, name), (info, _) in sorted(self._blobs.items()):
            if inside == container and name.startswith(prefix):
                yield info

    def _content(self, container: str, name: str) -> bytes:
        if (container, name) not in self._blobs:
            raise NotFound(f"read a blob of {container}: not found")
        return self._blobs[container, name][1]
