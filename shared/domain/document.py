"""Documents: what kinds there are, whose they are and where they lie, and what reading one gives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.access import note
from shared.domain.caller import Caller, Role
from shared.domain.errors import NotFound
from shared.domain.model import Model

FEATURE_PATTERN = r"^[a-z0-9-]{1,64}$"
HEAD = 1024
"""Bytes from a file's start that tell its kind."""

_PATH = re.compile(
    r"(?P<feature>[a-z0-9-]{1,64})/(?P<role>User|Therapist)/(?P<userid>[A-Za-z0-9._-]{1,128})"
    r"/(?P<date>\d{4}-\d{2}-\d{2})/(?P<filename>[A-Za-z0-9._ ()-]{1,255})",
    re.ASCII,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Sizes that the header after a BMP's file header may have."""
_MAX_DISPLAY_NAME = 255


class DocumentKind(StrEnum):
    """Kinds of documents that are taken; the value is the media type they are stored and shown with."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    BMP = "image/bmp"


class UploaderRole(StrEnum):
    """What the wire calls the two sides: a `User` is a client."""

    USER = "User"
    THERAPIST = "Therapist"


class Table(Model):
    """A table as rows of cells, from the top and from the left; `page` counts from 1."""

    page: int
    rows: tuple[tuple[str, ...], ...]


class DocumentAnalysis(Model):
    """What stands in a document. `content` is its text in reading order, filled-in form fields included."""

    content: str
    pages: int
    tables: tuple[Table, ...] = ()


class PageRead(Model):
    """What stands on one page; `number` counts from 1."""

    number: int
    text: str
    tables: tuple[Table, ...] = ()


def analysis_of(pages: Iterable[PageRead], fields: str = "") -> DocumentAnalysis:
    """All pages of a document, in whatever order they come; an empty line between them, filled-in fields at the end."""
    read = sorted(pages, key=lambda page: page.number)
    return DocumentAnalysis(
        content="\n\n".join(filter(None, [*(page.text for page in read), fields])),
        pages=len(read),
        tables=tuple(table for page in read for table in page.tables),
    )


class DocumentPath(Model):
    """Where a document lies, and so whose it is."""

    feature: str
    role: UploaderRole
    userid: str
    date: str
    filename: str

    @property
    def folder(self) -> str:
        """All but the name, ending in a slash."""
        return f"{self.feature}/{self.role}/{self.userid}/{self.date}/"

    @property
    def resource(self) -> str:
        """What the audit trail calls it: the beginning of the path's SHA-256, since names may be people's."""
        return "document:" + hashlib.sha256((self.folder + self.filename).encode()).hexdigest()[:16]

    @classmethod
    def parse(cls, file_url: str) -> DocumentPath:
        """Read a path as the upload gave it; any other spelling of it is unknown. Raises: NotFound."""
        found = _PATH.fullmatch(file_url)
        if found is None or not {".", ".."}.isdisjoint(file_url.split("/")):
            raise unknown_document()
        return cls(**found.groupdict())


def unknown_document() -> NotFound:
    """The one answer for what is not there, not the caller's, or no path at all."""
    return NotFound("no such document", code="document_not_found")


@dataclass(frozen=True)
class _Reached:
    """What a decision was about, for the audit trail: documents belong to the relationship named by their owner."""

    relationship_id: str
    resource: str


def is_theirs(caller: Caller, userid: str, role: UploaderRole, *, resource: str, treated: bool = False) -> bool:
    """Whether documents of this user, in this role, are the caller's. The answer is noted for the audit trail.

    `resource` says which; never a file's name, which may be a person's. `treated` says that the user is a client whom
    the caller treats: their documents may be seen.
    """
    own = Role.THERAPIST if role is UploaderRole.THERAPIST else Role.CLIENT
    theirs = caller.reaches_all or treated or (caller.id == userid and caller.is_(own))
    note(_Reached(userid, resource), allowed=theirs)
    return theirs


def kind_of(head: bytes) -> DocumentKind | None:
    """Tell a document by its first HEAD bytes, whatever its name; None for anything that is not taken.

    A PDF's header may come after other bytes within the first 1024 (ISO 32000, annex H.3.4.1 of the 1.7 reference).
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return DocumentKind.PNG
    if head.startswith(b"\xff\xd8\xff"):
        return DocumentKind.JPEG
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return DocumentKind.TIFF
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return DocumentKind.BMP
    return DocumentKind.PDF if b"%PDF-" in head[:HEAD] else None


def display_name(given: str | None) -> str:
    """The base name of a client's file in its own letters, without what could disturb a header or a display."""
    base = _CONTROL.sub("", re.split(r"[/\\]", given or "")[-1]).strip()
    return base[:_MAX_DISPLAY_NAME] or "document"
