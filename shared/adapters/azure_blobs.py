"""Blob Storage (or Azurite) as a BlobStore."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobProperties, ContentSettings
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from shared.adapters.blob_signatures import Signatures
from shared.adapters.http_transport import HttpTransport
from shared.adapters.storage_errors import in_our_words
from shared.adapters.storage_options import OPTIONS, TIMEOUTS
from shared.domain.errors import AlreadyExists, PreconditionFailed
from shared.ports import BlobInfo

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

PIECE = 4 * 1024 * 1024
"""Bytes of one block of a large body."""
WHOLE = 8 * 1024 * 1024
"""Bytes up to which a body goes in one request, and the most that is held in memory for one write."""

_CONTAINER_MISSING = "ContainerNotFound"
_BLOCKS_GONE = "InvalidBlockList"


class AzureBlobs:
    """One client for the process, opened by its first use.

    Large bodies are staged as blocks under ids that no other writer uses, and appear with one conditional
    commit: two writers of one name can neither mix their bytes nor overwrite each other.

    Errors never name a blob: its name ends in what a client called a file, which may be whom it is about.
    """

    def __init__(self, account: str, credential: AsyncTokenCredential | None = None) -> None:
        """`account` is a connection string, or the blob endpoint's URL when a credential is given."""
        self._account = account
        self._credential = credential
        self._client: BlobServiceClient | None = None
        self._signatures = Signatures()
        self._made: set[str] = set()

    async def create(
        self, container: str, name: str, body: bytes | BinaryIO, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """See BlobStore.create."""
        await self._write(container, name, body, content_type, metadata, only_new=True)

    async def put(
        self, container: str, name: str, body: bytes | BinaryIO, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """See BlobStore.put."""
        await self._write(container, name, body, content_type, metadata, only_new=False)

    async def replace(
        self, container: str, name: str, body: bytes, *, etag: str, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """See BlobStore.replace."""
        with in_our_words(f"write a blob of {container}"):
            try:
                await self._blob(container, name).upload_blob(
                    body,
                    length=len(body),
                    overwrite=True,
                    etag=etag,
                    match_condition=MatchConditions.IfNotModified,
                    content_settings=ContentSettings(content_type=content_type),
                    metadata=dict(metadata),
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                raise PreconditionFailed(f"write a blob of {container}: has changed") from None

    async def info(self, container: str, name: str) -> BlobInfo | None:
        """See BlobStore.info."""
        with in_our_words(f"look at a blob of {container}"):
            try:
                return _info(await self._blob(container, name).get_blob_properties())
            except ResourceNotFoundError:
                return None

    async def read(self, container: str, name: str) -> bytes:
        """See BlobStore.read."""
        with in_our_words(f"read a blob of {container}"):
            download = await self._blob(container, name).download_blob()
            return await download.readall()

    async def stream(
        self, container: str, name: str, *, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """See BlobStore.stream."""
        with in_our_words(f"stream a blob of {container}"):
            download = await self._blob(container, name).download_blob(offset=start, length=length)
            async for piece in download.chunks():
                yield piece

    async def delete(self, container: str, name: str) -> None:
        """See BlobStore.delete."""
        with in_our_words(f"delete a blob of {container}"):
            try:
                await self._blob(container, name).delete_blob()
            except ResourceNotFoundError:
                return

    async def list(self, container: str, prefix: str) -> AsyncIterator[BlobInfo]:
        """See BlobStore.list."""
        with in_our_words(f"list blobs of {container}"):
            client = self._service().get_container_client(container)
            try:
                async for found in client.list_blobs(name_starts_with=prefix, include=["metadata"]):
                    yield _info(found)
            except ResourceNotFoundError:
                return  # a container that nobody has written to yet

    async def signed_upload_url(self, container: str, name: str, *, expires: datetime) -> str:
        """See BlobStore.signed_upload_url. Signed with the account's key, or with one that is delegated to the app."""
        with in_our_words(f"sign an address in {container}"):
            if container not in self._made:
                await self._make_container(container)
                self._made.add(container)
            blob = self._blob(container, name)
            signature = await self._signatures.of_blob(self._service(), container, name, expires)
            return f"{blob.url}?{signature}"

    def name_in(self, container: str, url: str) -> str | None:
        """See BlobStore.name_in."""
        ours, given = urlsplit(self._service().get_container_client(container).url), urlsplit(url)
        inside = ours.path.rstrip("/") + "/"
        same = (ours.scheme, ours.netloc.lower()) == (given.scheme, given.netloc.lower())
        return unquote(given.path.removeprefix(inside)) if same and given.path.startswith(inside) else None

    async def close(self) -> None:
        """Close the client; the next use opens another."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _write(
        self,
        container: str,
        name: str,
        body: bytes | BinaryIO,
        content_type: str,
        metadata: Mapping[str, str],
        *,
        only_new: bool,
    ) -> None:
        with in_our_words(f"write a blob of {container}"):
            upload = _Upload(self._blob(container, name), content_type, dict(metadata), only_new)
            start = 0 if isinstance(body, bytes) else body.tell()
            try:
                await upload.send(body)
            except ResourceNotFoundError as exc:
                if getattr(exc, "error_code", None) != _CONTAINER_MISSING:
                    raise
                await self._make_container(container)
                if not isinstance(body, bytes):
                    body.seek(start)
                await upload.send(body)

    async def _make_container(self, container: str) -> None:
        try:
            await self._service().create_container(container)
        except ResourceExistsError:
            return  # another first use

    def _blob(self, container: str, name: str) -> BlobClient:
        return self._service().get_blob_client(container, name)

    def _service(self) -> BlobServiceClient:
        if self._client is None:
            pieces = {"max_chunk_get_size": PIECE, "max_single_get_size": PIECE}
            options = {**OPTIONS, **pieces, "transport": HttpTransport(**TIMEOUTS)}
            self._client = (
                BlobServiceClient.from_connection_string(self._account, **options)
                if self._credential is None
                else BlobServiceClient(self._account, self._credential, **options)
            )
        return self._client


class _Upload:
    """One way of writing a body to one blob."""

    def __init__(self, blob: BlobClient, content_type: str, metadata: dict[str, str], only_new: bool) -> None:
        self._blob = blob
        self._settings = ContentSettings(content_type=content_type)
        self._metadata = metadata
        self._only_new = only_new

    async def send(self, body: bytes | BinaryIO) -> None:
        """One request for a small body, blocks and a commit for a large one."""
        if isinstance(body, bytes):
            await self._send_whole(body)
            return
        whole = await asyncio.to_thread(_whole, body)
        if whole is not None:
            await self._send_whole(whole)
        else:
            await self._send_blocks(body)

    async def _send_whole(self, content: bytes) -> None:
        await self._blob.upload_blob(
            content,
            length=len(content),
            overwrite=not self._only_new,
            content_settings=self._settings,
            metadata=self._metadata,
        )

    async def _send_blocks(self, body: BinaryIO) -> None:
        writer, blocks = uuid4().hex, list[BlobBlock]()
        while piece := await asyncio.to_thread(body.read, PIECE):
            block = BlobBlock(f"{writer}{len(blocks):06}")
            # Without an MD5 the emulator answers with a CRC-64 it takes 15 ms a MiB to compute.
            await self._blob.stage_block(block.id, piece, length=len(piece), validate_content=True)
            blocks.append(block)
        is_new: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        try:
            await self._blob.commit_block_list(
                blocks, content_settings=self._settings, metadata=self._metadata, **(is_new if self._only_new else {})
            )
        except HttpResponseError as exc:
            if getattr(exc, "error_code", None) == _BLOCKS_GONE and self._only_new:
                # Another writer's commit discards the blocks that are still uncommitted under the name.
                raise AlreadyExists("another writer came first") from None
            raise


def _whole(body: BinaryIO) -> bytes | None:
    """The rest of a file, None when that is more than goes in one request."""
    start = body.tell()
    size = body.seek(0, os.SEEK_END) - start
    body.seek(start)
    return body.read() if size <= WHOLE else None


def _info(found: BlobProperties) -> BlobInfo:
    return BlobInfo(
        name=found.name,
        size=found.size,
        etag=found.etag,
        content_type=found.content_settings.content_type or "application/octet-stream",
        metadata=dict(found.metadata or {}),
    )
