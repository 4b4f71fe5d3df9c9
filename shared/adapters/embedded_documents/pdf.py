"""PDF: its text by columns, ruled tables, filled-in forms, and recognition for pages that are pictures."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.adapters.document_refusals import EMPTY, ENCRYPTED, TOO_COMPLEX, UNREADABLE, refused
from shared.adapters.embedded_documents.caps import Caps
from shared.adapters.embedded_documents.layout import Box, in_reading_order
from shared.adapters.embedded_documents.ocr import LONG_SIDE, read_picture
from shared.domain.document import PageRead, Table

if TYPE_CHECKING:
    from pdfplumber.page import Page
    from pypdfium2 import PdfDocument

SCAN_DPI = 200
FEW_LETTERS = 50
"""A page that is mostly picture and has fewer letters than this is a scan with a stamp on it."""
MOSTLY = 0.5
_PASSWORD_NEEDED = 4
"""FPDF_ERR_PASSWORD"""


def read_pdf(file: Path, caps: Caps, known: Container[int]) -> Iterator[PageRead]:
    """Text and tables of each page that is not known yet. Raises: EngineRefused."""
    import pdfplumber  # noqa: PLC0415 (heavy)

    with _opened(file) as rendered:
        count = len(rendered)
        if count == 0:
            raise refused(EMPTY)
        if count > caps.pages:
            raise refused(TOO_COMPLEX)
        with pdfplumber.open(file) as readable:
            for number, page in enumerate(readable.pages, 1):
                if number in known:
                    continue
                tables = tuple(_tables(page, number))
                yield PageRead(number=number, text=_text(page, rendered, number, caps), tables=tables)
                page.close()  # what pdfplumber found on it stays in memory otherwise


@contextmanager
def _opened(file: Path) -> Iterator[PdfDocument]:
    from pypdfium2 import PdfDocument, PdfiumError  # noqa: PLC0415 (heavy)

    try:
        document = PdfDocument(file)
    except PdfiumError as error:
        if error.err_code == _PASSWORD_NEEDED:
            raise refused(ENCRYPTED) from None
        raise refused(EMPTY if _has_no_pages(file) else UNREADABLE) from None
    try:
        yield document
    finally:
        document.close()


def _has_no_pages(file: Path) -> bool:
    """Whether a file that PDFium does not open is a sound PDF without pages: to PDFium that is no PDF."""
    from pypdf import PdfReader  # noqa: PLC0415 (heavy)
    from pypdf.errors import PyPdfError  # noqa: PLC0415 (heavy)

    try:
        with file.open("rb") as opened:
            return len(PdfReader(opened).pages) == 0
    except PyPdfError:
        return False


def _text(page: Page, rendered: PdfDocument, number: int, caps: Caps) -> str:
    if _is_picture(page):
        return read_picture(_render(rendered, number, caps), caps.threads)
    words = page.extract_words(use_text_flow=False, keep_blank_chars=False)
    return in_reading_order(
        Box(float(word["x0"]), float(word["top"]), float(word["x1"]), float(word["bottom"]), word["text"])
        for word in words
    )


def _is_picture(page: Page) -> bool:
    """Whether what is to be read on a page has to be recognised: no text in it, or none that means anything."""
    letters = [char["text"] for char in page.chars if not char["text"].isspace()]
    meaningless = sum(text.startswith("(cid:") or text == "\N{REPLACEMENT CHARACTER}" for text in letters)
    if meaningless > MOSTLY * len(letters):
        return True
    covered = sum(_area(image) for image in page.images)
    if not letters:
        return bool(covered or page.curves)
    return len(letters) < FEW_LETTERS and covered > MOSTLY * float(page.width * page.height)


def _area(image: dict[str, Any]) -> float:
    return float(image["width"]) * float(image["height"])


def _render(document: PdfDocument, number: int, caps: Caps) -> Any:
    """A picture of the page, at the resolution of an office scanner or as fine as the caps allow."""
    page = document[number - 1]
    try:
        width, height = page.get_size()
        scale = min(SCAN_DPI / 72, LONG_SIDE / max(width, height), math.sqrt(caps.pixels / (width * height)))
        return page.render(scale=scale).to_pil()
    finally:
        page.close()


def _tables(page: Page, number: int) -> list[Table]:
    """Ruled tables only: columns that merely look aligned are prose too often."""
    if not page.edges:
        return []
    found = [[[cell or "" for cell in row] for row in rows] for rows in page.extract_tables()]
    return [
        Table(page=number, rows=tuple(tuple(row) for row in rows))
        for rows in found
        if any(cell for row in rows for cell in row) and any(len(row) > 1 for row in rows)
    ]


def form_fields(file: Path) -> str:
    """What was filled into a form, `name: value` a line; it stands beside the page's text, not in it."""
    from pypdf import PdfReader  # noqa: PLC0415 (heavy)

    with file.open("rb") as opened:
        fields = PdfReader(opened).get_fields() or {}
        values = {name: field.get("/V") for name, field in fields.items()}
    return "\n".join(f"{name}: {_value(value)}" for name, value in values.items() if value not in (None, ""))


def _value(value: Any) -> str:
    """Text as it is, a ticked box as `Yes`, several choices one after the other."""
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value)
    return str(value).removeprefix("/")
