"""Documents: taken in whole uploads, read before anything is stored, and given back to those they belong to.

    1 authorize, look at every file     kind by content, size
    2 read every file                   one that cannot be read refuses the upload; one that is too long is read on
                                        when the upload comes again
    3 store                             create-only, under the folder of the day it was first asked for

A retry after a failure in step 3 finds what was stored and stores the rest.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from shared.domain.caller import Caller
from shared.domain.document import (
    FEATURE_PATTERN,
    HEAD,
    DocumentAnalysis,
    DocumentKind,
    DocumentPath,
    UploaderRole,
    display_name,
    is_theirs,
    kind_of,
    unknown_document,
)
from shared.domain.errors import EngineRefused, Forbidden, InvalidInput, ReadingUnfinished, TooLarge, UnsupportedMedia
from shared.domain.ids import check_id, safe_filename
from shared.domain.limits import Limits
from shared.domain.names import DOCUMENTS_BLOBS
from shared.ports import BlobInfo, BlobStore, DocumentEngine
from shared.services.client_documents import ClientDocuments
from shared.services.free_name import write_under_free_name
from shared.services.relationships import Relationships

PIECE = 1024 * 1024


@dataclass(frozen=True)
class UploadedFile:
    """A file as it came. `body` can seek; `size` is in bytes."""

    filename: str | None
    body: BinaryIO
    size: int


@dataclass(frozen=True)
class StoredDocument:
    """A document that was read and stored. `name` is as its owner wrote it, `blob` where it lies."""

    name: str
    blob: str
    analysis: DocumentAnalysis


@dataclass(frozen=True)
class _Copy:
    """A file on disk, where a reader can open it."""

    name: str
    filename: str
    path: Path
    kind: DocumentKind
    sha256: str


async def store_documents(
    files: Sequence[UploadedFile],
    caller: Caller,
    *,
    userid: str,
    role: UploaderRole,
    feature: str,
    engine: DocumentEngine,
    blobs: BlobStore,
    documents: ClientDocuments,
    asked: datetime,
    limits: Limits,
) -> list[StoredDocument]:
    """Read and store all files, in order, or none. `asked` is when the upload was first made.

    Raises: ReadingUnfinished (the same upload again goes on); InvalidInput (messages name the file as `files[n]`; codes
    of DocumentEngine.analyse, `empty_file`, `too_many_files`), TooLarge, UnsupportedMedia, Forbidden,
    EngineUnavailable, StoreUnavailable.
    """
    _check(files, caller, userid=userid, role=role, feature=feature, limits=limits)
    date = f"{asked:%Y-%m-%d}"
    with tempfile.TemporaryDirectory(prefix="scribe-") as folder:
        copies = [await asyncio.to_thread(_copy, file, n, Path(folder)) for n, file in enumerate(files)]
        analyses = await _analyse_all(copies, engine, limits)
        if role is UploaderRole.USER:
            await documents.enter(userid, feature)
        paths = [
            DocumentPath(feature=feature, role=role, userid=userid, date=date, filename=c.filename) for c in copies
        ]
        stored = [await _store(copy, path, blobs) for copy, path in zip(copies, paths, strict=True)]
    return [
        StoredDocument(copy.name, blob, analysis) for copy, blob, analysis in zip(copies, stored, analyses, strict=True)
    ]


async def find_document(file_url: str, caller: Caller, *, blobs: BlobStore, relationships: Relationships) -> BlobInfo:
    """A stored document, if it is the caller's, or was uploaded by a client the caller treats.

    Raises: NotFound, the same for what is not there, not theirs, or no path of a document; StoreUnavailable.
    """
    path = DocumentPath.parse(file_url)
    treated = path.role is UploaderRole.USER and await relationships.treats(caller, path.userid)
    if not is_theirs(caller, path.userid, path.role, resource=path.resource, treated=treated):
        raise unknown_document()
    found = await blobs.info(DOCUMENTS_BLOBS, path.folder + path.filename)
    if found is None:
        raise unknown_document()
    return found


def _check(
    files: Sequence[UploadedFile], caller: Caller, *, userid: str, role: UploaderRole, feature: str, limits: Limits
) -> None:
    """Every rule that needs neither store nor reader."""
    check_id(userid, "userid")
    if re.fullmatch(FEATURE_PATTERN, feature) is None:
        raise InvalidInput("feature must be 1 to 64 of the characters a-z 0-9 -", code="invalid_feature")
    if not is_theirs(caller, userid, role, resource=f"documents:{feature}"):
        raise Forbidden("the request is for somebody else")
    if not 1 <= len(files) <= limits.max_documents:
        raise InvalidInput(f"send 1 to {limits.max_documents} files", code="too_many_files")
    for n, file in enumerate(files):
        if file.size == 0:
            raise InvalidInput(f"files[{n}] is empty", code="empty_file")
        if file.size > limits.max_document_bytes:
            raise TooLarge(f"files[{n}]: a document may have {limits.max_document_bytes} bytes at most")


def _copy(file: UploadedFile, n: int, folder: Path) -> _Copy:
    """Copy a file to disk in pieces, and see what it is."""
    path, digest = folder / str(n), hashlib.sha256()
    file.body.seek(0)
    kind = kind_of(file.body.read(HEAD))
    if kind is None:
        raise UnsupportedMedia(f"files[{n}] is not a PDF, PNG, JPEG, TIFF or BMP", code="not_a_document")
    file.body.seek(0)
    with path.open("xb") as copy:
        while piece := file.body.read(PIECE):
            digest.update(piece)
            copy.write(piece)
    filename = safe_filename(file.filename, fallback="document")
    return _Copy(display_name(file.filename), filename, path, kind, digest.hexdigest())


async def _analyse_all(copies: Sequence[_Copy], engine: DocumentEngine, limits: Limits) -> list[DocumentAnalysis]:
    """One after the other, as far as the time of one request goes."""
    read: list[DocumentAnalysis] = []
    try:
        async with asyncio.timeout(limits.reading_time.total_seconds()):
            for n, copy in enumerate(copies):
                read.append(await _analyse(copy, n, engine))
    except TimeoutError:
        raise ReadingUnfinished(
            f"{len(read)} of {len(copies)} files are read: send the same again to go on from there"
        ) from None
    return read


async def _analyse(copy: _Copy, n: int, engine: DocumentEngine) -> DocumentAnalysis:
    try:
        return await engine.analyse(copy.path, copy.kind)
    except EngineRefused as error:
        raise InvalidInput(f"files[{n}] cannot be read: {error}", code=error.code) from error


async def _store(copy: _Copy, path: DocumentPath, blobs: BlobStore) -> str:
    with copy.path.open("rb") as body:
        return await write_under_free_name(
            blobs,
            DOCUMENTS_BLOBS,
            path.folder,
            path.filename,
            body,
            content_type=copy.kind.value,
            metadata={"sha256": copy.sha256},
        )
