"""What kind of bytes a chunk starts with: a file of its own, a continuation, or no audio at all.

Recorders deliver a session in one of two ways. Either each chunk is a complete file, or one long file is cut
into pieces and only the first piece has a header. The head of a chunk tells which, and the file name does not.
"""

from __future__ import annotations

import codecs
import re
from enum import StrEnum

from shared.audio.frames import ADTS_FRAMES, MP3_FRAMES, mp3_frame_length, starts_with_frames

HEAD_BYTES = 32 * 1024
"""Enough of a chunk for every question asked here: three of the longest ADTS frames."""

CLUSTER = b"\x1f\x43\xb6\x75"
_EBML = b"\x1a\x45\xdf\xa3"
_OGG_BEGINS = 0x02
_ID3_HEADER = 10
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SHORT_TEXT = 12
"""Bytes of which audio is hardly ever printable throughout: one time in 100,000."""
_PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"avif")


class Container(StrEnum):
    """The formats whose chunks are understood."""

    WAV = "wav"
    MP3 = "mp3"
    WEBM = "webm"
    OGG = "ogg"
    MP4 = "mp4"
    FLAC = "flac"
    ADTS = "aac"


def container_of(head: bytes) -> Container | None:
    """The kind of file that starts here; None for a continuation (or for bytes that are no audio).

    `head` is the first bytes of a chunk, HEAD_BYTES of them where it has as many. MP3 and ADTS have no file
    header: a chunk that starts with whole frames is named so, and `begins_anew` decides whether it is a file of its
    own or more of the one before. `moof`, `styp` and Cluster heads are pieces of a file that began earlier.
    """
    for magic, container in (
        (_EBML, Container.WEBM),
        (b"fLaC", Container.FLAC),
    ):
        if head.startswith(magic):
            return container
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return Container.WAV
    if head.startswith(b"OggS"):
        return Container.OGG if len(head) > 5 and head[5] & _OGG_BEGINS else None  # noqa: PLR2004
    if head[4:8] == b"ftyp" and head[8:12] not in _PICTURE_BRANDS:
        return Container.MP4
    return _frame_format(head)


def begins_anew(head: bytes, previous: bytes, so_far: int) -> bool:
    """Whether a chunk that starts a file really is one, given the head of the file before it and its bytes so far.

    Only MP3 and ADTS leave a doubt, since a stream cut between two frames looks like a new one. With a header of
    its own (ID3v2, or the Xing/Info/VBRI frame encoders write first) a chunk is a file of its own: it is decoded
    afresh, so that the encoder delay named there is trimmed. Without, frames of the same kind are more of the same
    stream: joined byte by byte they decode exactly as the uncut stream did, bit reservoir and overlap included, and
    if they were recorded separately after all, every frame is still decoded and none is lost.
    """
    kind = container_of(head)
    if kind is None:
        return False
    if kind not in (Container.MP3, Container.ADTS) or _after_id3(head):
        return True
    before = _after_id3(previous)
    if before and so_far <= before:
        return False  # all there was before is a tag: the file it opens begins here
    if _announces_stream(head):
        return True
    frames = MP3_FRAMES if kind is Container.MP3 else ADTS_FRAMES
    return container_of(previous) is not kind or not frames.same_stream(previous[before : before + 4], head)


def looks_like_audio(head: bytes) -> bool:
    """Whether a chunk may be audio: False only for what is certainly something else.

    A continuation may begin with any bytes, so anything unknown is accepted (if it proves undecodable it becomes a
    gap with its name). Refused are the signatures of documents, pictures, archives and programs, and plain text.
    """
    if not head:
        return False
    if container_of(head) is not None:
        return True
    return not is_foreign(head, shortest_text=_SHORT_TEXT)


def is_foreign(head: bytes, *, shortest_text: int = 256) -> bool:
    """Whether a chunk is certainly no part of a recording: another kind of file, or at least so many bytes of text."""
    return head.startswith(_FOREIGN) or _is_picture(head) or (len(head) >= shortest_text and _is_text(head))


def _frame_format(head: bytes) -> Container | None:
    at = _after_id3(head)
    if at >= len(head) and at:
        return Container.MP3  # a tag longer than the head: what follows is MP3 in all but name
    if starts_with_frames(head, ADTS_FRAMES, at=at):
        return Container.ADTS
    if at or starts_with_frames(head, MP3_FRAMES):
        return Container.MP3
    return None


def _after_id3(head: bytes) -> int:
    """Bytes of the ID3v2 tag at the start, 0 without one (id3.org, ID3v2.4 structure §3.1)."""
    if head[:3] != b"ID3" or len(head) < _ID3_HEADER or max(head[6:10]) > 0x7F or 0xFF in head[3:5]:  # noqa: PLR2004
        return 0
    footer = _ID3_HEADER if head[5] & 0x10 else 0
    return _ID3_HEADER + footer + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])


def _announces_stream(head: bytes) -> bool:
    """Whether the first frame carries no sound but a Xing, Info or VBRI header."""
    length = mp3_frame_length(head, 0)
    return length is not None and any(mark in head[4 : min(length, 48)] for mark in (b"Xing", b"Info", b"VBRI"))


_FOREIGN = (
    b"%PDF",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",  # JPEG: as an MP3 header it would be layer "reserved"
    b"GIF8",
    b"BM\x00",
    b"II*\x00",
    b"MM\x00*",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x7fELF",
    b"MZ\x90\x00",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"SQLite format 3\x00",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # Office before 2007
    b"{\\rtf",
)


def _is_picture(head: bytes) -> bool:
    return (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or (head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS)


def _is_text(head: bytes) -> bool:
    """Plain text, markup, JSON: UTF-8 without control characters."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head[:4096])  # a character cut at the end is fine
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(text) is None
