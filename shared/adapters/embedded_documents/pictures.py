"""Pictures of pages in files: PNG, JPEG, BMP, and TIFF of many pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shared.adapters.document_refusals import TOO_COMPLEX, refused
from shared.adapters.embedded_documents.caps import Caps
from shared.adapters.embedded_documents.ocr import read_picture
from shared.domain.document import DocumentAnalysis, DocumentKind

if TYPE_CHECKING:
    from PIL.Image import Image


def read_pictures(file: Path, kind: DocumentKind, caps: Caps) -> DocumentAnalysis:
    """The text of each page, an empty line between pages. Raises: EngineRefused."""
    texts = [read_picture(picture, caps.threads) for picture in _pictures(file, kind, caps)]
    return DocumentAnalysis(content="\n\n".join(filter(None, texts)), pages=len(texts))


def _pictures(file: Path, kind: DocumentKind, caps: Caps) -> Iterator[Image]:
    """Each page as a camera's owner sees it: phones store a photo as taken and say how it was held."""
    from PIL import Image, ImageOps, ImageSequence  # noqa: PLC0415 (heavy)

    Image.MAX_IMAGE_PIXELS = None  # counted here, before anything is decoded
    with Image.open(file, formats=[kind.name]) as opened:
        for n, frame in enumerate(ImageSequence.Iterator(opened)):
            if n >= caps.pages or frame.width * frame.height > caps.pixels:
                raise refused(TOO_COMPLEX)
            yield ImageOps.exif_transpose(frame)
