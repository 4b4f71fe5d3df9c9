"""A stored blob as an answer: streamed, in part if asked for (RFC 9110 §14), not at all if the client has it (§13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from functions.http.problems import Problem, problem
from shared.ports import BlobInfo, BlobStore

SHOWN_INLINE = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/bmp", "image/tiff", "audio/flac", "audio/wav", "audio/mpeg"}
)
"""Types that no browser runs anything of. All others are saved, not shown."""

_BYTES = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
STREAMED: Mapping[int | str, dict[str, object]] = {
    200: {"description": "All of it", "content": _BYTES},
    206: {"description": "The range asked for", "content": _BYTES},
    304: {"description": "The client has it already (If-None-Match)"},
    416: {"model": Problem, "description": "The range asked for begins behind the end"},
}
"""What operations that stream describe as their answers."""

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_NOT_IN_A_TOKEN = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class Span:
    """A stretch of a blob: offset of its first byte, and how many."""

    start: int
    length: int


def stream_blob(request: Request, blobs: BlobStore, container: str, info: BlobInfo, file_name: str) -> Response:
    """Answer with a blob that exists; `file_name` is what a browser saves it as.

    200, 206 for a single range, 304 when If-None-Match names the blob's ETag, 416. Several ranges at once are
    answered with the whole, as RFC 9110 §14.2 allows.
    """
    headers = _headers(info, file_name)
    if _is_named(info.etag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=_without_content(headers))
    asked = request.headers.get("range") if _range_holds(request, info.etag) else None
    span = span_of(asked, info.size)
    if span is None:
        refusal = {"Content-Range": f"bytes */{info.size}", "Accept-Ranges": "bytes"}
        return problem(416, "range_not_satisfiable", f"there are {info.size} bytes", headers=refusal)
    headers["Content-Length"] = str(span.length)
    partly = span.length < info.size
    if partly:
        headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{info.size}"
    body = blobs.stream(container, info.name, start=span.start, length=span.length) if span.length else iter(())
    return StreamingResponse(body, 206 if partly else 200, headers, media_type=info.content_type)


def span_of(asked: str | None, size: int) -> Span | None:
    """What a Range header asks for of `size` bytes: the whole for none or one we do not read, None behind the end."""
    whole = Span(0, size)
    found = _RANGE.fullmatch(asked.strip()) if asked else None
    if found is None or found.group(0) == "bytes=-":
        return whole
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        return Span(size - length, length) if length else None
    start, end = int(first), min(int(last) if last else size - 1, size - 1)
    if last and int(last) < start:
        return whole  # no range at all
    return Span(start, end - start + 1) if start < size else None


def disposition(content_type: str, file_name: str) -> str:
    """Content-Disposition: shown or saved, with the name in ASCII for old clients and whole (RFC 6266, RFC 8187)."""
    kind = "inline" if content_type.partition(";")[0].strip().lower() in SHOWN_INLINE else "attachment"
    plain = _NOT_IN_A_TOKEN.sub("_", file_name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _headers(info: BlobInfo, file_name: str) -> dict[str, str]:
    return {
        "ETag": info.etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(info.content_type, file_name),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }


def _without_content(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("ETag", "Cache-Control")}


def _is_named(etag: str, condition: str) -> bool:
    """Whether an If-None-Match header names this ETag; weak ones count (RFC 9110 §13.1.2)."""
    named = [each.strip().removeprefix("W/") for each in condition.split(",")]
    return etag in named or named == ["*"]


def _range_holds(request: Request, etag: str) -> bool:
    """A Range for another version (If-Range) is none."""
    condition = request.headers.get("if-range")
    return condition is None or condition.strip() == etag
