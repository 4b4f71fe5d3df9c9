"""Names that come from outside, made safe, and names of our own, made the same way every time."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from shared.domain.errors import InvalidInput

ID_PATTERN = r"^[A-Za-z0-9._-]{1,128}$"
MAX_EXTENSION = 16
MAX_FILENAME = 200
"""Characters kept of a client's file name: folder, name and suffix fit Azure's 1,024-character blob names."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._ ()-]+")
_DATED = re.compile(r"(\d{4}[-_.]?\d{2}[-_.]?\d{2}(?:[T _-]+\d{2}[-_.:]?\d{2}[-_.:]?\d{2})?)\D*$")
_TRAILING_NUMBER = re.compile(r"(\d{1,9})\D*$")


def check_id(value: str, field: str) -> str:
    """The id, if it is one of ours to keep. Raises: InvalidInput (`invalid_id`)."""
    if not re.match(ID_PATTERN, value) or value in {".", ".."} or value.endswith("\n"):
        raise InvalidInput(f"{field} must be 1 to 128 of the characters A-Z a-z 0-9 . _ -", code="invalid_id")
    return value


def safe_filename(given: str | None, *, fallback: str = "audio") -> str:
    """The base name of what a client sent, reduced to characters that are safe in paths and headers.

    `../../etc/passwd` becomes `passwd`; a name with nothing left becomes `fallback`.
    """
    base = _UNSAFE.sub("_", re.split(r"[/\\]", given or "")[-1]).strip(" .")
    extension = PurePosixPath(base).suffix[:MAX_EXTENSION]
    if len(base) > MAX_FILENAME:
        base = base[: MAX_FILENAME - len(extension)] + extension
    return base or fallback


def with_suffix(filename: str, n: int) -> str:
    """`session_audio.wav` → `session_audio-1.wav`; 0 leaves it as it is."""
    if n == 0:
        return filename
    stem, dot, extension = filename.rpartition(".")
    return f"{stem}-{n}.{extension}" if dot and stem else f"{filename}-{n}"


def trailing_number(filename: str) -> int | None:
    """The last number of a name's stem: `rec-2026-part-007.webm` → 7, `session_audio.wav` → None.

    A date or time at the end counts whole (`2026-02-23.wav` → 20260223): fit for ordering, and too large to be
    taken for the place of a chunk.
    """
    stem = PurePosixPath(filename).stem
    if dated := _DATED.search(stem):
        return int(re.sub(r"\D", "", dated.group(1)))
    found = _TRAILING_NUMBER.search(stem)
    return int(found.group(1)) if found else None


def chunk_id(*, index: int | None, filename: str, sha256: str) -> str:
    """What makes two uploads of a session the same chunk.

    With an index, the index: other bytes under it are a conflict. Without one, name and content together:
    a retry repeats both, while a recorder that always says `audio.webm`, and one whose silent pieces are
    equal byte for byte, still upload different chunks.
    """
    if index is not None:
        return f"i{index}"
    return "n" + hashlib.sha256(f"{filename}\n{sha256}".encode()).hexdigest()[:16]
