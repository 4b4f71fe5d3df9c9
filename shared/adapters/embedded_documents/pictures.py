"""Pictures of pages in files: PNG, JPEG, BMP, and TIFF of many pages."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shared.adapters.document_refusals import TOO_COMPLEX, refused
from shared.adapters.embedded_documents.caps import Caps
from shared.adapters.embedded_documents.ocr import read_picture
from shared.domain.document import DocumentKind, PageRead

if TYPE_CHECKING:
    from PIL.Image import Image


def read_pictures(file: Path, kind: DocumentKind, caps: Caps, known: Container[int]) -> Iterator[PageRead]:
    """The text of each page that is not known yet. Raises: EngineRefused."""
    for number, picture in _pictures(file, kind, caps, known):
        yield PageRead(number=number, text=read_picture(picture, caps.threads))


def _pictures(file: Path, kind: DocumentKind, caps: Caps, known: Container[int]) -> Iterator[tuple[int, Image]]:
    """Each page with its number, as a camera's owner sees it: phones say how they were held."""
    from PIL import Image, ImageOps, ImageSequence  # noqa: PLC0415 (heavy)

    Image.MAX_IMAGE_PIXELS = None  # counted here, before anything is decoded
    with Image.open(file, formats=[kind.name]) as opened:
        for number, frame in enumerate(ImageSequence.Iterator(opened), 1):
            if number > caps.pages or frame.width * frame.height > caps.pixels:
                raise refused(TOO_COMPLEX)
            if number not in known:
                yield number, ImageOps.exif_transpose(frame)
