"""The process that reads one document and ends: `python -m shared.adapters.embedded_documents.reader`.

What it is given comes from anybody, and the parsers are not ours: here they can be stopped, cannot take more memory
than allowed, and see no setting and no key. Its answer on standard output is one JSON object: an analysis, or
`{"refused": code}`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from shared.adapters.apart import answer_apart
from shared.adapters.embedded_documents.caps import Caps
from shared.adapters.embedded_documents.pdf import read_pdf
from shared.adapters.embedded_documents.pictures import read_pictures
from shared.domain.document import DocumentAnalysis, DocumentKind


def main(file: str, kind: str, caps: str) -> None:
    """Read the file and answer."""
    given = Caps(**json.loads(caps))
    answer_apart(
        lambda: _read(Path(file), DocumentKind(kind), given).model_dump(mode="json"),
        memory_bytes=given.memory_bytes,
        cpu_seconds=given.seconds * (given.threads + 1),
    )


def _read(file: Path, kind: DocumentKind, caps: Caps) -> DocumentAnalysis:
    return read_pdf(file, caps) if kind is DocumentKind.PDF else read_pictures(file, kind, caps)


if __name__ == "__main__":
    main(*sys.argv[1:])
