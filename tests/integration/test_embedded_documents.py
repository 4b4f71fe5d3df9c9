"""How well documents are read, and what hostile ones cost. The figures stand at the end of the run, "measured"."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from collections import Counter
from pathlib import Path

import jiwer
import numpy as np
import psutil
import pytest
from PIL import Image, ImageOps
from pypdfium2 import PdfDocument

from shared.adapters.embedded_documents import Caps, EmbeddedDocumentEngine
from shared.domain.document import DocumentAnalysis, DocumentKind, kind_of
from shared.domain.errors import EngineRefused, EngineUnavailable
from tests.pdf_files import page_with, pdf

SAMPLES = Path(__file__).parent.parent / "data" / "documents"
SCANS = ("clean_200dpi.png", "scan_200dpi.jpg", "phone_150dpi.jpg", "low_110dpi.jpg", "scan_only.pdf")
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def engine() -> EmbeddedDocumentEngine:
    return EmbeddedDocumentEngine()


async def read(engine: EmbeddedDocumentEngine, file: Path) -> DocumentAnalysis:
    with file.open("rb") as opened:
        kind = kind_of(opened.read(1024))
    assert kind is not None
    return await engine.analyse(file, kind)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def character_errors(truth: str, text: str) -> float:
    """Wrong characters out of those of the truth; white space counts as one."""
    return float(jiwer.cer(plain(truth), plain(text)))


def word_recall(truth: str, text: str) -> float:
    """The part of the truth's words that are in the text, in any order."""
    words, found = Counter(truth.split()), Counter(text.split())
    return (words & found).total() / words.total()


def truth_of(name: str) -> str:
    return (SAMPLES / name).read_text("utf-8")


@pytest.mark.parametrize(("name", "truth"), [("intake.pdf", "intake.txt"), ("twocol.pdf", "twocol.txt")])
async def test_text_of_a_pdf_is_exact(engine: EmbeddedDocumentEngine, measured: list[str], name: str, truth: str):
    errors = character_errors(truth_of(truth), (await read(engine, SAMPLES / name)).content)
    measured.append(f"document {name:18} character error rate {100 * errors:5.2f}%")
    assert errors == 0


@pytest.mark.parametrize("name", SCANS)
async def test_every_word_of_a_scan_is_found(engine: EmbeddedDocumentEngine, measured: list[str], name: str):
    text, truth = (await read(engine, SAMPLES / name)).content, truth_of("intake.txt")
    errors, recall = character_errors(truth, text), word_recall(truth, text)
    measured.append(f"document {name:18} character error rate {100 * errors:5.2f}%  word recall {recall:.3f}")
    assert recall == 1.0
    assert errors <= 0.005


async def test_table_cells_of_a_pdf_are_exact(engine: EmbeddedDocumentEngine, measured: list[str]):
    rows = json.loads(truth_of("intake_table.json"))
    [table] = (await read(engine, SAMPLES / "intake.pdf")).tables
    pairs = [pair for found, row in zip(table.rows, rows, strict=True) for pair in zip(found, row, strict=True)]
    right = sum(found == cell for found, cell in pairs)
    measured.append(f"document intake.pdf         table cells found {right} of {len(pairs)}")
    assert right == len(pairs)


async def test_form_fields_are_exact(engine: EmbeddedDocumentEngine):
    lines = (await read(engine, SAMPLES / "form.pdf")).content.splitlines()
    assert {"full_name: Maria Delgado", "dob: 14/08/1989", "phone: 0117 496 0321", "consent_recording: Yes"} <= set(
        lines
    )


@pytest.mark.parametrize("degrees", [90, 180, 270])
async def test_a_page_is_read_however_it_lies(engine: EmbeddedDocumentEngine, tmp_path: Path, degrees: int):
    with Image.open(SAMPLES / "low_110dpi.jpg") as page:
        page.rotate(degrees, expand=True).save(tmp_path / "turned.png")
    text = (await read(engine, tmp_path / "turned.png")).content
    assert character_errors(truth_of("intake.txt"), text) <= 0.01


async def test_a_photo_is_turned_as_the_phone_says(engine: EmbeddedDocumentEngine, tmp_path: Path):
    with Image.open(SAMPLES / "phone_150dpi.jpg") as page:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be shown turned by 90° clockwise
        page.rotate(90, expand=True).save(tmp_path / "photo.jpg", exif=exif, quality=90)
    text = (await read(engine, tmp_path / "photo.jpg")).content
    assert character_errors(truth_of("intake.txt"), text) <= 0.01


async def test_a_skewed_page_is_read_line_by_line(engine: EmbeddedDocumentEngine, tmp_path: Path):
    with Image.open(SAMPLES / "clean_200dpi.png") as page:
        page.convert("L").rotate(4, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC).save(
            tmp_path / "skewed.png"
        )
    text = (await read(engine, tmp_path / "skewed.png")).content
    assert character_errors(truth_of("intake.txt"), text) <= 0.01


async def test_columns_of_a_scan_are_read_one_after_the_other(engine: EmbeddedDocumentEngine, tmp_path: Path):
    with PdfDocument(SAMPLES / "twocol.pdf") as document:
        document[0].render(scale=2).to_pil().rotate(1.5, fillcolor="white").save(tmp_path / "columns.png")
    text = (await read(engine, tmp_path / "columns.png")).content
    assert character_errors(truth_of("twocol.txt"), text) <= 0.005


