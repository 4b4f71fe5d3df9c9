"""PDFs made for tests, byte by byte."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

_PAGE = (
    b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
    b" /Resources <</Font <</F <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>>>"
)
_CATALOGUE = b"<</Type /Catalog /Pages 2 0 R>>"
_PAGES = b"<</Type /Pages /Count 1 /Kids [3 0 R]>>"
_MIB = 1024 * 1024


def pdf(*objects: bytes) -> bytes:
    """A PDF of numbered objects, the first its catalogue."""
    out = io.BytesIO()
    write_pdf(out, objects)
    return out.getvalue()


def page_with(content: bytes) -> bytes:
    """A PDF of one page with this content stream object; `/F` is Helvetica."""
    return pdf(_CATALOGUE, _PAGES, _PAGE, content)


def pages_pdf(*contents: bytes) -> bytes:
    """A PDF of a page for each of these contents, packed; `/F` is Helvetica."""
    kids = b" ".join(b"%d 0 R" % (3 + 2 * n) for n in range(len(contents)))
    objects = [_CATALOGUE, b"<</Type /Pages /Count %d /Kids [%s]>>" % (len(contents), kids)]
    for n, content in enumerate(contents):
        packed = zlib.compress(content, 9)
        objects.append(_PAGE.replace(b"/Contents 4 0 R", b"/Contents %d 0 R" % (4 + 2 * n)))
        objects.append(b"<</Length %d /Filter /FlateDecode>>\nstream\n%s\nendstream" % (len(packed), packed))
    return pdf(*objects)


def text_pdf(*lines: str) -> bytes:
    """A page of text; brackets and backslashes are not for it."""
    return page_with(_text(lines))


def padded_pdf(path: Path, size: int, *lines: str) -> None:
    """A page of text in a file of at least `size` bytes: the rest is streams that no page shows."""
    padding = b"<</Length %d>>\nstream\n%s\nendstream" % (_MIB, b"\0" * _MIB)
    with path.open("wb") as file:
        write_pdf(file, [_CATALOGUE, _PAGES, _PAGE, _text(lines), *[padding] * -(-size // _MIB)])


def write_pdf(file: BinaryIO, objects: Iterable[bytes]) -> None:
    """Header, objects, cross-reference table, trailer (ISO 32000-1, 7.5)."""
    at, offsets = file.write(b"%PDF-1.7\n"), list[int]()
    for n, content in enumerate(objects, 1):
        offsets.append(at)
        at += file.write(b"%d 0 obj\n%s\nendobj\n" % (n, content))
    size = len(offsets) + 1
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    file.write(b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table))
    file.write(b"trailer <</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, at))


def _text(lines: Iterable[str]) -> bytes:
    shown = b" T* ".join(b"(%s) Tj" % line.encode("latin-1") for line in lines)
    content = b"BT /F 12 Tf 14 TL 50 780 Td %s ET" % shown
    return b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content)
