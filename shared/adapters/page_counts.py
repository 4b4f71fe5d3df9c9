"""How many pages a document has, by the document itself: `python -m shared.adapters.page_counts FILE KIND`.

Read in a process of its own, as every parser of what anybody sends is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from shared.adapters.apart import Answer, answer_apart, ask_apart
from shared.adapters.document_refusals import EMPTY, ENCRYPTED, TOO_COMPLEX, UNREADABLE, refused
from shared.domain.document import DocumentKind
from shared.domain.errors import EngineUnavailable

SECONDS = 30
MEMORY_BYTES = 1024**3


async def count_pages(file: Path, kind: DocumentKind) -> int:
    """Pages of a PDF, pictures of a TIFF, 1 for any other picture.

    Raises: EngineRefused (`document_encrypted`, `document_unreadable`, `document_empty`, `document_too_complex`),
    EngineUnavailable.
    """
    if kind not in (DocumentKind.PDF, DocumentKind.TIFF):
        return 1
    try:
        said = await ask_apart("shared.adapters.page_counts", str(file), kind.value, seconds=SECONDS)
    except TimeoutError:
        raise refused(TOO_COMPLEX) from None
    pages = said.get("pages")
    if not isinstance(pages, int):
        raise EngineUnavailable("pages cannot be counted")
    if pages == 0:
        raise refused(EMPTY)
    return pages


def main(file: str, kind: str) -> None:
    """Count and answer."""
    answer_apart(lambda: _counted(Path(file), DocumentKind(kind)), memory_bytes=MEMORY_BYTES, cpu_seconds=SECONDS)


def _counted(file: Path, kind: DocumentKind) -> Iterator[Answer]:
    with file.open("rb") as opened:
        yield {"pages": _pdf_pages(opened) if kind is DocumentKind.PDF else sum(1 for _ in _pictures(opened))}


def _pdf_pages(opened: BinaryIO) -> int:
    """Of a PDF that opens without a password; the page tree is walked, since its `/Count` may be wrong."""
    from pypdf import PasswordType, PdfReader  # noqa: PLC0415 (heavy, and for this process only)

    reader = PdfReader(opened)
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
        raise refused(ENCRYPTED)
    return len(reader.pages)


def _pictures(opened: BinaryIO) -> Iterator[int]:
    """Offsets of a TIFF's image file directories (TIFF 6.0 §2; BigTIFF has 8-byte offsets and counts)."""
    head = opened.read(16)
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    big = int.from_bytes(head[2:4], order) == 43  # noqa: PLR2004 (BigTIFF's version)
    width, counted, entry = (8, 8, 20) if big else (4, 2, 12)
    offset = int.from_bytes(head[8:16] if big else head[4:8], order)
    seen = set[int]()
    if offset == 0:
        raise refused(UNREADABLE)
    while offset:
        opened.seek(offset)
        count = opened.read(counted)
        if len(count) < counted or offset in seen:  # the chain ends early, or leads in a circle
            raise refused(UNREADABLE)
        seen.add(offset)
        yield offset
        opened.seek(offset + counted + int.from_bytes(count, order) * entry)
        following = opened.read(width)
        if len(following) < width:
            raise refused(UNREADABLE)
        offset = int.from_bytes(following, order)


if __name__ == "__main__":
    main(*sys.argv[1:])
