"""The process that reads one document and ends: `python -m shared.adapters.embedded_documents.reader`.

What it is given comes from anybody, and the parsers are not ours: here they can be stopped, cannot take more memory
than allowed, and see no setting and no key. Its answer on standard output is a line of JSON for each page, as it is
read (`PageRead`), and a last one: `{"fields": text}`, or `{"refused": code}`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Container, Iterator
from pathlib import Path

from shared.adapters.apart import Answer, answer_apart
from shared.adapters.embedded_documents.caps import Caps
from shared.adapters.embedded_documents.pdf import form_fields, read_pdf
from shared.adapters.embedded_documents.pictures import read_pictures
from shared.domain.document import DocumentKind, PageRead


def main(file: str, kind: str, caps: str, known: str) -> None:
    """Read the file and answer; `known` are numbers of pages that are not to be read, as a JSON list."""
    given = Caps(**json.loads(caps))
    answer_apart(
        lambda: _read(Path(file), DocumentKind(kind), given, frozenset(json.loads(known))),
        memory_bytes=given.memory_bytes,
        cpu_seconds=given.seconds * (given.threads + 1),
    )


def _read(file: Path, kind: DocumentKind, caps: Caps, known: Container[int]) -> Iterator[Answer]:
    for page in _pages(file, kind, caps, known):
        yield page.model_dump(mode="json")
    yield {"fields": form_fields(file) if kind is DocumentKind.PDF else ""}


def _pages(file: Path, kind: DocumentKind, caps: Caps, known: Container[int]) -> Iterator[PageRead]:
    return read_pdf(file, caps, known) if kind is DocumentKind.PDF else read_pictures(file, kind, caps, known)


if __name__ == "__main__":
    main(*sys.argv[1:])
