"""Text in pictures of pages: upright, askew, sideways or upside down."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from shared.adapters.embedded_documents.layout import in_reading_order, straightened

if TYPE_CHECKING:
    from PIL.Image import Image

SURE = 0.9
"""Mean confidence of a page that lies the right way up; upside down, samples came to 0.76, upright to 0.99."""
LONG_SIDE = 2600
"""Pixels of the longer side of what is recognised; the recogniser itself goes down to 2,000."""


def read_picture(picture: Image, threads: int) -> str:
    """The text of a picture of a page, in reading order; empty where there is none."""
    picture = _on_white(picture)
    picture.thumbnail((LONG_SIDE, LONG_SIDE))
    found = _recognised(picture, threads)
    if _lies_sideways(found):
        picture = picture.rotate(90, expand=True)
        found = _recognised(picture, threads)
    if _score(found) < SURE and found.txts:
        found = max(found, _recognised(picture.rotate(180), threads), key=_score)
    if not found.txts:
        return ""
    quads = [[(float(x), float(y)) for x, y in quad] for quad in found.boxes]
    return in_reading_order(straightened(quads, found.txts))


def _on_white(picture: Image) -> Image:
    """In 8-bit colours: black on transparent is black on white, and 16-bit grey is not all white."""
    from PIL import Image as Images  # noqa: PLC0415 (heavy)

    if picture.mode.startswith("I"):
        picture = picture.point(lambda grey: grey / 256).convert("L")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Images.alpha_composite(Images.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def _recognised(picture: Image, threads: int) -> Any:
    import numpy as np  # noqa: PLC0415 (heavy, and only for pictures)

    # The classifier that turns single lines upside down is off: it turns right ones, and costs a tenth of the words.
    return _recogniser(threads)(np.asarray(picture)[:, :, ::-1], use_cls=False)


@cache
def _recogniser(threads: int) -> Any:
    from rapidocr import RapidOCR  # noqa: PLC0415 (a second, and 500 MB: only for pictures)

    return RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        }
    )


def _lies_sideways(found: Any) -> bool:
    """Whether most of the text's length runs up or down the picture."""
    if not found.txts:
        return False
    along = across = 0.0
    for quad in found.boxes:
        width, height = quad[:, 0].max() - quad[:, 0].min(), quad[:, 1].max() - quad[:, 1].min()
        if width >= height:
            along += width
        else:
            across += height
    return across > along


def _score(found: Any) -> float:
    return sum(found.scores) / len(found.scores) if found.txts else 0.0
