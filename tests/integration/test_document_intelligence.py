"""The Document Intelligence engine when the service goes wrong, through its real SDK."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfWriter

from shared.adapters.document_intelligence import DocumentIntelligenceEngine
from shared.adapters.page_counts import count_pages
from shared.domain.document import DocumentAnalysis, DocumentKind, Table
from shared.domain.errors import EngineRefused, EngineUnavailable
from tests.servers.document_intelligence import KEY, DocumentIntelligence
from tests.servers.faults import Fault, Trouble
from tests.servers.waits import Waits

MIB = 1024 * 1024
READ = DocumentAnalysis(
    content="Patient name: Jane Doe", pages=1, tables=(Table(page=1, rows=(("a", "b"), ("c", ""))),)
)
LOOK, SEND = "analyzeResults", ":analyze"

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000

NewEngine = Callable[..., DocumentIntelligenceEngine]


@pytest.fixture
def server() -> Iterator[DocumentIntelligence]:
    with DocumentIntelligence(reads=READ) as running:
        yield running


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def new_engine(server: DocumentIntelligence, waits: Waits) -> AsyncIterator[NewEngine]:
    async with AsyncExitStack() as made:

        def new(**options: Any) -> DocumentIntelligenceEngine:
            given = {"patience": waits.patience(), "polling_interval_s": 0.01, **options}
            engine = DocumentIntelligenceEngine(server.url, given.pop("key", KEY), **given)
            made.push_async_callback(engine.close)
            return engine

        yield new


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    (tmp_path / "picture.png").write_bytes(PICTURE)
    return tmp_path / "picture.png"


def pdf(folder: Path, pages: int) -> Path:
    writer, file = PdfWriter(), folder / "document.pdf"
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    writer.write(file)
    return file


async def test_pictures_are_recognised_and_pdfs_laid_out(
    server: DocumentIntelligence, new_engine: NewEngine, picture: Path, tmp_path: Path
):
    engine = new_engine()
    read = await engine.analyse(picture, DocumentKind.PNG)
    laid_out = await engine.analyse(pdf(tmp_path, 1), DocumentKind.PDF)
    assert (read.content, read.tables) == (READ.content, ())
    assert laid_out == READ
    sent = [request.path for request in server.requests if request.method == "POST"]
    assert [path.rpartition("/")[2] for path in sent] == ["prebuilt-read:analyze", "prebuilt-layout:analyze"]


async def test_half_a_document_is_never_passed_off_as_all_of_it(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with DocumentIntelligence(reads=READ.model_copy(update={"pages": 5}), page_limit=2) as free_tier:
        engine = DocumentIntelligenceEngine(free_tier.url, KEY, polling_interval_s=0.01)
        with pytest.raises(EngineRefused) as refused, caplog.at_level(logging.ERROR):
            await engine.analyse(pdf(tmp_path, 5), DocumentKind.PDF)
        await engine.close()
    assert refused.value.code == "document_too_complex"
    assert "2 of its 5 pages" in str(refused.value)
    assert "use S0" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(status=429, path=SEND, headers={"Retry-After": "7"}), id="429 with Retry-After"),
        pytest.param(Fault(status=429, path=SEND), id="429 without"),
        pytest.param(Fault(status=500, path=SEND, times=2), id="500 twice"),
        pytest.param(Fault(status=503, path=SEND), id="503"),
        pytest.param(Fault(Trouble.DROPPED, path=SEND), id="dropped"),
        pytest.param(Fault(Trouble.SLOW, path=SEND, seconds=0.05), id="slow"),
        pytest.param(Fault(Trouble.SILENT, path=SEND), id="silent"),
        pytest.param(Fault(status=429, path=LOOK, headers={"Retry-After": "0"}), id="429 at a look"),
        pytest.param(Fault(status=500, path=LOOK), id="500 at a look"),
        pytest.param(Fault(Trouble.DROPPED, path=LOOK), id="dropped at a look"),
        pytest.param(Fault(Trouble.TRUNCATED, path=LOOK), id="truncated"),
        pytest.param(Fault(Trouble.MALFORMED, path=LOOK), id="malformed"),
        pytest.param(Fault(status=200, path=LOOK, body={"status": "failed", "error": {"code": "X"}}), id="failed"),
        pytest.param(Fault(status=200, path=LOOK, body={"status": "succeeded"}), id="without a result"),
    ],
)
async def test_passing_trouble_costs_a_wait(
    server: DocumentIntelligence, new_engine: NewEngine, picture: Path, fault: Fault
):
    server.faults = [fault]
    found = await new_engine(timeout_s=0.3).analyse(picture, DocumentKind.PNG)
    assert found.content == READ.content
    sent = {request.body for request in server.requests if request.method == "POST"}
    assert sent == {PICTURE}, "each try sends the whole file"


async def test_the_service_says_how_long_to_wait(
    server: DocumentIntelligence, new_engine: NewEngine, picture: Path, waits: Waits
):
    server.faults = [Fault(status=429, path=SEND, headers={"Retry-After": "7"})]
    await new_engine().analyse(picture, DocumentKind.PNG)
    assert waits.seconds == [7]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_an_operator_must_mend_is_said_and_not_tried_again(
    server: DocumentIntelligence, new_engine: NewEngine, picture: Path, status: int
):
    server.faults = [Fault(status=status, times=99)]
    with pytest.raises(EngineUnavailable, match=str(status)):
        await new_engine().analyse(picture, DocumentKind.PNG)
    assert len(server.requests) == 1


async def test_a_wrong_key_is_not_shown(new_engine: NewEngine, picture: Path):
    with pytest.raises(EngineUnavailable, match="401") as failed:
        await new_engine(key="wrong-and-secret").analyse(picture, DocumentKind.PNG)
    assert "wrong-and-secret" not in str(failed.value)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_lasting_trouble_is_the_hosts_to_try_again(
    server: DocumentIntelligence, new_engine: NewEngine, picture: Path, status: int
):
    server.faults = [Fault(status=status, times=99)]
    with pytest.raises(EngineUnavailable):
        await new_engine().analyse(picture, DocumentKind.PNG)
    assert len(server.requests) == 3


async def test_a_service_that_never_ends_is_given_up(
    server: DocumentIntelligence, new_engine: NewEngine, picture: Path
):
    server.looks = 10**9
    with pytest.raises(EngineUnavailable, match=r"more than 0\.3 s"):
        await new_engine(max_seconds=0.3).analyse(picture, DocumentKind.PNG)


@pytest.mark.parametrize(
    ("status", "inner", "code"),
    [
        (400, "InvalidContent", "document_unreadable"),
        (400, "UnsupportedContent", "document_unreadable"),
        (415, "UnsupportedMediaType", "document_unreadable"),
        (400, "InvalidContentLength", "document_too_complex"),
        (400, "InvalidContentDimensions", "document_too_complex"),
        (413, None, "document_too_complex"),
    ],
)
async def test_what_the_service_refuses_is_refused(
    server: DocumentIntelligence, new_engine: NewEngine, picture: Path, status: int, inner: str | None, code: str
):
    body = {"error": {"code": "InvalidRequest", "message": "no.", "innererror": {"code": inner, "message": "no."}}}
    server.faults = [Fault(status=status, body=body if inner else None)]
    with pytest.raises(EngineRefused) as refused:
        await new_engine().analyse(picture, DocumentKind.PNG)
    assert refused.value.code == code


async def test_a_file_that_is_too_large_is_not_sent(
    server: DocumentIntelligence, new_engine: NewEngine, picture: Path, tmp_path: Path
):
    with pytest.raises(EngineRefused) as large:
        await new_engine(max_bytes=10).analyse(picture, DocumentKind.PNG)
    with pytest.raises(EngineRefused) as long:
        await new_engine(max_pages=2).analyse(pdf(tmp_path, 3), DocumentKind.PDF)
    assert (large.value.code, long.value.code) == ("document_too_complex", "document_too_complex")
    assert server.requests == []


async def test_a_large_file_is_sent_from_disk_in_pieces(
    server: DocumentIntelligence, new_engine: NewEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Read as a whole it would stand in memory next to what the SDK makes of it."""
    large = tmp_path / "large.bmp"
    large.write_bytes(b"BM" + bytes(20 * MIB))
    largest: list[int] = []

    class Watched(io.BufferedReader):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            largest.append(len(piece))
            return piece

    monkeypatch.setattr(Path, "open", lambda self, mode: Watched(io.FileIO(self, mode.replace("b", ""))))
    await new_engine().analyse(large, DocumentKind.BMP)
    assert max(largest) <= MIB
    assert len(server.requests[0].body) == 20 * MIB + 2


@pytest.mark.parametrize("pages", [1, 3])
async def test_pictures_of_a_tiff_are_counted(tmp_path: Path, pages: int):
    pictures = [Image.new("L", (20, 20), n) for n in range(pages)]
    pictures[0].save(tmp_path / "scan.tiff", save_all=True, append_images=pictures[1:])
    assert await count_pages(tmp_path / "scan.tiff", DocumentKind.TIFF) == pages


async def test_a_tiff_that_leads_in_a_circle_is_refused(tmp_path: Path):
    circle = b"II*\0" + (8).to_bytes(4, "little") + (0).to_bytes(2, "little") + (8).to_bytes(4, "little")
    (tmp_path / "circle.tiff").write_bytes(circle)
    with pytest.raises(EngineRefused) as refused:
        await count_pages(tmp_path / "circle.tiff", DocumentKind.TIFF)
    assert refused.value.code == "document_unreadable"