@pytest.mark.parametrize("form", ["black on transparent", "16-bit grey", "large and of one bit", "palette"])
async def test_a_picture_is_read_in_whatever_colours(engine: EmbeddedDocumentEngine, tmp_path: Path, form: str):
    with Image.open(SAMPLES / "low_110dpi.jpg") as page:
        top = page.convert("L").crop((0, 0, page.width, page.height // 3))
    match form:
        case "black on transparent":
            picture = Image.new("RGBA", top.size, "black")
            picture.putalpha(ImageOps.invert(top))
        case "16-bit grey":
            picture = Image.fromarray(np.asarray(top).astype(np.uint16) * 257)
        case "large and of one bit":
            picture = top.resize((top.width * 4, top.height * 4)).point(lambda grey: grey > 150 and 255, "1")
        case _:
            picture = top.convert("P")
    picture.save(tmp_path / "picture.png")
    assert (
        "Client name: Maria Delgado Date of birth: 14/08/1989" in (await read(engine, tmp_path / "picture.png")).content
    )


async def test_every_page_of_a_tiff_is_read(engine: EmbeddedDocumentEngine, tmp_path: Path):
    with Image.open(SAMPLES / "low_110dpi.jpg") as page:
        upper, lower = page.crop((0, 0, page.width, 440)), page.crop((0, 440, page.width, page.height))
        upper.save(tmp_path / "fax.tiff", save_all=True, append_images=[lower], compression="tiff_lzw")
    found = await read(engine, tmp_path / "fax.tiff")
    assert found.pages == 2
    first, second = found.content.split("\n\n")
    assert "Client Intake" in first
    assert "graded exposure" in second


async def test_nothing_is_fetched(engine: EmbeddedDocumentEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The reader's process, with every connection refused to it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*_, **__): raise SystemExit('the reader went out')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert "Maria Delgado" in (await read(engine, SAMPLES / "low_110dpi.jpg")).content


# ---- bombs -------------------------------------------------------------------------------------------------------


def deflated(content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    return b"<</Length %d /Filter /FlateDecode>>\nstream\n%s\nendstream" % (len(packed), packed)


async def code_of(engine: EmbeddedDocumentEngine, file: Path) -> str:
    with pytest.raises(EngineRefused) as refused:
        await engine.analyse(file, DocumentKind.PDF)
    return refused.value.code


async def test_a_page_that_unpacks_without_end_is_refused(tmp_path: Path):
    content = deflated(b"BT /F 1 Tf (" + b"x" * (300 * MIB) + b") Tj ET")
    (tmp_path / "bomb.pdf").write_bytes(page_with(content))
    engine = EmbeddedDocumentEngine(Caps(memory_bytes=512 * MIB, seconds=60))
    assert await code_of(engine, tmp_path / "bomb.pdf") == "document_too_complex"


async def test_a_page_that_takes_for_ever_is_refused(tmp_path: Path):
    (tmp_path / "slow.pdf").write_bytes(page_with(deflated(b"BT /F 1 Tf (x) Tj ET\n" * 2_000_000)))
    engine = EmbeddedDocumentEngine(Caps(seconds=2))
    assert await code_of(engine, tmp_path / "slow.pdf") == "document_too_complex"
    assert readers() == []


async def test_a_count_of_pages_that_is_not_true_costs_nothing(engine: EmbeddedDocumentEngine, tmp_path: Path):
    content = pdf(b"<</Type /Catalog /Pages 2 0 R>>", b"<</Type /Pages /Count 2000000000 /Kids [2 0 R]>>")
    (tmp_path / "liar.pdf").write_bytes(content)
    assert await code_of(engine, tmp_path / "liar.pdf") == "document_unreadable"


async def test_a_reader_nobody_waits_for_is_ended(engine: EmbeddedDocumentEngine, tmp_path: Path):
    (tmp_path / "slow.pdf").write_bytes(page_with(deflated(b"BT /F 1 Tf (x) Tj ET\n" * 2_000_000)))
    work = asyncio.create_task(engine.analyse(tmp_path / "slow.pdf", DocumentKind.PDF))
    while not readers():
        assert not work.done()
        await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert readers() == []


async def test_who_has_waited_too_long_is_told_to_come_again(tmp_path: Path):
    (tmp_path / "slow.pdf").write_bytes(page_with(deflated(b"BT /F 1 Tf (x) Tj ET\n" * 2_000_000)))
    busy = EmbeddedDocumentEngine(Caps(seconds=3, wait_seconds=1))
    first, second = await asyncio.gather(
        *(busy.analyse(tmp_path / "slow.pdf", DocumentKind.PDF) for _ in range(2)), return_exceptions=True
    )
    assert isinstance(first, EngineRefused)
    assert isinstance(second, EngineUnavailable)


async def test_the_reader_sees_no_secret(engine: EmbeddedDocumentEngine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COSMOS__KEY", "a key")
    work = asyncio.create_task(engine.analyse(SAMPLES / "low_110dpi.jpg", DocumentKind.JPEG))
    while not (found := readers()):
        assert not work.done()
        await asyncio.sleep(0)
    assert "COSMOS__KEY" not in found[0].environ()
    await work


def readers() -> list[psutil.Process]:
    """Processes of ours that read a document."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and any(part.endswith(".reader") for part in child.cmdline())
    ]
