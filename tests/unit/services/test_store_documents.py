"""An upload of documents that fails at any step leaves nothing behind that its retry does not make good."""

from __future__ import annotations

import asyncio
import io
from contextlib import suppress
from pathlib import Path

import pytest

from shared.adapters.embedded_documents import EmbeddedDocumentEngine
from shared.adapters.memory_blobs import MemoryBlobs
from shared.domain.caller import Caller, Role
from shared.domain.document import DocumentAnalysis, DocumentKind, UploaderRole
from shared.domain.errors import InvalidInput, StoreUnavailable
from shared.domain.limits import Limits
from shared.domain.names import DOCUMENTS_BLOBS
from shared.ports import BlobStore
from shared.services.documents import StoredDocument, UploadedFile, find_document, store_documents
from tests.faults import Fault, When
from tests.pdf_files import text_pdf
from tests.unit.services.world import SetClock, Stores

THERAPIST = Caller(id="42", roles=frozenset({Role.THERAPIST}))
JANE, JOHN = text_pdf("Patient name: Jane Doe"), text_pdf("Patient name: John Roe")
UPLOAD = (("form.pdf", JANE), ("form.pdf", JOHN), ("letter.pdf", JANE))


class ReadOnce:
    """The embedded engine, which reads equal bytes once: what it says of them does not change."""

    def __init__(self) -> None:
        self._engine = EmbeddedDocumentEngine()
        self._known: dict[bytes, DocumentAnalysis] = {}

    async def analyse(self, file: Path, kind: DocumentKind) -> DocumentAnalysis:
        content = await asyncio.to_thread(file.read_bytes)
        if content not in self._known:
            self._known[content] = await self._engine.analyse(file, kind)
        return self._known[content]


@pytest.fixture(scope="module")
def engine() -> ReadOnce:
    return ReadOnce()


@pytest.fixture
def clock(stores: Stores) -> SetClock:
    return stores.clock


async def upload(
    blobs: BlobStore, engine: ReadOnce, clock: SetClock, *files: tuple[str, bytes], limits: Limits | None = None
) -> list[StoredDocument]:
    return await store_documents(
        [UploadedFile(name, io.BytesIO(content), len(content)) for name, content in files],
        THERAPIST,
        userid="42",
        role=UploaderRole.THERAPIST,
        feature="intake-forms",
        engine=engine,
        blobs=blobs,
        clock=clock,
        limits=limits or Limits(),
    )


async def stored(blobs: BlobStore) -> list[str]:
    return [blob.name.rpartition("/")[2] async for blob in blobs.list(DOCUMENTS_BLOBS, "")]


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("step", range(1, 6))
async def test_a_retry_after_a_fault_at_any_step_stores_each_document_once(
    engine: ReadOnce, clock: SetClock, step: int, when: When
):
    blobs = MemoryBlobs()
    fault = Fault(step, when)
    with suppress(StoreUnavailable, asyncio.CancelledError):
        await upload(fault.over(blobs), engine, clock, *UPLOAD)
    again = await upload(blobs, engine, clock, *UPLOAD)
    assert await stored(blobs) == ["form-1.pdf", "form.pdf", "letter.pdf"]
    assert [document.blob.rpartition("/")[2] for document in again] == ["form.pdf", "form-1.pdf", "letter.pdf"]
    for document, (_, content) in zip(again, UPLOAD, strict=True):
        assert (
            await blobs.read(DOCUMENTS_BLOBS, (await find_document(document.blob, THERAPIST, blobs=blobs)).name)
            == content
        )


async def test_the_last_of_several_being_bad_stores_none(engine: ReadOnce, clock: SetClock):
    blobs = MemoryBlobs()
    with pytest.raises(InvalidInput, match=r"files\[2\]") as refused:
        await upload(blobs, engine, clock, *UPLOAD[:2], ("broken.pdf", JANE[:100]))
    assert refused.value.code == "document_unreadable"
    assert await stored(blobs) == []


async def test_uploads_at_the_same_time_keep_apart(engine: ReadOnce, clock: SetClock):
    blobs = MemoryBlobs()
    await asyncio.gather(*(upload(blobs, engine, clock, ("form.pdf", JANE), ("form.pdf", JOHN)) for _ in range(4)))
    assert await stored(blobs) == ["form-1.pdf", "form.pdf"]


async def test_more_files_than_allowed_are_not_even_read(clock: SetClock, engine: ReadOnce):
    blobs = MemoryBlobs()
    with pytest.raises(InvalidInput) as refused:
        await upload(blobs, engine, clock, *UPLOAD, limits=Limits(max_documents=2))
    assert refused.value.code == "too_many_files"
