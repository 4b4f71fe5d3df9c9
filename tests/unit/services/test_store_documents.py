"""An upload of documents that fails at any step leaves nothing behind that its retry does not make good."""

from __future__ import annotations

import asyncio
import io
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from shared.adapters.embedded_documents import EmbeddedDocumentEngine
from shared.adapters.memory_blobs import MemoryBlobs
from shared.adapters.memory_items import MemoryItems
from shared.domain.caller import Caller, Role
from shared.domain.document import DocumentAnalysis, DocumentKind, UploaderRole
from shared.domain.errors import InvalidInput, NotFound, ReadingUnfinished, StoreUnavailable
from shared.domain.limits import Limits
from shared.domain.names import DOCUMENTS_BLOBS
from shared.ports import BlobInfo, BlobStore, DocumentEngine, ItemStore
from shared.services.client_documents import ClientDocuments
from shared.services.documents import StoredDocument, UploadedFile, find_document, store_documents
from shared.services.relationships import Relationships
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
    blobs: BlobStore,
    engine: DocumentEngine,
    clock: SetClock,
    *files: tuple[str, bytes],
    limits: Limits | None = None,
    items: ItemStore | None = None,
    caller: Caller = THERAPIST,
    role: UploaderRole = UploaderRole.THERAPIST,
) -> list[StoredDocument]:
    return await store_documents(
        [UploadedFile(name, io.BytesIO(content), len(content)) for name, content in files],
        caller,
        userid="42",
        role=role,
        feature="intake-forms",
        engine=engine,
        blobs=blobs,
        documents=ClientDocuments(items=items or MemoryItems(), blobs=blobs, clock=clock),
        asked=clock.now(),
        limits=limits or Limits(),
    )


async def found(path: str, caller: Caller, blobs: BlobStore, items: ItemStore, clock: SetClock) -> BlobInfo:
    relationships = Relationships(items, clock, provision_on_upload=False)
    return await find_document(path, caller, blobs=blobs, relationships=relationships)


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
            await blobs.read(DOCUMENTS_BLOBS, (await found(document.blob, THERAPIST, blobs, MemoryItems(), clock)).name)
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


class NeverDone:
    """Reads the first file it is given, and is at the next one for ever."""

    def __init__(self) -> None:
        self.files = 0

    async def analyse(self, file: Path, kind: DocumentKind) -> DocumentAnalysis:
        self.files += 1
        if self.files > 1:
            await asyncio.Event().wait()
        return DocumentAnalysis(content="", pages=1)


async def test_the_files_of_an_upload_share_the_time_of_one_request(clock: SetClock):
    blobs, limits = MemoryBlobs(), Limits(reading_time=timedelta(milliseconds=50))
    with pytest.raises(ReadingUnfinished, match="1 of 3 files"):
        await upload(blobs, NeverDone(), clock, *UPLOAD, limits=limits)
    assert await stored(blobs) == []


CLIENT = Caller(id="42", roles=frozenset({Role.CLIENT}))
OTHERS = Caller(id="other", roles=frozenset({Role.THERAPIST}))
THEIRS = Caller(id="theirs", roles=frozenset({Role.THERAPIST}))


async def test_a_therapist_sees_what_their_client_uploaded_for_as_long_as_they_treat_them(
    engine: ReadOnce, clock: SetClock
):
    blobs, items = MemoryBlobs(), MemoryItems()
    relationships = Relationships(items, clock, provision_on_upload=False)
    [document] = await upload(
        blobs, engine, clock, ("form.pdf", JANE), items=items, caller=CLIENT, role=UploaderRole.USER
    )
    await relationships.provision("pair", therapist_userid=THEIRS.id, client_userid="42")
    await relationships.provision("another", therapist_userid=OTHERS.id, client_userid="43")
    assert (await found(document.blob, THEIRS, blobs, items, clock)).name == document.blob
    for stranger in (OTHERS, Caller(id=THEIRS.id, roles=frozenset({Role.CLIENT}))):
        with pytest.raises(NotFound):
            await found(document.blob, stranger, blobs, items, clock)
    await relationships.provision("pair", therapist_userid=THEIRS.id, client_userid="44")
    with pytest.raises(NotFound):
        await found(document.blob, THEIRS, blobs, items, clock)


async def test_what_a_therapist_uploaded_is_not_their_colleagues_nor_their_clients(engine: ReadOnce, clock: SetClock):
    blobs, items = MemoryBlobs(), MemoryItems()
    [document] = await upload(blobs, engine, clock, ("form.pdf", JANE), items=items)
    relationships = Relationships(items, clock, provision_on_upload=False)
    await relationships.provision("pair", therapist_userid=THEIRS.id, client_userid="42")
    for stranger in (THEIRS, CLIENT):
        with pytest.raises(NotFound):
            await found(document.blob, stranger, blobs, items, clock)
