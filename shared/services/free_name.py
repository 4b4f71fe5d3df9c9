"""Write a blob under the name its client gave, or the next free one; a retry finds what the first try has written."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import PurePosixPath
from typing import BinaryIO

from shared.domain.errors import AlreadyExists
from shared.domain.ids import with_suffix
from shared.ports import BlobStore


async def write_under_free_name(
    blobs: BlobStore,
    container: str,
    folder: str,
    filename: str,
    body: BinaryIO,
    *,
    content_type: str,
    metadata: Mapping[str, str],
) -> str:
    """Create `folder` + `filename`, with `-1`, `-2`, … before the extension while the name is taken; the blob's name.

    `folder` ends in a slash. `metadata` says what makes two writes the same: a blob of this name, with whatever
    suffix, that has exactly this metadata is the answer, and nothing is written.
    Raises: StoreUnavailable.
    """
    name = filename
    while True:
        body.seek(0)
        try:
            await blobs.create(container, folder + name, body, content_type=content_type, metadata=metadata)
        except AlreadyExists:
            prefix = folder + PurePosixPath(filename).stem
            taken = {blob.name: dict(blob.metadata) async for blob in blobs.list(container, prefix)}
            written = next((blob for blob, known in taken.items() if known == dict(metadata)), None)
            if written is not None:
                return written
            names = (with_suffix(filename, n) for n in count(1))
            name = next(name for name in names if folder + name not in taken)
        else:
            return folder + name
