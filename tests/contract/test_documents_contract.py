"""What every document engine does with the samples, whatever reads them.

With AZURE_TEST_DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT (and …__KEY, or an identity that may use the resource) a
real resource is asked too.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfWriter

from shared.adapters.azure_identity import app_identity
from shared.adapters.document_intelligence import DocumentIntelligenceEngine
from shared.adapters.embedded_documents import Caps, EmbeddedDocumentEngine
from shared.bootstrap.engines import document_engine
from shared.domain.document import DocumentKind
from shared.domain.errors import EngineRefused
from shared.ports import DocumentEngine
from shared.settings.documents import DocumentEngineName, DocumentSettings
from tests.servers.azure import azure_settings
from tests.servers.document_intelligence import KEY, DocumentIntelligence

SAMPLES = Path(__file__).parent.parent / "data" / "documents"
INTAKE = (SAMPLES / "intake.pdf").read_bytes()


@pytest.fixture(scope="module", params=["embedded", "document-intelligence", "azure"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[DocumentEngine]:
    if request.param == "embedded":
        yield EmbeddedDocumentEngine(Caps(pages=50, pixels=20_000_000))
    elif request.param == "azure":
        given = azure_settings("documents", DocumentSettings).document_intelligence.model_copy(update={"max_pages": 50})
        chosen = DocumentSettings(engine=DocumentEngineName.DOCUMENT_INTELLIGENCE, document_intelligence=given)
        async with app_identity(developing=True) as credential:
            real = document_engine(chosen, lambda: credential)
            assert isinstance(real, DocumentIntelligenceEngine)
            yield real
            await real.close()
    else:
        with DocumentIntelligence() as server:
            made = DocumentIntelligenceEngine(server.url, KEY, polling_interval_s=0.01, max_pages=50)
            yield made
            await made.close()


def written(folder: Path, content: bytes) -> Path:
    (folder / "document").write_bytes(content)
    return folder / "document"


def pdf_of(pages: int, password: str | None = None) -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if password is not None:
        writer.encrypt(password, algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


async def refusal(engine: DocumentEngine, file: Path, kind: DocumentKind = DocumentKind.PDF) -> str:
    with pytest.raises(EngineRefused) as refused:
        await engine.analyse(file, kind)
    assert str(refused.value)
    return refused.value.code


async def test_columns_are_read_one_after_the_other(engine: DocumentEngine):
    found = await engine.analyse(SAMPLES / "twocol.pdf", DocumentKind.PDF)
    assert found.content.split() == (SAMPLES / "twocol.txt").read_text("utf-8").split()
    assert found.pages == 1


async def test_a_filled_in_form_says_what_was_filled_in(engine: DocumentEngine):
    found = await engine.analyse(SAMPLES / "form.pdf", DocumentKind.PDF)
    for value in ("Maria Delgado", "14/08/1989", "0117 496 0321"):
        assert value in found.content


async def test_a_scan_in_a_pdf_is_recognised(engine: DocumentEngine):
    found = await engine.analyse(SAMPLES / "scan_only.pdf", DocumentKind.PDF)
    assert "recurrent panic attacks at work" in found.content


async def test_blank_pages_have_no_text(engine: DocumentEngine, tmp_path: Path):
    found = await engine.analyse(written(tmp_path, pdf_of(3)), DocumentKind.PDF)
    assert (found.content, found.pages, found.tables) == ("", 3, ())


async def test_a_blank_picture_has_no_text(engine: DocumentEngine, tmp_path: Path):
    Image.new("L", (600, 800), 255).save(tmp_path / "blank.png")
    found = await engine.analyse(tmp_path / "blank.png", DocumentKind.PNG)
    assert (found.content, found.pages) == ("", 1)


async def test_an_encrypted_document_is_refused(engine: DocumentEngine, tmp_path: Path):
    assert await refusal(engine, written(tmp_path, pdf_of(1, password="known to nobody"))) == "document_encrypted"


async def test_a_document_that_opens_without_a_password_is_read(engine: DocumentEngine, tmp_path: Path):
    assert (await engine.analyse(written(tmp_path, pdf_of(1, password="")), DocumentKind.PDF)).pages == 1


async def test_a_document_without_pages_is_refused(engine: DocumentEngine, tmp_path: Path):
    assert await refusal(engine, written(tmp_path, pdf_of(0))) == "document_empty"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b"%PDF-1.7\n" + bytes(500), DocumentKind.PDF, id="PDF"),
        pytest.param(INTAKE[: len(INTAKE) // 3], DocumentKind.PDF, id="half a PDF"),
        pytest.param((SAMPLES / "clean_200dpi.png").read_bytes()[:5000], DocumentKind.PNG, id="half a PNG"),
        pytest.param((SAMPLES / "low_110dpi.jpg").read_bytes()[:5000], DocumentKind.JPEG, id="half a JPEG"),
        pytest.param(b"II*\0" + bytes(500), DocumentKind.TIFF, id="TIFF"),
        pytest.param(b"BM" + bytes(12) + b"\x28" + bytes(500), DocumentKind.BMP, id="BMP"),
    ],
)
async def test_a_broken_document_is_refused(engine: DocumentEngine, tmp_path: Path, content: bytes, kind: DocumentKind):
    assert await refusal(engine, written(tmp_path, content), kind) == "document_unreadable"


async def test_too_many_pages_are_refused(engine: DocumentEngine, tmp_path: Path):
    assert await refusal(engine, written(tmp_path, pdf_of(51))) == "document_too_complex"


async def test_too_many_pixels_are_refused(engine: DocumentEngine, tmp_path: Path):
    Image.new("1", (12_000, 12_000)).save(tmp_path / "black.png")
    assert await refusal(engine, tmp_path / "black.png", DocumentKind.PNG) == "document_too_complex"
